import type { StatementAnalysis } from '#schemas/analysis.ts';
import { Changes, OwnChanges, type Standing } from './changing.ts';
import type { Run } from './run.ts';

/**
 * When sessions of one target change what names mean around protected columns. A statement that was judged before such a change may run
 * after it, having waited for the very lock that the change held: then it reads something else than what it was judged by. What it
 * gives back is masked then; what it would write somewhere could not be taken back, so that the two may not meet at all.
 */
export class Rewirings {
  /** Those whose change has been sent to the server, and not been answered whole. */
  readonly open = new Set<OwnRewirings>();
  /** Those whose transaction has made such a change, and is still open. */
  readonly holding = new Set<OwnRewirings>();
  /** Those that are writing what they read. */
  readonly carrying = new Set<OwnRewirings>();
  /** Changes until now. */
  count = 0;
  /** What other meanings sessions give to anything else. */
  readonly changes: Changes;

  constructor(changes = new Changes()) {
    this.changes = changes;
  }
}

/** One session's part in that. */
export class OwnRewirings {
  private readonly all: Rewirings;
  /** This session is among `holding`, `open`, `carrying`. */
  private holds = false;
  private opened = false;
  private carried = false;
  /** Names of relations that the open transaction has joined with protected ones. */
  readonly joined = new Set<string>();
  readonly changes: OwnChanges;

  constructor(all: Rewirings, standing?: Standing) {
    this.all = all;
    this.changes = new OwnChanges(all.changes, standing);
  }

  /** DDL of the open transaction, not committed, has changed what names mean around protected columns. */
  get held(): boolean {
    return this.holds;
  }

  set held(held: boolean) {
    if (held === this.holds) return;
    this.holds = held;
    if (held) this.all.holding.add(this);
    else {
      this.all.holding.delete(this);
      this.joined.clear();
    }
  }

  /** To be remembered with what is judged now. */
  get epoch(): number {
    return this.all.count;
  }

  /** It has just been judged, or judged once more. */
  stamp(run: Run): Run {
    run.epoch = this.epoch;
    run.changes = this.changes.count;
    return run;
  }

  /** Something is sent to the server. */
  sent(run: Run | null): void {
    if (run !== null) this.changes.sent(run);
    if (!this.opened && (this.holds || run?.statements.some(rewires) === true)) {
      this.opened = true;
      this.all.open.add(this);
    }
    if (!this.carried && run?.statements.some(carries) === true) {
      this.carried = true;
      this.all.carrying.add(this);
    }
  }

  /** All that was sent is answered. Not before: what is answered meanwhile on other lines may have been read behind the change. */
  answered(idle: boolean, failed = false): void {
    this.changes.answered(idle, failed);
    this.closes();
  }

  private closes(): void {
    if (this.opened) {
      this.opened = false;
      this.all.open.delete(this);
      this.all.count++;
    }
    if (!this.carried) return;
    this.carried = false;
    this.all.carrying.delete(this);
  }

  /** The session is over. */
  over(): void {
    this.held = false;
    this.closes();
    this.changes.over();
  }

  /** Whether names may mean something else by now than in that epoch. */
  since(epoch: number): boolean {
    return this.all.open.size > 0 || this.all.count !== epoch;
  }

  /** A sentence where what is to be sent now may not meet what other sessions are doing, or have done since it was judged. */
  conflict(run: Run, inTransaction: boolean): string | null {
    const { open, holding, carrying, count } = this.all;
    if (count === run.epoch && open.size + holding.size + carrying.size === 0) return null;
    const others = (sessions: ReadonlySet<OwnRewirings>) => sessions.size > (sessions.has(this) ? 1 : 0);
    if ((count !== run.epoch || others(open) || others(holding)) && run.statements.some(carries))
      return CHANGING;
    if (inTransaction && others(carrying) && run.statements.some(rewires)) return WRITING;
    return null;
  }
}

const CHANGING =
  'another session is changing what names mean around protected columns: try again when its transaction is over';
const WRITING =
  'other sessions are writing what they read just now, and may wait for this transaction: try again, or outside a transaction';

function rewires(statement: StatementAnalysis): boolean {
  return statement.rewires === true;
}

/** It may carry what it reads somewhere else than into its masked result. */
function carries({ effects }: StatementAnalysis): boolean {
  if (effects.readOnly && !effects.commands.includes('copy-out')) return false;
  return effects.reads.some(name => !effects.writes.includes(name) && !OWN_CATALOG.test(name));
}

const OWN_CATALOG = /^(pg_catalog|information_schema)\./;
