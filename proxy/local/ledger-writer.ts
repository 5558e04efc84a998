import type { Batch, EventQueue } from '#proxy/record/event-queue.ts';
import type { DiskPace } from './disk-pace.ts';
import type { LedgerJournal } from './ledger-journal.ts';

/** How long an event that nobody waits for may wait for company (ms). */
const LINGER = 3;
/** First and longest pause before a record that could not be written is tried again (ms). */
const RETRY_FIRST = 50;
const RETRY_LONGEST = 1000;
/** A record with more events than this is one of several statements. */
const ALONE = 4;
/** In a crowd: further turns of the event loop that a record waits for while each brings more, and bytes with which it has company enough. */
const TURNS = 3;
const ENOUGH = 32 << 10;
/** When this thread has waited for the disk for so long (ms), the world may have gone on without it, */
const STOOD_STILL = 10;
/** and in so many turns of the event loop it learns what has happened: a connection, what it says, and that it has ended. */
const CATCH_UP = 4;

/** Whether this thread may wait for the disk itself. */
export type Disk = Pick<DiskPace, 'fast' | 'took' | 'failed'>;

export interface LedgerWriterEvents {
  /** Everything up to this ticket is durable. */
  readonly written: (ticket: number) => void;
  /** The disk did not take a record, which is tried again until it does. */
  readonly failed: (error: Error) => void;
  /** The journal is full: `send` when there is room. */
  readonly full: () => void;
  /** `send` has found nothing to write. */
  readonly empty: () => void;
}

/**
 * When the journal is written: each write costs the same, however many statements share it, and one at a time is under way. So it waits
 * for whatever is there already, and never for what may come.
 *
 * In a crowd this thread makes the write itself, as long as the disk is fast (docs/decisions/0010): everything that may go to a server has
 * gone by then, and while the disk works, the next requests gather.
 */
export class LedgerWriter {
  #queue: EventQueue;
  #journal: LedgerJournal;
  #events: LedgerWriterEvents;
  #disk: Disk;
  #scheduled = false;
  /** Events up to this ticket are to be written without delay. */
  #urgent = 0;
  #lingering: NodeJS.Timeout | undefined;
  /** When the first event came that no record has taken up since; null where there is none, or somebody waits for it. */
  #since: number | null = null;
  /** A record is being written, or waits for its next attempt. */
  #busy = false;
  #closed = false;
  #pause = RETRY_FIRST;
  #durable = 0;
  /** The last record was one of several statements. */
  #crowd = false;

  constructor(queue: EventQueue, journal: LedgerJournal, disk: Disk, events: LedgerWriterEvents) {
    this.#queue = queue;
    this.#journal = journal;
    this.#disk = disk;
    this.#events = events;
  }

  /** Number of the next record. */
  get seq(): number {
    return this.#journal.seq;
  }

  get full(): boolean {
    return this.#journal.full;
  }

  /** Somebody waits for what is not durable yet. */
  get wanted(): boolean {
    return this.#urgent > this.#durable;
  }

  /** All records below this number are in the tables. */
  filed(seq: number): void {
    this.#journal.filed(seq);
  }

  /** An event was taken. `patient`: a write for its sake alone would only hold up others that somebody waits for. */
  took(ticket: number, patient: boolean): void {
    // In a crowd, statements too are left until the first of their results is there and asks: with one client that would be later, with
    // many it is fewer writes.
    if (!patient && !this.#crowd) this.hurry(ticket);
    else if (this.#since === null) {
      this.#since = performance.now();
      this.#lingering ??= setTimeout(() => this.#lingered(), LINGER);
    }
  }

  /** In a crowd a record comes before the time is up, nearly always: a timer that is left to run is cheaper than one for each. */
  #lingered(): void {
    this.#lingering = undefined;
    if (this.#since === null) return;
    const left = this.#since + LINGER - performance.now();
    if (left <= 0) this.hurry(this.#queue.last);
    else this.#lingering = setTimeout(() => this.#lingered(), left);
  }

  /** Somebody waits for this ticket. */
  hurry(ticket: number): void {
    if (ticket > this.#urgent) this.#urgent = ticket;
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    this.#gather(this.#queue.last, this.#crowd ? TURNS : 0);
  }

  /** Writes what there is, now. */
  send(): void {
    this.#send(false);
  }

  /** `here`: by this thread, if the disk is fast; only where nobody up the stack has work left. */
  #send(here: boolean): void {
    if (this.#busy || this.#closed) return;
    const batch = this.#queue.peek();
    if (batch === null) {
      this.#events.empty();
      return;
    }
    if (this.#journal.full) {
      this.#events.full();
      return;
    }
    this.#busy = true;
    this.#since = null;
    const began = performance.now();
    if (here && this.#disk.fast(began)) this.#writeHere(batch, began);
    else
      this.#journal.write(batch, error => {
        const now = performance.now();
        this.#disk.took(now - began, false, now);
        this.#done(batch, error);
      });
  }

  #writeHere(batch: Batch, began: number): void {
    const error = this.#journal.writeHere(batch);
    const now = performance.now();
    this.#disk.took(now - began, true, now);
    if (now - began < STOOD_STILL) this.#done(batch, error);
    else this.#catchUp(CATCH_UP, () => this.#done(batch, error));
  }

  /** Before anybody is released, timers fire, so that whoever has waited too long is told so, and who has gone or has cancelled is heard. */
  #catchUp(turns: number, then: () => void): void {
    setImmediate(() => {
      if (turns > 1) this.#catchUp(turns - 1, then);
      else then();
    });
  }

  #done(batch: Batch, error: Error | null): void {
    if (error === null) this.#written(batch.last);
    else this.#failed(error);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#lingering);
    // A write that hangs still has its file.
    if (!this.#busy) this.#journal.close();
  }

  /**
   * After all sockets that are readable in this turn have been served: their events share one write. What came in meanwhile is
   * readable in the next turn.
   */
  #gather(seen: number, turns: number): void {
    setImmediate(() => {
      const { last, bytes } = this.#queue;
      if (turns > 0 && last !== seen && bytes < ENOUGH) {
        this.#gather(last, turns - 1);
        return;
      }
      this.#scheduled = false;
      this.#send(this.#crowd);
    });
  }

  #written(ticket: number): void {
    this.#busy = false;
    this.#pause = RETRY_FIRST;
    this.#crowd = ticket - this.#durable > ALONE;
    this.#durable = ticket;
    this.#queue.drop(ticket);
    // First whoever waits: what they append goes with the next record.
    this.#events.written(ticket);
    if (this.wanted) this.hurry(this.#urgent);
  }

  /** The same record again, until the disk takes it. */
  #failed(error: Error): void {
    this.#events.failed(error);
    this.#disk.failed(performance.now());
    setTimeout(() => {
      this.#busy = false;
      this.send();
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, RETRY_LONGEST);
  }
}
