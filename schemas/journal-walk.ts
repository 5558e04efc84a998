import {
  BLOCK,
  HEADER,
  type JournalPosition,
  type JournalRecord,
  openRecord,
  recordLength,
  recordSize,
} from './journal.ts';

/** A journal's two files, for reading. */
export interface JournalSource {
  /** Size of a file in bytes; null when there is none. */
  size(segment: 0 | 1): number | null;
  /** Up to so many bytes from there on: fewer only at the end of the file. */
  read(segment: 0 | 1, offset: number, length: number): Buffer;
}

/** What is wrong with a journal, in the words of the verifier's findings. */
export class JournalFault extends Error {
  readonly fault: 'missing' | 'truncated' | 'altered';

  constructor(fault: 'missing' | 'truncated' | 'altered', message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Read at once: most records are smaller. */
const WINDOW = 1 << 18;

/**
 * Follows the records from a position on, in both files, as far as they are whole and continue each other. Gives the position after each
 * with it. The end is where the next record is not there (yet), or was not written to its end: such a one was never acknowledged.
 */
export function* followJournal(
  source: JournalSource,
  from: JournalPosition,
): Generator<{ readonly record: JournalRecord; readonly next: JournalPosition }> {
  let at = from;
  let window: { segment: 0 | 1; offset: number; bytes: Buffer } | null = null;
  const bytesAt = (segment: 0 | 1, offset: number, length: number): Buffer => {
    if (
      window === null ||
      window.segment !== segment ||
      window.offset > offset ||
      offset + length > window.offset + window.bytes.length
    )
      window = { segment, offset, bytes: source.read(segment, offset, Math.max(length, WINDOW)) };
    return window.bytes.subarray(offset - window.offset);
  };
  const next = (segment: 0 | 1, offset: number): JournalRecord | null => {
    const head = bytesAt(segment, offset, HEADER);
    const length = head.length < HEADER ? null : recordLength(head);
    if (length === null) return null;
    // A length that is not a record's may be anything: never more is read than there is.
    if (length > head.length && offset + length > (source.size(segment) ?? 0)) return null;
    const record = openRecord(length <= head.length ? head : bytesAt(segment, offset, length));
    return record !== null && continues(record, at) ? record : null;
  };
  for (;;) {
    const other = at.segment === 0 ? 1 : 0;
    const here = next(at.segment, at.offset);
    const record = here ?? next(other, 0);
    if (record === null) return;
    at = {
      epoch: at.epoch,
      segment: here === null ? other : at.segment,
      offset: (here === null ? 0 : at.offset) + recordSize(record.payload.length),
      seq: at.seq + 1,
      prev: record.digest,
    };
    yield { record, next: at };
  }
}

/**
 * Throws a JournalFault where the journal that should begin at `from` and was found to end at `end` is not all there: the files are
 * gone, shorter than they were made, of another run, or hold a record that comes after the end. One record is written after the other
 * has reached the disk, so that a crash leaves at most the last of them unfinished.
 */
export function checkJournal(
  source: JournalSource,
  from: JournalPosition,
  end: JournalPosition,
  room: number,
): void {
  for (const segment of [0, 1] as const) {
    const size = source.size(segment);
    if (size === null) throw new JournalFault('missing', `its file ${segment + 1} is not there`);
    if (size < room)
      throw new JournalFault(
        'truncated',
        `its file ${segment + 1} has ${size} bytes, and was made with ${room}`,
      );
  }
  let own = false;
  for (const segment of [0, 1] as const) {
    for (let offset = 0; ; ) {
      const bytes = source.read(segment, offset, WINDOW);
      for (let at = 0; at + HEADER <= bytes.length; at += BLOCK) {
        const length = recordLength(bytes.subarray(at));
        if (length === null || bytes.toString('hex', at + 48, at + 64) !== end.epoch) continue;
        const whole =
          at + length <= bytes.length ? bytes.subarray(at) : source.read(segment, offset + at, length);
        const record = openRecord(whole);
        if (record === null) continue;
        own = true;
        if (record.seq >= end.seq)
          throw new JournalFault(
            'altered',
            `record ${end.seq} is not what it was or not there, and record ${record.seq} is`,
          );
      }
      if (bytes.length < WINDOW) break;
      offset += bytes.length;
    }
  }
  if (!own)
    throw new JournalFault('altered', `it is not the one that the ledger was writing (${from.epoch})`);
}

function continues(record: JournalRecord, at: JournalPosition): boolean {
  return record.epoch === at.epoch && record.seq === at.seq && record.prev === at.prev;
}
