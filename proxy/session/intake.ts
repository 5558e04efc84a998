import { HoldpointError } from '#schemas/errors.ts';
import type { Share } from '../quota.ts';
import { encode } from '../wire/backend.ts';
import { Frames } from '../wire/frames.ts';
import { FRONTEND, isLawful, longest } from '../wire/frontend.ts';
import type { SessionParts } from './parts.ts';
import type { Reading } from './reading.ts';

/** Why the agent's next message has to wait. */
export type Block =
  | 'ready'
  | 'judging'
  | 'catalog'
  | 'probe'
  | 'settle'
  | 'copy'
  | 'cancel'
  | 'reader'
  | 'ledger'
  | 'turn';

/** More than this behind a message that waits is left in the network. */
const AHEAD_MARK = 256 * 1024;

export interface IntakeHandler {
  /** Before each message: false when it has to wait, and `wait` has been told why. */
  turn(): boolean;
  message(type: number, buffer: Buffer, start: number, end: number): void;
  /** Called when there is nothing more to do for now: what was collected can be sent. */
  rest(): void;
  over(): boolean;
  /** A statement is parked, or is about to be. */
  parked(): boolean;
  /** The agent has closed its side, and everything that it sent before has been dealt with. */
  said(): void;
  /** Behind a message that waits, the agent has said Terminate. */
  leaving(): unknown;
}

const TERMINATE = encode(FRONTEND.terminate);

/** The agent's messages, one at a time: while one has to wait, what comes in behind it is kept, up to a limit. */
export class Intake {
  readonly frames: Frames;
  private readonly aheadLimit: number;
  private readonly handler: IntakeHandler;
  private blocked: Block | null = null;
  private ahead: Buffer[] = [];
  private aheadBytes = 0;
  private readonly reading: Reading;
  private readonly memory: Share;
  /** Bytes that `memory` knows of. */
  private kept = 0;
  /** The agent has closed its side of the connection: nothing more will come. */
  ended = false;

  constructor(
    { limits, memory }: Pick<SessionParts, 'limits' | 'memory'>,
    reading: Reading,
    handler: IntakeHandler,
  ) {
    this.reading = reading;
    this.memory = memory;
    this.frames = new Frames({
      limit: type => Math.min(type === FRONTEND.copyData ? Infinity : limits.messageBytes, longest(type)),
      // What the server would read is refused like any other message; from anything longer it would run away, too.
      drop: (type, length) => length <= longest(type),
      unknown: type => !isLawful(type),
      // Passed on as it comes in, or dropped: never held whole.
      stream: type => type === FRONTEND.copyData,
    });
    this.aheadLimit = limits.aheadBytes;
    this.handler = handler;
  }

  get block(): Block | null {
    return this.blocked;
  }

  wait(why: Block): void {
    this.blocked = why;
  }

  /** The next message may be looked at; `pump` does. */
  free(): void {
    this.blocked = null;
  }

  take(chunk: Buffer): void {
    if (this.blocked === null) {
      this.frames.push(chunk);
      this.pump();
      return;
    }
    // Read on while blocked: only so is it seen that an agent has gone while its statement is parked. Terminate is always an
    // agent's last message; data that ends just like it can only take its own sender's statement back.
    if (chunk.length >= 5 && chunk.subarray(-5).equals(TERMINATE)) this.handler.leaving();
    this.ahead.push(chunk);
    this.aheadBytes += chunk.length;
    this.count();
    if (!this.handler.parked()) {
      if (this.aheadBytes > AHEAD_MARK) this.reading.stop('ahead');
    } else if (this.aheadBytes > this.aheadLimit)
      throw new HoldpointError('sent_ahead', undefined, { detail: `The limit is ${this.aheadLimit} bytes.` });
  }

  /** What is kept of the agent's bytes until it can be dealt with. Throws where there is no memory for more. */
  private count(): void {
    if (this.blocked === null) this.frames.forget();
    const more = this.frames.held + this.aheadBytes - this.kept;
    if (more === 0) return;
    const full = more > 0 ? this.memory.full(more) : null;
    if (full !== null) throw full;
    this.memory.add(more);
    this.kept += more;
  }

  /** The agent has closed its side: what it has sent is still dealt with, as the server does. */
  end(): void {
    this.ended = true;
    if (this.blocked === null) this.pump();
  }

  pump(): void {
    const { frames } = this;
    if (this.handler.over()) return;
    for (;;) {
      while (this.blocked === null && !this.handler.over() && this.handler.turn() && frames.next())
        this.handler.message(frames.type, frames.buffer, frames.start, frames.end);
      if (this.blocked !== null || this.handler.over() || this.ahead.length === 0) break;
      const chunk = this.ahead.shift()!;
      this.aheadBytes -= chunk.length;
      frames.push(chunk);
      if (this.aheadBytes <= AHEAD_MARK) this.reading.go('ahead');
    }
    this.count();
    this.handler.rest();
    if (this.ended && this.blocked === null && !this.handler.over()) this.handler.said();
  }
}
