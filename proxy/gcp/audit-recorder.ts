import type { Recorder } from '#proxy/ports.ts';
import { serialiseBody } from '#proxy/record/serialise.ts';
import { Waiters } from '#proxy/record/waiters.ts';
import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { EventAttributes } from './event-attributes.ts';
import type { Outgoing, Publisher } from './publisher.ts';
import { SessionChains } from './session-chains.ts';
import { Tickets } from './tickets.ts';

export interface AuditRecorderOptions {
  readonly publisher: Publisher;
  readonly clock: () => number;
  /** How long one publish request, and `whenDurable`, may take (ms). */
  readonly deadlineMs?: number;
  /** Bytes of events that may wait to be acknowledged; beyond it only what must be taken is. */
  readonly memory?: number;
  /** First and longest pause before a failed request is sent again (ms). */
  readonly retryMs?: readonly [number, number];
}

/** Below Pub/Sub's 10 MB for a request and its 1,000 messages, with room for attributes and framing. */
const BATCH_BYTES = 8 << 20;
const BATCH_MESSAGES = 500;
/** An event larger than this can never be published; base64 is not involved, the wire is gRPC. */
const EVENT_BYTES = 9 << 20;

interface Pending {
  readonly ticket: number;
  readonly message: Outgoing;
}

/** The events of one session that are not acknowledged, oldest first. One request at a time keeps their order. */
interface Line {
  readonly pending: Pending[];
  sending: boolean;
  pause: number;
}

/**
 * The record as a Pub/Sub topic: an event is durable when Pub/Sub has acknowledged it. Each session is an ordering key with one request
 * under way, which is sent again, whole and first, until it is acknowledged; nothing that was taken is given up before `close` is
 * out of time. Delivery is at least once: readers tell events by session and seq.
 */
export class AuditRecorder implements Recorder {
  readonly #publisher: Publisher;
  readonly #clock: () => number;
  readonly #deadline: number;
  readonly #memory: number;
  readonly #retry: readonly [number, number];
  readonly #chains = new SessionChains();
  readonly #about = new EventAttributes();
  readonly #lines = new Map<string, Line>();
  readonly #tickets = new Tickets();
  readonly #waiters = new Waiters();
  /** Sessions with something new, to be sent when this turn's events are together. */
  #ready = new Set<string>();
  #bytes = 0;
  #fault: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | null = null;
  #over = false;
  #drained: (() => void) | null = null;

  constructor(options: AuditRecorderOptions) {
    this.#publisher = options.publisher;
    this.#clock = options.clock;
    this.#deadline = options.deadlineMs ?? 5000;
    this.#memory = options.memory ?? 64 << 20;
    this.#retry = options.retryMs ?? [50, 2000];
  }

  get durable(): number {
    return this.#tickets.durable;
  }

  get backlog(): number {
    return this.#bytes;
  }

  append<K extends AuditKind>(session: string, kind: K, body: AuditBody<K>): number {
    if (this.#closed !== null) throw unavailable('the record is closed');
    const text = serialiseBody(kind, body);
    if (kind !== 'outcome' && kind !== 'hold.end' && kind !== 'session.close') {
      if (this.#fault !== null) throw unavailable('its publisher fails', this.#fault);
      if (this.#bytes > this.#memory) throw unavailable('too many events wait to be acknowledged');
      // Before it is linked: what can never be published must not leave a gap in the chain.
      if (Buffer.byteLength(text) > EVENT_BYTES)
        throw new HoldpointError('limit', 'the statement is too long to be recorded', {
          detail: `an audit event can have ${EVENT_BYTES >> 20} MiB`,
        });
    }
    const event = this.#chains.next(session, new Date(this.#clock()).toISOString(), kind, text);
    const data = Buffer.from(event.text, 'utf8');
    const ticket = this.#tickets.next();
    const line = this.#lines.get(session) ?? { pending: [], sending: false, pause: this.#retry[0] };
    this.#lines.set(session, line);
    line.pending.push({
      ticket,
      message: {
        data,
        orderingKey: session,
        attributes: { session, seq: String(event.seq), kind, ...this.#about.of(session, kind, body) },
      },
    });
    this.#bytes += data.length;
    if (this.#ready.size === 0) setImmediate(() => this.#sendReady());
    this.#ready.add(session);
    return ticket;
  }

  whenDurable(ticket: number, done: (fault: Error | null) => void): void {
    if (ticket <= this.#tickets.durable) {
      done(null);
      return;
    }
    this.#waiters.add(ticket, performance.now() + this.#deadline, done);
    this.#timer ??= setTimeout(() => this.#soon(), this.#deadline);
  }

  /** Resolves when all is acknowledged; rejects when it is not within the deadline, and says how many events are not. */
  close(): Promise<void> {
    this.#closed ??= this.#drain().finally(async () => {
      this.#over = true;
      clearTimeout(this.#timer);
      this.#waiters.expire(Number.POSITIVE_INFINITY, () => unavailable('the record is closed'));
      await this.#publisher.close();
    });
    return this.#closed;
  }

  async #drain(): Promise<void> {
    this.#sendReady();
    if (this.#tickets.durable === this.#tickets.last) return;
    let late: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((done, failed) => {
        this.#drained = done;
        late = setTimeout(() => {
          const left = this.#tickets.last - this.#tickets.durable;
          failed(unavailable(`${left} events could not be published before the end`, this.#fault));
        }, this.#deadline);
      });
    } finally {
      clearTimeout(late);
    }
  }

  #sendReady(): void {
    const ready = this.#ready;
    this.#ready = new Set();
    for (const session of ready) this.#send(session);
  }

  #send(session: string): void {
    const line = this.#lines.get(session);
    if (line === undefined || line.sending || this.#over) return;
    const batch = firstOf(line.pending);
    if (batch.length === 0) {
      this.#lines.delete(session);
      return;
    }
    line.sending = true;
    this.#publisher
      .publish(
        batch.map(p => p.message),
        this.#deadline,
      )
      .then(
        () => this.#acknowledged(session, line, batch),
        (error: unknown) => this.#failed(session, line, error),
      );
  }

  #acknowledged(session: string, line: Line, batch: readonly Pending[]): void {
    this.#fault = null;
    line.sending = false;
    line.pause = this.#retry[0];
    line.pending.splice(0, batch.length);
    for (const { ticket, message } of batch) {
      this.#bytes -= message.data.length;
      this.#tickets.acknowledge(ticket);
    }
    this.#waiters.settle(this.#tickets.durable);
    if (this.#tickets.durable === this.#tickets.last) this.#drained?.();
    this.#send(session);
  }

  #failed(session: string, line: Line, error: unknown): void {
    this.#fault = error instanceof Error ? error.message : String(error);
    setTimeout(() => {
      line.sending = false;
      this.#send(session);
    }, line.pause);
    line.pause = Math.min(line.pause * 2, this.#retry[1]);
  }

  /** Not before what has come meanwhile is read: when this process was late, an answer may be there already. */
  #soon(): void {
    setImmediate(() => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    const { expired, next } = this.#waiters.expire(now, () =>
      unavailable('it does not answer', this.#fault ?? undefined),
    );
    if (expired > 0) this.#fault ??= 'it does not answer';
    if (Number.isFinite(next)) this.#timer ??= setTimeout(() => this.#soon(), Math.max(1, next - now));
  }
}

/** As many as fit one request. */
function firstOf(pending: readonly Pending[]): Pending[] {
  let bytes = 0;
  let count = 0;
  for (const { message } of pending) {
    bytes += message.data.length;
    if (count > 0 && (bytes > BATCH_BYTES || count >= BATCH_MESSAGES)) break;
    count += 1;
  }
  return pending.slice(0, count);
}

/** The reason is a cause, for the operator's log; agents get the sentence. */
function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('ledger_unavailable', undefined, { detail, cause });
}
