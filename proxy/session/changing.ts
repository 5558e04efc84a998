import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { runsWhatIsLeft } from './left-to-end.ts';
import type { Run } from './run.ts';
import { isLater, isLock, meets } from './run-names.ts';
import { type Obstacle, Settlement, type Settling } from './settling.ts';
import type { WantedLock } from './wait-at-server.ts';
import { PATIENCE, type Patience, type Server, type Wait, Waits } from './waits.ts';

/** Changes that are remembered one by one: who was judged before them cannot tell what has changed since. */
const REMEMBERED = 256;
const NONE: ReadonlySet<string> = new Set();
const NOBODY: ReadonlySet<OwnChanges> = new Set();

/**
 * What sessions of one target change by DDL, by name; and who waits for that. A statement is judged by what is committed. Behind a lock, or while it
 * runs, it would do what others have committed meanwhile: so it is not sent while another session has under way what it names, and DDL is not
 * sent, or committed, while statements of others are under way that come to what it changes.
 */
export class Changes {
  /** All that live. */
  readonly sessions = new Set<OwnChanges>();
  /** Those with a change that is sent, or made in a transaction that is open, or waits for others. */
  readonly changing = new Set<OwnChanges>();
  /** The last ones that are over. */
  readonly past: ReadonlySet<string>[] = [];
  /** How many there were until now. */
  count = 0;
  readonly waits: Waits;
  readonly patience: Patience;

  constructor(server: Server | null = null, patience = PATIENCE) {
    this.patience = patience;
    this.waits = new Waits(server, patience);
  }

  over(about: ReadonlySet<string>): void {
    this.past.push(about);
    if (this.past.length > REMEMBERED) this.past.shift();
    this.count++;
  }
}

/** How one session stands at the server. */
export interface Standing {
  /** Its process there; 0 where that is not known. */
  readonly process: number;
  /** Writes are refused. */
  shielded(): boolean;
  /** A transaction block is open. */
  inBlock(): boolean;
  /** Whatever runs is allowed, and nothing is masked: nothing hangs on what others change. */
  unconcerned(): boolean;
}

const ALONE: Standing = {
  process: 0,
  shielded: () => false,
  inBlock: () => false,
  unconcerned: () => false,
};

/** What one session has under way: what its DDL changes, and the runs that a change of others may overtake. */
export class OwnChanges {
  private readonly all: Changes;
  private readonly standing: Standing;
  /** Sent, or made in the open transaction. */
  private readonly about = new Set<string>();
  /** Made in the open transaction, and nothing to others before that is committed. */
  private readonly later = new Set<string>();
  /** Of a run that waits for others: whoever comes later waits for it, so that it gets its turn. */
  private wanted = NONE;
  /** Sent, and not answered whole. */
  private readonly runs: Run[] = [];
  /** Some of it has been sent since the last answer. */
  private fresh = false;
  /** The transaction that made it has ended, and another one may have begun. */
  private past = false;
  /** Relations that the open transaction has locked, as `StatementAnalysis.takes` has them. */
  private readonly held = new Set<string>();
  /** The name under which the transaction that has just ended was prepared. */
  private prepared: string | null = null;
  /** The open transaction has a savepoint. */
  private saved = false;
  /** Of a statement that is not sent yet. */
  waiting: Wait | null = null;

  constructor(all: Changes, standing = ALONE) {
    this.all = all;
    this.standing = standing;
    all.sessions.add(this);
  }

  get process(): number {
    return this.standing.process;
  }

  /** To be remembered with what is judged now. */
  get count(): number {
    return this.all.count;
  }

  /** Nothing is in its way, and it is no change itself. */
  free(run: Run): boolean {
    const { changing, count } = this.all;
    if (changing.size > 0 || run.changes !== count || this.later.size > 0) return false;
    return !run.statements.some(changes);
  }

  /** A portal that goes on has to wait first: while it was at rest, others could begin to change what it names. */
  rests(run: Run): boolean {
    const { changing } = this.all;
    if (changing.size === 0 || run.statements.some(changes)) return false;
    if (this.runs.includes(run) && !run.rests) return false;
    return this.blockers(run, () => this.standing.shielded(), false).size > 0;
  }

  sent(run: Run): void {
    if (this.runs.at(-1) === run) return;
    this.runs.push(run);
    if (this.later.size === 0 && !run.statements.some(changes)) return;
    const commits = this.commits(run);
    for (const { about } of run.statements)
      for (const name of about ?? []) {
        this.fresh = true;
        (commits || !isLater(name) ? this.about : this.later).add(name);
      }
    if (commits && this.later.size > 0) {
      for (const name of this.later) this.about.add(name);
      this.later.clear();
    }
    if (this.about.size > 0) this.all.changing.add(this);
  }

  /** The transaction in which it runs may end behind it, without another message. */
  private commits({ statements }: Run): boolean {
    const ends = statements.some(runsWhatIsLeft);
    return ends || (!this.standing.inBlock() && !statements.some(begins));
  }

  completed(statement: StatementAnalysis): void {
    for (const action of statement.actions)
      if (action.kind === 'savepoint') this.saved = true;
      else if (action.kind === 'rollback-to') this.held.clear();
      else if (action.kind === 'commit') this.prepared = action.prepared ?? null;
    if (!statement.actions.some(a => a.kind === 'rollback-to'))
      for (const label of statement.takes ?? []) this.held.add(label);
  }

  transactionEnded(): void {
    this.held.clear();
    this.past = true;
  }

  /** All that was sent is answered; `idle`: no transaction is open. */
  answered(idle: boolean, failed = false): void {
    this.runs.length = 0;
    // Back at a savepoint, what was done before it is still there.
    if (idle || (failed && !this.saved) || (this.past && !this.fresh)) this.settled();
    if (idle) this.saved = false;
    this.past = false;
    this.fresh = false;
    this.all.waits.wake();
  }

  /** What a prepared transaction has changed is nobody's, and locked, until somebody ends it. */
  private leaves(about: Iterable<string>, prepared: string): void {
    const heir = new OwnChanges(this.all);
    this.all.sessions.delete(heir);
    for (const name of about) heir.about.add(name);
    const question = `SELECT 1 FROM pg_catalog.pg_prepared_xacts WHERE gid = '${prepared.replaceAll("'", "''")}'`;
    if (this.all.waits.haunts(heir, question)) this.all.changing.add(heir);
  }

  /** What it has changed is there for all, or came to nothing. */
  private settled(): void {
    const { about, later, prepared } = this;
    if (prepared !== null) {
      this.prepared = null;
      if (about.size > 0) this.leaves(about, prepared);
    }
    const changed = [...about, ...later].filter(name => !isLock(name));
    if (changed.length > 0) this.all.over(new Set(changed));
    about.clear();
    later.clear();
    if (this.wanted.size === 0) this.all.changing.delete(this);
  }

  /** The agent cancels what waits here. False where nothing does. */
  cancel(): boolean {
    const { waiting } = this;
    if (waiting?.there === true) return false;
    waiting?.end(new HoldpointError('cancelled'));
    return waiting !== null;
  }

  /** It waits for a lock at the server, in the place of what the agent has sent. */
  get waitsThere(): boolean {
    return this.waiting?.there === true;
  }

  /** The session is over; what the server does for it may go on. */
  over(): void {
    this.waiting?.end(new HoldpointError('cancelled'));
    this.runs.length = 0;
    this.wanted = NONE;
    this.all.sessions.delete(this);
    for (const name of this.later) this.about.add(name);
    const question = `SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = ${this.process}`;
    const goesOn = this.about.size > 0 && this.process > 0 && this.all.waits.haunts(this, question);
    if (goesOn) this.all.changing.add(this);
    else this.ended();
  }

  /** Nothing of it goes on at the server. */
  ended(): void {
    this.settled();
    this.all.waits.wake();
  }

  /** Whether it may mean something else by now than when it was judged. */
  overtaken(run: Run): boolean {
    const { count, past } = this.all;
    if (run.changes === count || this.standing.unconcerned() || locksOnly(run)) return false;
    const since = count - run.changes;
    return since > past.length || past.slice(past.length - since).some(about => this.meets(about, run, NONE));
  }

  /** For whom it has to wait. What is a change itself may have to wait for what runs there, too; `all`: also for a lock alone. */
  blockers(run: Run, shielded: () => boolean, all: boolean, behind = NOBODY): Map<OwnChanges, boolean> {
    const { changing, sessions } = this.all;
    const found = new Map<OwnChanges, boolean>();
    const minds = !this.standing.unconcerned() && !locksOnly(run);
    for (const other of changing) {
      if (other === this || !minds) continue;
      const hard = this.meets(other.about, run, behind.has(other) ? NONE : this.held);
      if ((hard || this.meets(other.wanted, run)) && !shielded()) found.set(other, !hard);
    }
    const own = this.changes(run).filter(name => all || !isLock(name));
    if (own.length > 0)
      for (const other of sessions) if (other !== this && other.runsInto(own)) found.set(other, false);
    return found;
  }

  /** What others come to meet when it is sent. */
  changes(run: Run): string[] {
    const all = run.statements.flatMap(s => s.about ?? []);
    return this.commits(run) ? [...all, ...this.later] : all.filter(name => !isLater(name));
  }

  private runsInto(about: Iterable<string>): boolean {
    if (this.standing.unconcerned()) return false;
    return this.runs.some(run => {
      const reads = this.standing.shielded() && run.statements.every(s => s.effects.readOnly);
      return !run.ended && !run.rests && !reads && this.meets(about, run);
    });
  }

  wants(about: ReadonlySet<string>): void {
    this.wanted = about;
    if (about.size + this.about.size > 0) this.all.changing.add(this);
    else this.all.changing.delete(this);
  }

  /** Calls `done` with null when it may go, and else with why not. */
  settle(run: Run, how: Settling, done: (why: Obstacle | null) => void): void {
    const { waits, patience } = this.all;
    new Settlement(this, run, how, { waits, orderMs: patience.orderMs }, done).look();
  }

  /** Its transaction has got these. */
  holds(locks: readonly WantedLock[]): void {
    for (const { label, writes } of locks) this.held.add(writes ? `>${label}` : label);
  }

  /** What it will lock, and others have locked. */
  locks(run: Run, on: ReadonlyMap<OwnChanges, boolean>): WantedLock[] {
    const taken = new Set(run.statements.flatMap(s => s.takes ?? []));
    const found = new Map<string, WantedLock>();
    for (const [other, soft] of on)
      for (const name of soft ? [] : other.about) {
        const label = /^[>=]/.test(name) ? name.slice(1) : name;
        const writes = taken.has(`>${label}`);
        if ((writes || (label === name && taken.has(label))) && this.meets([name], run))
          found.set(label, { label, writes });
      }
    return [...found.values()];
  }

  private meets(about: Iterable<string>, run: Run, held: ReadonlySet<string> = this.held): boolean {
    for (const name of about) if (meets(name, run.names, held)) return true;
    return false;
  }
}

function changes({ about }: StatementAnalysis): boolean {
  return about !== undefined;
}

/** It runs nothing, and the server knows best whom it has to wait for. */
function locksOnly({ statements }: Run): boolean {
  return statements.every(({ effects }) => effects.commands.every(command => command === 'lock'));
}

function begins({ actions }: StatementAnalysis): boolean {
  return actions.some(action => action.kind === 'begin');
}
