import { DatabaseSync } from 'node:sqlite';

/**
 * Keeps everybody else out of one ledger, until the returned function is called or the process ends, however it ends: the lock is the
 * operating system's, held through an empty SQLite file (Node has no flock of its own). Throws when somebody has it.
 */
export function lockLedger(path: string): () => void {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    throw error;
  }
  // The connection must stay reachable: collected, it would give the lock away.
  return () => db.close();
}
