import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { BLOCK, type JournalPosition, recordSize, sealRecord } from '#schemas/journal.ts';
import type { JournalSource } from '#schemas/journal-walk.ts';

/** Only where the disk has this many times the room to spare is it all made at once, and never less than LEAST (bytes). */
const LEAST = 16 * BLOCK;
const SPARE = 32;
/**
 * How much of it is written at once. As much as that Linux keeps in one piece of its page cache, and walks through it from one end to
 * the other with each of the small writes that follow: after pieces of a mebibyte those cost a quarter more.
 */
const PIECE = 64 << 10;

export function journalPath(file: string, segment: 0 | 1): string {
  return `${file}.journal${segment + 1}`;
}

/** The journal as the ledger's thread has it: made, begun anew with each start, and read back. What is written in between comes from the proxy's own thread. */
export class JournalFiles implements JournalSource {
  #fds: [number | null, number | null];
  #folder: string;

  /** Opens what is there. */
  constructor(file: string) {
    this.#folder = dirname(file);
    this.#fds = [open(journalPath(file, 0), 'r+'), open(journalPath(file, 1), 'r+')];
  }

  size(segment: 0 | 1): number | null {
    const fd = this.#fds[segment];
    return fd === null ? null : fstatSync(fd).size;
  }

  read(segment: 0 | 1, offset: number, length: number): Buffer {
    const fd = this.#fds[segment];
    if (fd === null) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(length);
    let got = 0;
    while (got < length) {
      const n = readSync(fd, bytes, got, length - got, offset + got);
      if (n === 0) break;
      got += n;
    }
    return bytes.subarray(0, got);
  }

  /**
   * Makes a journal of its own for this start; nothing in the files is needed any more. Blocks that are there already are written
   * without the file system's own journal, in half the time: hence the zeros.
   */
  begin(file: string, most: number): { readonly position: JournalPosition; readonly room: number } {
    const epoch = randomBytes(16).toString('hex');
    const { bavail, bsize } = statfsSync(this.#folder);
    const wanted = Math.max(LEAST, Math.min(most, Math.floor((bavail * bsize) / SPARE / BLOCK) * BLOCK));
    const first: JournalPosition = { epoch, segment: 0, offset: 0, seq: 0, prev: '0'.repeat(64) };
    const record = Buffer.alloc(recordSize(0));
    const digest = sealRecord(record, 0, first);
    let room = Number.POSITIVE_INFINITY;
    for (const segment of [0, 1] as const) {
      const fd = this.#fds[segment] ?? openSync(journalPath(file, segment), 'wx+', 0o600);
      this.#fds[segment] = fd;
      fillUp(fd, wanted);
      if (segment === 0) writeSync(fd, record, 0, record.length, 0);
      fsyncSync(fd);
      room = Math.min(room, fstatSync(fd).size);
    }
    const folder = openSync(this.#folder, 'r');
    fsyncSync(folder);
    closeSync(folder);
    return { position: { ...first, offset: record.length, seq: 1, prev: digest }, room };
  }

  close(): void {
    for (const fd of this.#fds) if (fd !== null) closeSync(fd);
    this.#fds = [null, null];
  }
}

function open(path: string, flags: string): number | null {
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Zeros up to this size, as far as the disk has room; what it has grown beyond that is given back. */
function fillUp(fd: number, room: number): void {
  if (fstatSync(fd).size > room) ftruncateSync(fd, room);
  const zeros = Buffer.alloc(PIECE);
  try {
    for (let at = fstatSync(fd).size; at < room; )
      at += writeSync(fd, zeros, 0, Math.min(zeros.length, room - at), at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
