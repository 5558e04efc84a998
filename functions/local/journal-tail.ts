import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { auditEvent } from '#schemas/audit.ts';
import { GENESIS, link } from '#schemas/chain.ts';
import type { JournalPosition } from '#schemas/journal.ts';
import { journalEvents } from '#schemas/journal-lines.ts';
import { checkJournal, followJournal, JournalFault, type JournalSource } from '#schemas/journal-walk.ts';
import { openTables, sealedSize } from './audit-tables.ts';
import type { StoredEvent } from './audit-verifier.ts';

/** The end of a ledger that is durable in its journal and not in its tables yet. */
export interface JournalTail {
  /** As the tables will have them: linked to what is there. */
  readonly events: readonly StoredEvent[];
  /** What is wrong with the journal, where that was asked for; null when nothing is. */
  readonly fault: JournalFault | null;
}

export interface LedgerMoment {
  readonly db: DatabaseSync;
  /** It is in use, or was not closed in order. */
  readonly open: boolean;
  readonly tail: JournalTail;
}

/** How often a ledger is looked at anew whose writer has moved on meanwhile. */
const ATTEMPTS = 20;

/**
 * One moment of a ledger: its tables in a read transaction, and what follows them. `check` looks whether the journal is all there, which
 * means reading all of it. The database is the caller's to close.
 */
export function openMoment(file: string, { check }: { check: boolean }): LedgerMoment {
  for (let attempt = 1; ; attempt += 1) {
    const db = openTables(file);
    try {
      db.exec('BEGIN');
      const place = placeOf(db);
      if (place === null) return { db, open: false, tail: { events: [], fault: null } };
      const tail = readTail(db, file, place, check);
      // Only where the writer has filed more meanwhile can it have used the journal's place again.
      if (attempt === ATTEMPTS || unmoved(file, place)) return { db, open: true, tail };
    } catch (error) {
      db.close();
      throw error;
    }
    db.close();
  }
}

interface Place {
  readonly position: JournalPosition;
  readonly room: number;
}

/** Where the journal goes on after the tables; null when it is not needed: a ledger that was closed in order, or never had one. */
function placeOf(db: DatabaseSync): Place | null {
  const tables = db
    .prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('state', 'journal')`)
    .get();
  if (tables?.n !== 2 || db.prepare('SELECT clean FROM state').get()?.clean !== 0) return null;
  const row = db.prepare('SELECT epoch, segment, offset, seq, prev, room FROM journal').get();
  if (row === undefined) return null;
  return {
    position: {
      epoch: String(row.epoch),
      segment: row.segment === 0 ? 0 : 1,
      offset: Number(row.offset),
      seq: Number(row.seq),
      prev: String(row.prev),
    },
    room: Number(row.room),
  };
}

function unmoved(file: string, { position }: Place): boolean {
  const db = openTables(file);
  try {
    const now = placeOf(db)?.position;
    return now !== undefined && now.epoch === position.epoch && now.seq === position.seq;
  } finally {
    db.close();
  }
}

function readTail(db: DatabaseSync, file: string, { position, room }: Place, check: boolean): JournalTail {
  const source = new JournalReader(file);
  const payloads: string[] = [];
  let end = position;
  try {
    for (;;) {
      const before = end.seq;
      for (const { record, next } of followJournal(source, end)) {
        payloads.push(record.payload.toString('utf8'));
        end = next;
      }
      const fault = check ? faultOf(() => checkJournal(source, position, end, room)) : null;
      // A ledger in use may have gone on between the two looks.
      if (fault === null || end.seq === before) return { events: linked(db, payloads), fault };
    }
  } finally {
    source.close();
  }
}

function faultOf(check: () => void): JournalFault | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof JournalFault) return error;
    throw error;
  }
}

/** What the ledger's thread will make of these events when it files them. */
function linked(db: DatabaseSync, payloads: readonly string[]): StoredEvent[] {
  const heads = new Map<string, { seq: number; hash: string; at: number | null }>();
  const events: StoredEvent[] = [];
  let index = Number(db.prepare('SELECT max(idx) + 1 AS n FROM events').get()?.n ?? 0);
  for (const lines of payloads) {
    for (const event of journalEvents(lines)) {
      const name = JSON.parse(event.session) as string;
      const head = heads.get(name) ?? headOf(db, name);
      const { text, hash } = link(event, head.seq + 1, head.hash);
      events.push({ index, text, filed: { session: name, seq: head.seq + 1, before: head.at } });
      heads.set(name, { seq: head.seq + 1, hash, at: index });
      index += 1;
    }
  }
  return events;
}

function headOf(db: DatabaseSync, session: string): { seq: number; hash: string; at: number | null } {
  const unsealed = db
    .prepare('SELECT idx FROM events WHERE idx >= ? AND session = ? ORDER BY idx DESC LIMIT 1')
    .get(sealedSize(db), session)?.idx;
  const at = unsealed ?? db.prepare('SELECT last FROM sessions WHERE session = ?').get(session)?.last;
  const text =
    at === undefined ? undefined : db.prepare('SELECT event FROM events WHERE idx = ?').get(at)?.event;
  const event = auditEvent.safeParse(text === undefined ? null : parsed(String(text)));
  // One that cannot be read is found where it stands, and this one then as not continuing it.
  if (!event.success) return { seq: -1, hash: GENESIS, at: null };
  return { seq: event.data.seq, hash: event.data.hash, at: Number(at) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The journal's two files beside the database. */
class JournalReader implements JournalSource {
  #fds: readonly [number | null, number | null];

  constructor(file: string) {
    this.#fds = [open(`${file}.journal1`), open(`${file}.journal2`)];
  }

  size(segment: 0 | 1): number | null {
    const fd = this.#fds[segment];
    return fd === null ? null : fstatSync(fd).size;
  }

  read(segment: 0 | 1, offset: number, length: number): Buffer {
    const fd = this.#fds[segment];
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, fd === null ? 0 : readSync(fd, bytes, 0, length, offset));
  }

  close(): void {
    for (const fd of this.#fds) if (fd !== null) closeSync(fd);
  }
}

function open(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
