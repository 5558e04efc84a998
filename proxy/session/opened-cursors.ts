import type { StatementAnalysis } from '#schemas/analysis.ts';
import { either } from './either.ts';
import type { Judge, Judged } from './judgement.ts';
import type { OwnRewirings } from './rewirings.ts';

/** A statement that was sent, and may have left cursors behind that its functions have opened. */
interface Opener {
  readonly judged: Judged;
  readonly index: number;
  /** `Rewirings.epoch` in which it was judged. */
  readonly epoch: number;
  /** `Judge.stamp` under which it was judged, or found to be the same. */
  under: object;
}

/** What the statements before one in a text have opened, in sum: a text may have a hundred thousand of them, and each may ask. */
export class Earlier {
  doubtful = false;
  /** What a cursor may do that one of them has opened. */
  opened: StatementAnalysis | undefined;

  add(statement: StatementAnalysis): void {
    if (isDoubtful(statement)) this.doubtful = true;
    if (statement.opens !== undefined) this.opened = sum(this.opened, cursorOf(statement));
  }
}

/** What the openers of the transaction come to, and by what that was found. */
interface Found {
  readonly openers: number;
  readonly under: object;
  readonly epoch: number;
  readonly opened: StatementAnalysis | undefined;
}

/**
 * The cursors that functions have opened in this transaction. Their names are the functions' to choose, so one that nobody has seen made may be any
 * of them: it does what all of their openers together may do. The query of each was read with the body that has it, and stands in the
 * effects of the statement that called it.
 */
export class OpenedCursors {
  private openers: Opener[] = [];
  private found: Found | null = null;
  /** What nobody has read has run, or a body has made a cursor that outlives its transaction: an unseen name may be anything. */
  private doubtful = false;
  /** How often what nobody has read was sent: since then a name that SQL can take may stand for something else. */
  doubts = 0;
  /** How often anything was sent that may close a portal, and open another one by its name. */
  moves = 0;

  /** These are sent now. */
  sent(judged: Judged, under: object, epoch: number): void {
    judged.statements.forEach((statement, index) => {
      const doubtful = isDoubtful(statement);
      if (doubtful) this.doubtful = true;
      else if (statement.opens !== undefined) this.openers.push({ judged, index, epoch, under });
      if (isUnread(statement)) this.doubts++;
      if (doubtful || statement.opens !== undefined) this.moves++;
    });
  }

  /** They are closed, but for those that outlive it. */
  transactionEnded(): void {
    if (this.openers.length > 0) this.openers = [];
    this.found = null;
  }

  /**
   * What a cursor does by whose name none was seen, or that was seen as `known`; `earlier` statements stand before it in the same text.
   * Undefined where that cannot be told.
   */
  body(
    judge: Judge,
    rewirings: Pick<OwnRewirings, 'epoch' | 'since'>,
    earlier: Earlier,
    known: StatementAnalysis | undefined,
  ): StatementAnalysis | undefined {
    if (this.doubtful || earlier.doubtful) return undefined;
    let all = known;
    if (this.openers.length > 0) {
      const { found } = this;
      const told =
        found !== null &&
        found.openers === this.openers.length &&
        found.under === judge.stamp &&
        found.epoch === rewirings.epoch;
      if (!told && !this.find(judge, rewirings)) return undefined;
      if (rewirings.since(rewirings.epoch)) return undefined;
      all = sum(all, this.found?.opened);
    }
    return sum(all, earlier.opened);
  }

  /** False where one of them may mean something else by now. */
  private find(judge: Judge, rewirings: Pick<OwnRewirings, 'epoch' | 'since'>): boolean {
    let opened: StatementAnalysis | undefined;
    for (const opener of this.openers) {
      if (rewirings.since(opener.epoch) || !stillMeans(opener, judge)) return false;
      opened = sum(opened, cursorOf(opener.judged.statements[opener.index]!));
    }
    this.found = { openers: this.openers.length, under: judge.stamp, epoch: rewirings.epoch, opened };
    return true;
  }

  /** Whether a name that was seen made may be one of theirs by now. */
  some(earlier: Earlier): boolean {
    return this.openers.length > 0 || earlier.opened !== undefined;
  }
}

/** It may have given any name to anything. */
export function isUnread({ effects }: StatementAnalysis): boolean {
  return effects.unknown.length > 0;
}

function isDoubtful({ effects, opens }: StatementAnalysis): boolean {
  return effects.unknown.length > 0 || opens === 'held';
}

/**
 * A cursor goes on as it was planned, but was judged by a catalog that may have been a moment old: what it is now has to be the same. What
 * hangs on other names or on values is not asked for again.
 */
function stillMeans(opener: Opener, judge: Judge): boolean {
  if (opener.under === judge.stamp) return true;
  const { text, alone, escapes, statements } = opener.judged;
  if (!alone) return false;
  const again = judge.text(text, [], escapes);
  if (again.kind !== 'judged') return false;
  const same = JSON.stringify(again.judged.statements) === JSON.stringify(statements);
  if (same) opener.under = judge.stamp;
  return same;
}

/** Of an opener, what its cursor may do. What that opens in turn is among what the opener was found to open. */
function cursorOf(opener: StatementAnalysis): StatementAnalysis {
  const { opens: _all, ...rest } = opener;
  return { ...rest, effects: { ...rest.effects, keyed: false, rows: null }, cleanOutputs: null };
}

function sum(
  one: StatementAnalysis | undefined,
  other: StatementAnalysis | undefined,
): StatementAnalysis | undefined {
  return one !== undefined && other !== undefined ? either(one, other) : (one ?? other);
}
