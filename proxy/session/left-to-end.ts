import { cannotTell, type StatementAnalysis, type Strings } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { either } from './either.ts';
import type { SessionCatalog, SessionParts } from './parts.ts';
import { Run } from './run.ts';

/** By what a statement was judged. */
export interface Means {
  readonly view: SessionCatalog;
  readonly searchPath: readonly string[];
  readonly strings: Strings;
}

interface Left {
  readonly statement: StatementAnalysis;
  readonly by: Means;
}

const NOTHING: readonly StatementAnalysis[] = [];
/** Statements of one transaction that leave something and do not do the same; of more than so many nothing is told apart. */
const MOST = 200;

/**
 * What the open transaction has left to its end: deferrable triggers and cursors WITH HOLD call functions there, and what these do is for the
 * definitions of then to say. Each statement was judged by the definitions of its own time. Where they are others by now, or bodies are
 * read in another way, what it has left is judged again, before anything runs that would run it.
 */
export class LeftToEnd {
  private readonly analyse: SessionParts['analyseLate'];
  private readonly left = new Map<string, Left>();
  private found = NOTHING;
  private asked: Means | null = null;

  constructor(analyse: SessionParts['analyseLate']) {
    this.analyse = analyse;
  }

  /** Sent, and once more when it is done: the transaction of which it is a part may have begun only then. */
  add(statements: readonly StatementAnalysis[], by: Means | null): void {
    if (by === null) throw new HoldpointError('internal', 'a statement was sent that nothing has judged');
    for (const statement of statements) {
      if (statement.late === undefined) continue;
      const { effects, late, touchesProtected, within } = statement;
      const same = JSON.stringify([late, effects, within, touchesProtected, by.searchPath]);
      const full = this.left.size >= MOST && !this.left.has(same);
      this.left.set(full ? '' : same, { statement: full ? cannotTell(statement, MANY) : statement, by });
      this.asked = null;
    }
  }

  get any(): boolean {
    return this.left.size > 0;
  }

  /** All that has left something, as it was judged. */
  get statements(): readonly StatementAnalysis[] {
    return this.left.size === 0 ? NOTHING : [...this.left.values()].map(left => left.statement);
  }

  /** The same as something that runs. */
  get run(): Run | null {
    return this.left.size === 0 ? null : new Run(0, this.statements, 0);
  }

  transactionEnded(): void {
    if (this.left.size > 0) this.left.clear();
    this.asked = null;
    this.found = NOTHING;
  }

  /** What of it does something by now that it was not judged for, as each statement would be judged; the same object as long as it is the same. */
  changed(now: Means): readonly StatementAnalysis[] {
    if (this.left.size === 0) return NOTHING;
    const last = this.asked;
    if (last !== null && last.view === now.view && last.strings === now.strings) return this.found;
    this.asked = now;
    const found = this.judged(now);
    if (found.length + this.found.length > 0) this.found = found;
    return this.found;
  }

  /** The same by any means. */
  judged(now: Means): readonly StatementAnalysis[] {
    return [...this.left].flatMap(([key, left]) => this.asOf(key, left, now) ?? []);
  }

  /** Null where it does nothing new. */
  private asOf(key: string, { statement, by }: Left, now: Means): StatementAnalysis | null {
    if (by.view === now.view && by.strings === now.strings) return null;
    const { searchPath } = by;
    const then = this.analyse(statement.late ?? [], searchPath, now);
    if (covers(statement, then)) {
      this.left.set(key, { statement, by: { ...now, searchPath } });
      return null;
    }
    const { actions: _, ...both } = either(statement, then);
    return { ...both, actions: then.actions };
  }
}

const MANY = 'too much was left to the end of this transaction to be told apart';

/** Whether all that `then` would do was found in the statement when that was judged. */
export function covers(statement: StatementAnalysis, then: StatementAnalysis): boolean {
  const { effects: a, within } = statement;
  const { effects: b } = then;
  const all = (of: readonly string[], among: readonly (readonly string[] | undefined)[]) =>
    of.every(one => among.some(names => names?.includes(one)));
  const sets = then.actions.every(
    one => one.kind === 'set' && statement.actions.some(o => o.kind === 'set' && o.setting === one.setting),
  );
  return (
    then.refusal === null &&
    sets &&
    b.commands.every(c => a.commands.includes(c) || (c === 'select' && b.readOnly)) &&
    all(b.reads, [a.reads]) &&
    all(b.writes, [a.writes]) &&
    all(b.functions, [a.functions]) &&
    all(b.unknown, [a.unknown]) &&
    all(then.within?.reads ?? [], [within?.reads, a.reads]) &&
    all(then.within?.writes ?? [], [within?.writes, a.writes]) &&
    all(then.within?.functions ?? [], [within?.functions]) &&
    (a.withoutWhere || !b.withoutWhere) &&
    (!a.keyed || b.keyed) &&
    (a.rows === null || (b.rows !== null && b.rows <= a.rows)) &&
    (a.outside || !b.outside) &&
    (!a.readOnly || b.readOnly) &&
    yes(statement, then, 'touchesProtected') &&
    yes(statement, then, 'opaque') &&
    yes(statement, then, 'rewires') &&
    yes(statement, then, 'otherEncoding') &&
    yes(statement, then, 'otherStrings') &&
    (then.meaning === undefined || statement.meaning === 'changes')
  );
}

function yes(
  a: StatementAnalysis,
  b: StatementAnalysis,
  key: 'touchesProtected' | 'opaque' | 'rewires' | 'otherEncoding' | 'otherStrings',
): boolean {
  return a[key] === true || b[key] !== true;
}

/** Runs what is left to the end: the end itself, SET CONSTRAINTS, and what may end a transaction inside. */
export function runsWhatIsLeft({ actions, effects, ownTransaction }: StatementAnalysis): boolean {
  if (actions.length > 0 && actions.every(({ kind }) => QUIET.has(kind))) return false;
  return ownTransaction || effects.unknown.length > 0 || effects.commands.includes('transaction');
}

const QUIET: ReadonlySet<string> = new Set(['begin', 'rollback', 'savepoint', 'release', 'rollback-to']);
