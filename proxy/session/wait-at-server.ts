import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';
import { recordParses } from './unbound-parses.ts';

/** What the session may write until its transaction is over. */
const GOT = `SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.mode = 'RowExclusiveLock'`;

/** A relation that a statement is about to lock, `schema.name`, and whether for writing. */
export interface WantedLock {
  readonly label: string;
  readonly writes: boolean;
}

/**
 * Waits at the server for the locks that the statement itself would wait for there: what the agent has set for that counts, deadlocks are found, and pg_locks
 * shows it. In a transaction they stay, as they would behind the statement. False where that cannot be asked for. Call `flush` afterwards.
 */
export function waitAtServer(
  core: Core,
  locks: readonly WantedLock[],
  done: (fault: HoldpointError | null, got: readonly WantedLock[]) => void,
): boolean {
  const { line, segment, status } = core;
  // A label is read back into its parts only where that can be done in one way.
  const known = locks.filter(({ label }) => /^[^.$]+\.[^.$]+$/.test(label));
  if (known.length === 0 || status === 'E') return false;
  if (segment) recordParses(core);
  const asked = known.map(({ label, writes }) => {
    const name = label
      .split('.')
      .map(part => `"${part.replaceAll('"', '""')}"`)
      .join('.');
    return `LOCK TABLE ONLY ${name} IN ${writes ? 'ROW EXCLUSIVE' : 'ACCESS SHARE'} MODE;`;
  });
  // Who may not lock it, or where it is none, waits in the proxy; in a transaction nothing may be left that has failed.
  const text = `DO $holdpoint$ BEGIN ${asked.join(' ')} EXCEPTION
WHEN insufficient_privilege OR wrong_object_type OR undefined_table OR invalid_schema_name THEN END $holdpoint$`;
  line.attempt(text, segment, why => {
    if (why !== null) {
      done(faultOf(why), []);
      return;
    }
    const got = new Set<string>();
    line.ask(
      GOT,
      segment,
      ([name]) => got.add(name ?? ''),
      () =>
        done(
          null,
          known.filter(({ label, writes }) => writes && got.has(label)),
        ),
      fault => done(fault ?? new HoldpointError('cancelled'), []),
    );
    line.flush();
  });
  return true;
}

function faultOf(why: string): HoldpointError {
  const said = why.slice(6);
  switch (why.slice(0, 5)) {
    case '55P03':
      return new HoldpointError('lock_timeout', said);
    case '40P01':
      return new HoldpointError('deadlock', said);
    default:
      return new HoldpointError('cancelled', said);
  }
}
