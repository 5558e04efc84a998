import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { HEADER, recordSize } from '#schemas/journal.ts';
import { EventLines } from './event-lines.ts';
import { JsonBytes } from './json-bytes.ts';

/** Lines that are written as one record of the journal. */
export interface Batch {
  /** The lines stand from HEADER on, and there is room for the whole record around them. */
  readonly bytes: Buffer;
  /** Bytes of the lines. */
  readonly length: number;
  /** Ticket of the last event. */
  readonly last: number;
}

/** Bytes at which a batch is full: one write should not hold up its first events for long. */
const BATCH = 1 << 20;
/** Memory that a batch begins with, and the largest that is used again. */
const USUAL = 64 << 10;
const KEPT = 256 << 10;

/** Events on their way to the ledger, in order, cut into batches. */
export class EventQueue {
  #batches: Batch[] = [];
  #lines: EventLines;
  #open = new JsonBytes(Buffer.allocUnsafeSlow(USUAL), HEADER);
  /** Memory of a batch that is done. */
  #spare: Buffer | null = null;
  /** Bytes of the batches. */
  #cutBytes = 0;

  /** The ticket of the last event taken; the first is 1. */
  last = 0;

  /** `clock`: milliseconds since 1970. */
  constructor(clock: () => number) {
    this.#lines = new EventLines(clock);
  }

  /** Bytes in memory, those of batches under way with them. */
  get bytes(): number {
    return this.#cutBytes + this.#open.at - HEADER;
  }

  /** Takes one event and gives its ticket. */
  push<K extends AuditKind>(session: string, kind: K, body: AuditBody<K>): number {
    this.#lines.write(this.#open, session, kind, body);
    this.last += 1;
    if (this.#open.at > BATCH) this.#cut();
    return this.last;
  }

  /** The oldest batch, which stays in the queue until `drop`; null when there is nothing. */
  peek(): Batch | null {
    if (this.#batches.length === 0 && this.#open.at > HEADER) this.#cut();
    return this.#batches[0] ?? null;
  }

  /** Lets go of the batches whose events are all up to `ticket`. */
  drop(ticket: number): void {
    while (this.#batches[0] !== undefined && this.#batches[0].last <= ticket) {
      const { bytes, length } = this.#batches[0];
      this.#cutBytes -= length;
      this.#batches.shift();
      if (bytes.length <= KEPT) this.#spare = bytes;
    }
  }

  #cut(): void {
    const open = this.#open;
    const length = open.at - HEADER;
    open.room(recordSize(length) - open.at);
    this.#batches.push({ bytes: open.bytes, length, last: this.last });
    this.#cutBytes += length;
    this.#open = new JsonBytes(this.#spare ?? Buffer.allocUnsafeSlow(USUAL), HEADER);
    this.#spare = null;
  }
}
