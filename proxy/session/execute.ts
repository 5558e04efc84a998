import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { encode } from '../wire/backend.ts';
import { decodeExecute, FRONTEND } from '../wire/frontend.ts';
import type { Core } from './core.ts';
import { executeCursor } from './cursors.ts';
import type { Judged } from './judgement.ts';
import { checkName, isNameOfSql } from './names.ts';
import type { Portal, Referents } from './op.ts';
import { passInSegment, settle } from './open-segment.ts';
import type { Run } from './run.ts';
import { changesCatalog, runsBodies } from './settings.ts';

/** Runs a portal, or goes on with it. What Bind made was judged there; what SQL made, or nobody has seen made, is judged as a FETCH. */
export function execute(core: Core, buffer: Buffer, start: number, end: number): void {
  const { portal: name, maxRows } = decodeExecute(buffer, start, end, core.encoding.text);
  checkName(name, core.encoding);
  const portal = core.picture.portals.get(name);
  const again = () => execute(core, buffer, start, end);
  const bySql = () =>
    executeCursor(
      core,
      name,
      maxRows,
      (fetch, run) => goOn(core, name, fetch, run, buffer, start, end),
      again,
    );
  if (core.plans.outdated(core, portal?.run?.statements ?? null)) {
    core.whenReplanned(again);
    return;
  }
  if (portal === undefined || portal.run === null) {
    bySql();
    return;
  }
  const { run, missing } = portal;
  if (missing !== undefined) {
    core.refuseExtended(missing);
    return;
  }
  if (core.waitsToGoOn(run, again)) return;
  if (portal.rewired !== core.rewired || !namesTheSame(core, portal) || !meansTheSame(core, portal, run)) {
    core.refuseExtended(
      new HoldpointError('unknown_portal', 'what this portal reads was changed while it was open'),
    );
    return;
  }
  // A function may have closed it, and opened another one by its name.
  if (portal.moves !== core.opened.moves && isNameOfSql(name)) {
    bySql();
    return;
  }
  // As it was described before, another one of that name may have made the columns.
  if (portal.named !== undefined && portal.suspended !== true && core.answers.shield.protects) {
    portal.plan = undefined;
    portal.described = false;
  }
  goOn(core, name, portal, run, buffer, start, end);
}

/** What the names in a statement stand for now. */
export function referentsOf(
  { picture }: Pick<Core, 'picture'>,
  { statements, alone }: Judged,
): Referents | undefined {
  const [statement] = statements;
  if (alone || statement === undefined) return undefined;
  const { executes, cursor } = statement;
  return {
    statement: executes === null ? undefined : picture.statements.get(executes),
    cursor: cursor === null ? undefined : picture.portals.get(cursor),
  };
}

/** EXECUTE, FETCH and their like run what has the name by then, and were judged by what had it when they were bound. */
function namesTheSame(core: Core, { named, run }: Portal): boolean {
  const [statement] = run?.statements ?? [];
  if (named === undefined || statement === undefined) return true;
  const { executes, cursor } = statement;
  if (executes !== null && core.picture.statements.get(executes) !== named.statement) return false;
  return cursor === null || core.picture.portals.get(cursor) === named.cursor;
}

function goOn(
  core: Core,
  name: string,
  portal: Portal,
  run: Run,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (portal.plan === undefined && !portal.described) {
    // The agent did not ask what the columns are; the mask has to know.
    portal.described = true;
    const bytes = encode(FRONTEND.describe, Buffer.from('P'), name);
    core.segment = true;
    core.line.send(bytes, { kind: 'describe-portal', portal, own: true });
  }
  passInSegment(core, buffer, start, end, { kind: 'execute', portal, run });
  const copies = run.statements.some(s => s.effects.commands.includes('copy-in'));
  if (!copies && !run.statements.some(changesPicture)) return;
  settle(core, copies ? 'copy' : 'settle');
}

/** Judged anew where catalog or settings are others than at Bind: it may go on as long as it would be allowed, or does what was judged. */
function meansTheSame(core: Core, portal: Portal, run: Run): boolean {
  const { stamp } = core.judge;
  if (portal.under === stamp) return true;
  const { statements, verdict } = core.judgedBind(portal.source, () => portal.values ?? []);
  const now = core.inBlock ? verdict.inTransaction : verdict.outside;
  const effects = (list: readonly StatementAnalysis[]) =>
    JSON.stringify(list.map(s => [s.effects, s.refusal]));
  if (now.kind !== 'allow' && effects(statements) !== effects(run.statements)) return false;
  // It was planned with these: what their names lead to by now does not count.
  const calls = new Set(statements.flatMap(s => s.calls ?? []));
  if (!run.statements.every(s => s.calls?.every(oid => calls.has(oid)) ?? true)) return false;
  portal.under = stamp;
  core.sent(statements);
  return true;
}

/** After these, later messages may mean something else; or change what they have put off to the end of the transaction. */
function changesPicture(statement: StatementAnalysis): boolean {
  const { actions, late, meaning } = statement;
  if (actions.length > 0 || late !== undefined || meaning === 'changes') return true;
  return changesCatalog(statement) || runsBodies(statement);
}
