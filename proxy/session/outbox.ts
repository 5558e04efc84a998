import type { Duplex } from 'node:stream';
import type { Recorder } from '../ports.ts';

/** Beyond this many bytes waiting for a slow reader, its own server connection is slowed. */
export const HIGH_WATER = 256 * 1024;

/** What was written under one gate. */
interface Batch {
  readonly until: number;
  readonly pieces: Buffer[];
  bytes: number;
}

/**
 * Everything that goes to the agent goes through here, in order, and not before the record allows it: bytes written after `gate(ticket)`
 * leave only when that ticket is durable (promise 2). Later gates do not hold up what was written before them: an agent that keeps a
 * pipeline full still gets its answers.
 */
export class Outbox {
  private readonly socket: Duplex;
  private readonly recorder: Recorder;
  private readonly lost: (fault: Error) => void;
  private readonly relieved: () => void;
  private pending: Batch[] = [];
  private bytes = 0;
  private until = 0;
  private waiting = false;
  private closed = false;
  /** Nothing more is told to the agent. */
  muted = false;
  /** To be sent after all else, before the connection ends; undefined while it is not to end. */
  private last: Buffer | null | undefined;

  /**
   * `lost` is called when a ticket does not become durable in time: what waited behind it is never sent. `relieved` after what
   * waited for the ledger has been sent.
   */
  constructor(socket: Duplex, recorder: Recorder, lost: (fault: Error) => void, relieved: () => void) {
    this.socket = socket;
    this.recorder = recorder;
    this.lost = lost;
    this.relieved = relieved;
  }

  gate(ticket: number): void {
    if (ticket > this.until) this.until = ticket;
  }

  write(bytes: Buffer): void {
    if (this.closed || this.muted || this.last !== undefined) return;
    const { pending, until } = this;
    this.bytes += bytes.length;
    const batch = pending.length === 0 ? undefined : pending[pending.length - 1];
    if (batch === undefined || batch.until !== until) {
      pending.push({ until, pieces: [bytes], bytes: bytes.length });
      return;
    }
    batch.pieces.push(bytes);
    batch.bytes += bytes.length;
  }

  /** Bytes not yet taken by the agent's side of the network. */
  get backlog(): number {
    return this.bytes + this.socket.writableLength;
  }

  /** Sends what may be sent; call at the end of a turn, so that one turn is one write. */
  flush(): void {
    const { pending, recorder } = this;
    if (pending.length === 0 || this.closed) return;
    let ready = 0;
    while (ready < pending.length && pending[ready]!.until <= recorder.durable) ready++;
    if (ready > 0) {
      this.pending = ready === pending.length ? [] : pending.slice(ready);
      this.send(ready === pending.length ? pending : pending.slice(0, ready));
    }
    const [next] = this.pending;
    if (next !== undefined) this.waitFor(next.until);
    else this.close();
  }

  private send(batches: readonly Batch[]): void {
    const { socket } = this;
    for (const { bytes } of batches) this.bytes -= bytes;
    const [only] = batches;
    if (batches.length === 1 && only!.pieces.length === 1) {
      socket.write(only!.pieces[0]);
      return;
    }
    socket.cork();
    for (const { pieces } of batches) for (const bytes of pieces) socket.write(bytes);
    socket.uncork();
  }

  private waitFor(ticket: number): void {
    if (this.waiting) return;
    this.waiting = true;
    this.recorder.whenDurable(ticket, this.told);
  }

  private readonly told = (fault: Error | null) => {
    this.waiting = false;
    if (fault === null) {
      this.flush();
      this.relieved();
    } else if (!this.closed) {
      this.drop();
      this.lost(fault);
      this.close();
    }
  };

  /** Forgets what was not sent. */
  drop(): void {
    this.pending = [];
    this.bytes = 0;
  }

  /** Ends the connection: what waits for the ledger is sent once it may be, then `last`. */
  end(last: Buffer | null): void {
    if (this.last !== undefined) return;
    this.last = last;
    this.flush();
    if (this.bytes === 0) this.close();
  }

  private close(): void {
    if (this.closed || this.last === undefined) return;
    this.closed = true;
    if (this.last === null) this.socket.end();
    else this.socket.end(this.last);
  }
}
