import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { StoredEvent } from './audit-verifier.ts';

export interface StoredCheckpoint {
  readonly size: number;
  readonly note: string;
}

/**
 * The ledger's tables, for reading only, also while the ledger writes. A closed ledger in a folder that cannot be written opens too.
 * Throws an Error when there is no such file.
 */
export function openTables(file: string): DatabaseSync {
  if (!existsSync(file)) throw new Error(`there is no ledger at ${file}`);
  try {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (error) {
    // Readers of a WAL database need its -shm file. Without a -wal nothing is missing from the database itself.
    if (existsSync(`${file}-wal`)) throw error;
    return new DatabaseSync(new URL(`${pathToFileURL(file)}?immutable=1`), { readOnly: true });
  }
}

/** All rows from index `from` on and below `to`, in the order of the log. */
export function* storedEvents(
  db: DatabaseSync,
  from: number,
  to: number = Number.POSITIVE_INFINITY,
): Generator<StoredEvent> {
  const rows = db.prepare(
    'SELECT idx, session, seq, before, event FROM events WHERE idx >= ? AND idx < ? ORDER BY idx',
  );
  for (const row of rows.iterate(from, to))
    yield {
      index: Number(row.idx),
      text: String(row.event),
      filed: {
        session: String(row.session),
        seq: Number(row.seq),
        before: row.before === null ? null : Number(row.before),
      },
    };
}

/** Entries that the newest checkpoint covers. */
export function sealedSize(db: DatabaseSync): number {
  return Number(db.prepare('SELECT max(size) AS size FROM checkpoints').get()?.size ?? 0);
}

/**
 * The texts of one session's events, latest first: those of `tail`, which the tables do not have yet, those after the newest checkpoint,
 * then from `sessions`, which knows the last one before it, from each to the one before. Throws an Error where this way leads nowhere: a ledger that was tampered with.
 */
export function* storedSession(
  db: DatabaseSync,
  session: string,
  tail: readonly StoredEvent[],
): Generator<string> {
  for (const { text, filed } of tail.toReversed()) if (filed?.session === session) yield text;
  const sealed = sealedSize(db);
  const unsealed = db
    .prepare('SELECT seq, before, event FROM events WHERE idx >= ? AND session = ? ORDER BY idx DESC')
    .all(sealed, session);
  for (const row of unsealed) yield String(row.event);
  const oldest = unsealed.at(-1);
  const last = db.prepare('SELECT last FROM sessions WHERE session = ?').get(session)?.last ?? null;
  const entry = db.prepare('SELECT session, seq, before, event FROM events WHERE idx = ?');
  let seq = oldest === undefined ? null : Number(oldest.seq);
  let from = sealed;
  for (let at = oldest === undefined ? last : oldest.before; at !== null && at !== undefined; ) {
    const row = Number(at) < from ? entry.get(at) : undefined;
    if (row === undefined || row.session !== session || (seq !== null && Number(row.seq) !== seq - 1))
      throw new Error(`the events of session ${session} do not hang together: verify the log`);
    yield String(row.event);
    seq = Number(row.seq);
    from = Number(at);
    at = row.before ?? null;
  }
  if (seq !== null && seq !== 0) throw new Error(`session ${session} has lost its beginning: verify the log`);
}

/** Each session with its last entry that the newest checkpoint covers. */
export function* storedSessions(db: DatabaseSync): Generator<{ session: string; last: number }> {
  for (const row of db.prepare('SELECT session, last FROM sessions').iterate())
    yield { session: String(row.session), last: Number(row.last) };
}

/** All checkpoints above this size, smallest first. */
export function* storedCheckpoints(db: DatabaseSync, above: number): Generator<StoredCheckpoint> {
  const rows = db.prepare('SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size');
  for (const row of rows.iterate(above)) yield { size: Number(row.size), note: String(row.note) };
}
