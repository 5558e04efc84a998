import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Room made for the WAL before the first commit needs it (bytes): at once, so that starting stays quick, and when the ledger first rests. */
const FIRST_ROOM = 2 << 20;
const ROOM = 16 << 20;
/** What is filled before SQLite moves it into the database. */
const FULL = 12 << 20;
/** A ledger that rests moves what is more than this. */
const WORTH = 1 << 20;
/** Only where the disk has this many times the room to spare. */
const SPARE = 16;
const PAGE = 4096;
const SQLITE_FULL = 13;
/** Pages that a commit writes beside its text: the first one, the inner ones, and the last of the events, begun by the commit before. */
const EXTRA_PAGES = 3;

/**
 * SQLite's write-ahead log, kept in a shape in which a commit is one write and one sync of blocks that are there already: a file that
 * grows costs a commit of the file system's own journal with each sync, twice the time. And it is moved into the database when nobody
 * waits for that, not by the commit that happens to be the thousandth.
 *
 * None of this bears on what survives a crash: SQLite reads a WAL up to the first frame whose salt and checksum do not continue it,
 * so zeros after the last one mean nothing, and moving is SQLite's own checkpoint.
 */
export class LedgerWal {
  #db: DatabaseSync;
  #path: string;
  #move: StatementSync;
  #room = 0;
  /** An estimate of what is in the WAL and not in the database (bytes). */
  #filled = FULL;
  #next = FULL;

  /** `db` must have written something, so that its WAL exists. */
  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#path = `${file}-wal`;
    this.#move = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#makeRoom(FIRST_ROOM);
    // Whatever another run has left there.
    this.move(false);
  }

  /** One commit of so many characters of text. */
  grew(characters: number): void {
    this.#filled += (Math.ceil(characters / PAGE) + EXTRA_PAGES) * PAGE;
  }

  /**
   * Moves the WAL into the database when there is enough of it; for a ledger at rest less is enough. Never waits for readers: one that
   * still reads an older state leaves the WAL to grow until it has gone. On a full disk too the WAL just stays; when it cannot
   * grow either, commits fail, and that is told.
   */
  move(resting: boolean): void {
    if (resting) this.#makeRoom(ROOM);
    if (this.#filled < (resting ? Math.min(WORTH, this.#next) : this.#next)) return;
    if (this.#moved()) this.#filled = 0;
    // What could not be moved is tried again a good deal later, not at each commit.
    this.#next = this.#filled + FULL;
  }

  #moved(): boolean {
    try {
      const row = this.#move.get();
      return row !== undefined && row.busy === 0 && row.log === row.checkpointed;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === SQLITE_FULL) return false;
      throw error;
    }
  }

  #makeRoom(bytes: number): void {
    if (this.#room >= bytes) return;
    this.#room = bytes;
    // Nobody else may write there meanwhile.
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      fillUp(this.#path, bytes);
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }
}

/** Zeros up to this size, all or nothing; nothing where the disk has little room, and nothing that was there is touched. */
function fillUp(wal: string, room: number): void {
  const { bavail, bsize } = statfsSync(dirname(wal));
  if (bavail * bsize < room * SPARE) return;
  const file = openSync(wal, 'r+');
  try {
    const begin = fstatSync(file).size;
    const zeros = Buffer.alloc(1 << 20);
    try {
      for (let at = begin; at < room; )
        at += writeSync(file, zeros, 0, Math.min(zeros.length, room - at), at);
      fsyncSync(file);
    } catch (error) {
      ftruncateSync(file, begin);
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  } finally {
    closeSync(file);
  }
}
