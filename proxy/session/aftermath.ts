import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { Core } from './core.ts';
import type { Judging } from './judging.ts';
import { analysisOf, type Op, type Portal } from './op.ts';
import type { CatalogHandle } from './parts.ts';
import type { Run } from './run.ts';
import { changesCatalog, runsBodies, type Settings } from './settings.ts';

/** May end transactions of their own inside, so that what they did stays though they fail. */
const MAY_COMMIT = new Set(['do', 'call', 'unknown']);
const NO_WORK = new Set(['ddl', 'privilege', 'transaction', 'lock', 'set', 'show', 'empty']);

/** What statements that the server has run leave behind: other settings, names, meanings; until their transaction ends, and after it. */
export class Aftermath {
  private readonly settings: Settings;
  private readonly judging: Judging;
  private readonly catalog: CatalogHandle;
  private readonly core: Pick<Core, 'picture'> & { inBlock: boolean; began: boolean; rewired: number };
  /** The open transaction has changed the catalog, and nobody else sees it yet. */
  catalogTouched = false;
  /** By which catalog statements of the open transaction that have run users' functions were judged; undefined while none has. */
  private bodiesOf: unknown;

  constructor(settings: Settings, judging: Judging, catalog: CatalogHandle, core: Aftermath['core']) {
    this.settings = settings;
    this.judging = judging;
    this.catalog = catalog;
    this.core = core;
  }

  /** The server has answered a message of the extended protocol that completes no statement. */
  confirmed(op: Op): void {
    this.core.picture.confirmed(op);
    const bound = op.kind === 'bind' && runsWhenBound(analysisOf(op.portal));
    if (bound || (op.kind === 'parse' && runsWhenParsed(op.prepared.analysis))) this.settings.doubt();
  }

  /** The server has completed this statement of the run. */
  completed(
    statement: StatementAnalysis,
    run: Pick<Run, 'by' | 'epoch' | 'under' | 'unread'>,
    portal?: Portal,
  ): void {
    const { by, epoch, under } = run;
    const before = this.core.rewired;
    this.settings.completed(statement);
    this.judging.own.completed(statement);
    this.judging.rewirings.changes.completed(statement);
    if (changesCatalog(statement) || (runsBodies(statement) && !this.judgedBy(under)))
      this.catalogTouched = true;
    if (statement.rewires === true) this.judging.rewired = true;
    for (const name of statement.joins ?? []) this.judging.joined.add(name);
    if (statement.meaning === 'changes') this.judging.moved = true;
    if (statement.rewires === true || statement.meaning === 'changes') this.core.rewired++;
    // A portal goes on as it was planned: what it has done itself would not have stopped it without a limit either.
    if (portal?.rewired === before && statement.rewires !== true) portal.rewired = this.core.rewired;
    const { effects, actions } = statement;
    if (!effects.readOnly && !effects.commands.every(c => NO_WORK.has(c))) this.judging.worked = true;
    for (const action of actions) {
      if (action.kind === 'declare') this.judging.worked = true;
      if (action.kind === 'begin') this.core.inBlock = this.core.began = true;
      else if (action.kind === 'commit' || action.kind === 'rollback') {
        this.core.inBlock = this.core.began = false;
        // Another transaction may begin before the server says that this one has ended.
        this.transactionEnded();
      } else this.core.picture.acted(action, epoch, !run.unread);
    }
    if (statement.late !== undefined) this.judging.left.add([statement], by);
  }

  /** A run has failed at its current statement, which may have committed a part of what it did. */
  failed(run: Run): void {
    const statement = run.current;
    if (statement === undefined || !statement.effects.commands.some(c => MAY_COMMIT.has(c))) return;
    this.settings.doubt();
    this.catalogTouched = true;
  }

  /** Whether this is the catalog of all bodies that the open transaction has run. */
  private judgedBy(under: unknown): boolean {
    if (this.bodiesOf === undefined) this.bodiesOf = under;
    return this.bodiesOf === under;
  }

  transactionEnded(): void {
    this.settings.transactionEnded();
    this.judging.own.transactionEnded();
    this.judging.rewirings.changes.transactionEnded();
    this.judging.opened.transactionEnded();
    this.judging.left.transactionEnded();
    this.judging.rewired = false;
    this.judging.moved = false;
    this.judging.worked = false;
    // Behind a lock a function may have run as somebody else has replaced it meanwhile, and nobody knows what that one did.
    if (this.bodiesOf !== undefined && this.bodiesOf !== this.catalog.current) this.catalogTouched = true;
    this.bodiesOf = undefined;
    if (!this.catalogTouched) return;
    this.catalogTouched = false;
    this.catalog.invalidate();
  }

  /** The session is over: what it was doing may have changed the catalog all the same. */
  sessionEnded(run: Run | null): void {
    if (this.catalogTouched || run?.statements.some(s => changesCatalog(s) || runsBodies(s)) === true)
      this.catalog.invalidate();
  }
}

/** To read a literal the server runs what its type brings, which may set something. */
export function runsWhenParsed({ parseRuns }: StatementAnalysis): boolean {
  return parseRuns === true;
}

/**
 * To plan, the server runs functions whose arguments it knows, when they say that they are immutable or stable; users' own may say so and set
 * something all the same.
 */
export function runsWhenBound({ actions, effects }: StatementAnalysis): boolean {
  const own = effects.functions.some(name => !name.startsWith('pg_catalog.'));
  const sets = own && actions.some(action => action.kind === 'set');
  return sets || effects.unknown.length > 0;
}
