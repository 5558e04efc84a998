import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/**
 * Keeps everybody else out of one ledger, until the returned function is called or the process ends, however it ends: the lock is the
 * operating system's, held through an empty SQLite file (Node has no flock of its own). Null when somebody has it.
 */
export function lockLedger(path: string): (() => void) | null {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
  // The connection must stay reachable: collected, it would give the lock away.
  return () => db.close();
}
