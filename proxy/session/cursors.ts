import type { Core } from './core.ts';
import type { Judged } from './judgement.ts';
import { isNameOfSql, keyOf } from './names.ts';
import type { Portal } from './op.ts';
import type { Run } from './run.ts';
import { unknownPortal } from './unknown-names.ts';

/** Source: exec_execute_message of the server, which takes any count below one for all rows. */
function fetchText(name: string, maxRows: number): string {
  const cursor = `"${keyOf(name).replaceAll('"', '""')}"`;
  return maxRows > 0 ? `FETCH FORWARD ${maxRows} FROM ${cursor}` : `FETCH ALL FROM ${cursor}`;
}

/**
 * An Execute of a portal that SQL's DECLARE made, or that nobody has seen made (a function may have opened it). The server has one table
 * for all of them. It is judged, recorded and held as the FETCH that says the same, each time anew, and what it gives is masked by that
 * judgement. `go` sends it.
 */
export function executeCursor(
  core: Core,
  name: string,
  maxRows: number,
  go: (fetch: Portal, run: Run) => void,
  again: () => void,
): void {
  const known = core.picture.portals.get(name);
  const judged = fetchJudged(core, name, maxRows);
  if (judged === null) {
    core.refuseExtended(unknownPortal(name, 'exec_execute_message'));
    return;
  }
  const run = core.run(judged.statements);
  core.submit({
    run,
    judged,
    protocol: 'bind',
    parameters: [],
    forward: () => {
      core.bound = true;
      const prepared = known?.source ?? core.fromSql({ body: judged.statements[0]! }, null);
      go(fetchPortal(prepared, run), run);
    },
    refuse: error =>
      core.refuseExtended(
        error.code === 'denied' && known === undefined ? unknownPortal(name, 'exec_execute_message') : error,
      ),
    again,
  });
}

/** A portal that is not in the picture, for a Describe of it: null where a FETCH of it would not be allowed. */
export function unseenPortal(core: Core, name: string): Portal | null {
  const judged = core.canJudge() ? fetchJudged(core, name, 0) : null;
  const verdict = core.inBlock ? judged?.verdict.inTransaction : judged?.verdict.outside;
  if (judged === null || verdict?.kind !== 'allow') return null;
  return fetchPortal(core.fromSql({ body: judged.statements[0]! }, null), null);
}

/** Null for the portal without a name, and for a name that SQL cannot give: neither can be a cursor. */
function fetchJudged(core: Core, name: string, maxRows: number): Judged | null {
  if (!isNameOfSql(name)) return null;
  return core.judgedText(fetchText(name, maxRows), []);
}

/** Stands for one message, and is in no table. */
function fetchPortal(source: Portal['source'], run: Run | null): Portal {
  return { source, bytes: 0, run, resultFormats: [], described: false, plan: undefined, once: true };
}
