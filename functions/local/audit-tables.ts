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
    'SELECT idx, session, seq, event FROM events WHERE idx >= ? AND idx < ? ORDER BY idx',
  );
  for (const row of rows.iterate(from, to))
    yield {
      index: Number(row.idx),
      text: String(row.event),
      filed: { session: String(row.session), seq: Number(row.seq) },
    };
}

/** All checkpoints above this size, smallest first. */
export function* storedCheckpoints(db: DatabaseSync, above: number): Generator<StoredCheckpoint> {
  const rows = db.prepare('SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size');
  for (const row of rows.iterate(above)) yield { size: Number(row.size), note: String(row.note) };
}
