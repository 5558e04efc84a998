import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import type { Batch } from '#proxy/record/event-queue.ts';
import { BLOCK, type JournalPosition, recordSize, sealRecord } from '#schemas/journal.ts';
import { journalPath } from './journal-files.ts';

/** A file that is left to the other one only after so many times its room: the tables are not keeping up. */
const MOST = 4;
/** A file is worth changing for the other one from this size on (bytes), whatever it was made with. */
const LEAST = 16 * BLOCK;
/**
 * The end of the log that is not in the tables yet, written by the proxy's own thread: one batch is one record, durable when its one
 * write has returned. It is made in libuv's pool, where a disk that hangs holds up nobody but those who wait for the record, or by the
 * calling thread itself, which spares waking two. The two files are used in turn, each from its beginning, once all that is in it has
 * been filed.
 */
export class LedgerJournal {
  #files: [number, number];
  #at: JournalPosition;
  #room: number;
  /** Records from this number on are not in the tables. */
  #filed: number;
  /** The number after the last record of each file. */
  #ends: [number, number] = [0, 0];
  /** The next record was tried where `#at` says, and may be there. */
  #tried = false;

  /** `at`: where the next record goes. `room`: bytes of each file that are there already. */
  constructor(file: string, at: JournalPosition, room: number) {
    // Data, and only what is needed to read it back, have reached the disk when a write returns.
    const flags = constants.O_RDWR | constants.O_DSYNC;
    this.#files = [openSync(journalPath(file, 0), flags), openSync(journalPath(file, 1), flags)];
    this.#at = at;
    this.#room = Math.max(room, LEAST);
    this.#filed = at.seq;
  }

  /** Number of the next record. */
  get seq(): number {
    return this.#at.seq;
  }

  /** Nothing can be written until more has been filed. */
  get full(): boolean {
    const { segment, offset } = this.#at;
    return offset >= this.#room * MOST && !this.#free(segment === 0 ? 1 : 0);
  }

  /** All records below this number are in the tables. */
  filed(seq: number): void {
    this.#filed = seq;
  }

  /**
   * Writes one record, in whose memory its header and padding are put; one at a time, and not when `full`. After an error the same
   * lines must be given again: they go to the same place, where they may stand already.
   */
  write(batch: Batch, done: (error: Error | null) => void): void {
    const { at, prev, size } = this.#seal(batch);
    write(this.#files[at.segment], batch.bytes, 0, size, at.offset, (error, written) => {
      done(error ?? this.#took(at, prev, size, written));
    });
  }

  /** The same, before it returns; gives the error. */
  writeHere(batch: Batch): Error | null {
    const { at, prev, size } = this.#seal(batch);
    try {
      return this.#took(at, prev, size, writeSync(this.#files[at.segment], batch.bytes, 0, size, at.offset));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  close(): void {
    for (const fd of this.#files) closeSync(fd);
  }

  #seal({ bytes, length }: Batch): { at: JournalPosition; prev: string; size: number } {
    const at = this.#place();
    this.#tried = true;
    return { at, prev: sealRecord(bytes, length, at), size: recordSize(length) };
  }

  #took(at: JournalPosition, prev: string, size: number, written: number): Error | null {
    if (written !== size) return new Error(`the disk took ${written} of ${size} bytes of the journal`);
    this.#at = { ...at, offset: at.offset + size, seq: at.seq + 1, prev };
    this.#tried = false;
    this.#ends[at.segment] = at.seq + 1;
    return null;
  }

  /** Decided once for each record: one that failed to be written may be there all the same, and must not be in two places. */
  #place(): JournalPosition {
    const other = this.#at.segment === 0 ? 1 : 0;
    if (!this.#tried && this.#at.offset >= this.#room && this.#free(other))
      this.#at = { ...this.#at, segment: other, offset: 0 };
    return this.#at;
  }

  #free(segment: 0 | 1): boolean {
    return this.#ends[segment] <= this.#filed;
  }
}
