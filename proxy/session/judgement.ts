import type { Analysis, CallAnalysis, StatementAnalysis, Strings, Values } from '#schemas/analysis.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import type { Verdict } from '#schemas/verdict.ts';
import { Recent } from '../policy/recent.ts';
import { withoutBody } from '../policy/with-body.ts';
import { either } from './either.ts';
import { afterMoved, movesNames } from './keeps-meaning.ts';
import { type Means, runsWhatIsLeft } from './left-to-end.ts';
import { Earlier } from './opened-cursors.ts';
import type { TooLong } from './too-long.ts';

/** One message's text, analysed and judged. */
export interface Judged {
  readonly text: string;
  readonly statements: readonly StatementAnalysis[];
  /** It names no prepared statement and no cursor: its meaning does not hang on the session's names. */
  readonly alone: boolean;
  /** The first witness says that all of it is a provable read. */
  readonly reads: boolean;
  /** It was read with standard_conforming_strings off. */
  readonly escapes: boolean;
  readonly verdict: { readonly outside: Verdict; readonly inTransaction: Verdict };
  /** What it is until it is bound, where its meaning hangs on the values of its parameters: for Parse alone. */
  readonly atParse?: Judged;
  /** The values of its parameters, where its meaning hangs on them. */
  readonly values?: Values;
  /** The declared types of its parameters, where they have a say in it. */
  readonly types?: string;
  /** What its transaction has left to its end, where that runs behind it and does something else by now than it was judged for. */
  readonly endsWith?: readonly StatementAnalysis[];
  /** What the agent hears where it is denied, if that is not what policy says. */
  readonly fault?: HoldpointError;
  /** Its effects stand in the session's record already, under the same text. */
  recorded: boolean;
}

export type Judgement =
  | { readonly kind: 'judged'; readonly judged: Judged }
  | TooLong
  | Extract<Analysis, { kind: 'syntax-error' }>;

/** A fast-path call, judged. */
export interface JudgedCall {
  readonly judged: Judged;
  readonly inputs: readonly number[];
  readonly result: number;
  readonly takes: CallAnalysis['takes'];
}

/** What EXECUTE and FETCH stand for: the session's names, as they would be when everything before has succeeded. */
export interface Bodies {
  statement(name: string): StatementAnalysis | undefined;
  /** `earlier` statements stand before it in the same text. */
  cursor(name: string, earlier: Earlier): StatementAnalysis | undefined;
}

const NO_TYPES: readonly number[] = [];
/** FirstNormalObjectId of the server's access/transam.h: types below are Postgres's own. */
const FIRST_USER_OID = 16384;
/** Texts and meanings that one session remembers: between so many and twice as many of each. */
const MOST = 500;
/** Characters of them, likewise. */
const CHARACTERS = 1 << 18;
/** A longer text is judged anew each time. */
export const MAX_CACHED_TEXT = 100_000;
/** How the record names what no text asks for. */
const END = '(end of the transaction)';

/**
 * Judges texts for one session, with a memory. What a text means depends on catalog, search_path and how strings are read, so the memory
 * is dropped when one of them changes; texts that name prepared statements or cursors are judged anew each time.
 */
export class Judge {
  private readonly known = new Recent<string, Judged>(MOST, CHARACTERS, lengthOf);
  /** By what was found of a text: the same object for many that differ in their constants alone. */
  private readonly meanings = new Recent<readonly StatementAnalysis[], Judged>(MOST, CHARACTERS, lengthOf);
  private readonly calls = new Recent<number, JudgedCall>(MOST);
  private means: Means | null = null;
  /** By which texts are judged; compared by identity. */
  catalog: unknown = null;
  /** The one by which the first was judged. */
  first: unknown = null;
  private rewired = false;
  private dark = false;
  private left: readonly StatementAnalysis[] = [];
  private strings: Strings = 'standard';
  /** Another object whenever what texts mean may have changed. */
  stamp: object = {};
  private readonly analyse: (text: string, types: readonly number[], strings: Strings) => Analysis | TooLong;
  private readonly analyseCall: (oid: number, strings: Strings) => CallAnalysis;
  private readonly decide: (statements: readonly StatementAnalysis[], inTransaction: boolean) => Verdict;
  private readonly seen: (statement: StatementAnalysis) => StatementAnalysis;
  private readonly bodies: Bodies;
  /** As `left` of `under`, where bodies may be read in another way behind the text. */
  private readonly doubtful: () => readonly StatementAnalysis[];
  private readonly withBody: (
    outer: StatementAnalysis,
    body: StatementAnalysis | undefined,
  ) => StatementAnalysis;

  constructor(
    analyse: (text: string, types: readonly number[], strings: Strings) => Analysis | TooLong,
    analyseCall: (oid: number, strings: Strings) => CallAnalysis,
    decide: (statements: readonly StatementAnalysis[], inTransaction: boolean) => Verdict,
    seen: (statement: StatementAnalysis) => StatementAnalysis,
    withBody: (outer: StatementAnalysis, body: StatementAnalysis | undefined) => StatementAnalysis,
    bodies: Bodies,
    doubtful: () => readonly StatementAnalysis[] = () => [],
  ) {
    this.analyse = analyse;
    this.analyseCall = analyseCall;
    this.decide = decide;
    this.seen = seen;
    this.withBody = withBody;
    this.bodies = bodies;
    this.doubtful = doubtful;
  }

  /** Whatever the meaning of a text depends on; compared by identity. `left`: what its transaction has left to its end, and does something new by now. */
  under(means: Means, rewired: boolean, dark: boolean, left: readonly StatementAnalysis[]): void {
    const same = this.means === means && this.left === left;
    if (same && this.rewired === rewired && this.dark === dark) return;
    this.strings = means.strings;
    this.dark = dark;
    this.means = means;
    this.catalog = means.view;
    this.first ??= means.view;
    this.left = left;
    this.rewired = rewired;
    this.stamp = {};
    this.known.clear();
    this.meanings.clear();
    this.calls.clear();
  }

  /**
   * `types`: the parameter types that Parse declares. A value of a user's type runs that type's functions. `escapes`: it is, or was when
   * it was parsed, read with standard_conforming_strings off.
   */
  text(text: string, types: readonly number[] = NO_TYPES, escapes = this.strings === 'escapes'): Judgement {
    const own =
      types.length > 0 && types.some(oid => oid >= FIRST_USER_OID) ? `${types.join()}\0${text}` : text;
    const key = escapes ? `\0${own}` : own;
    const known = this.known.get(key);
    const typed = known?.types !== undefined && known.types !== types.join();
    if (known !== undefined && !typed) return { kind: 'judged', judged: known };
    const analysis = this.analyse(text, types, this.reading(escapes));
    if (analysis.kind !== 'statements') return analysis;
    const judge = (statements: readonly StatementAnalysis[], alone: boolean): Judged => ({
      ...this.statements(text, statements, alone, escapes),
      ...(statements.some(s => s.typed === true) ? { types: types.join() } : {}),
      ...(statements.some(s => beforeBind(s) !== s)
        ? { atParse: this.statements(text, statements.map(beforeBind), alone, escapes) }
        : {}),
    });
    const alone = analysis.statements.every(s => s.executes === null && s.cursor === null);
    if (!alone) return { kind: 'judged', judged: judge(this.resolve(analysis.statements), false) };
    // What changes meanings is judged by what its transaction has done before.
    if (analysis.statements.some(s => s.meaning === 'changes'))
      return { kind: 'judged', judged: judge(analysis.statements, true) };
    const like = this.meanings.get(analysis.statements);
    const judged =
      like === undefined ? judge(analysis.statements, true) : { ...like, text, escapes, recorded: false };
    if (text.length > MAX_CACHED_TEXT) return { kind: 'judged', judged };
    if (like === undefined) this.meanings.set(analysis.statements, judged);
    this.known.set(key, judged);
    return { kind: 'judged', judged };
  }

  /** With the values of its parameters, where its meaning hangs on them. */
  bound(judged: Judged, values: () => Values): Judged {
    const { text, statements, alone, escapes } = judged;
    if (statements.every(s => s.bound === undefined)) return judged;
    const given = values();
    const bound = statements.map(s => s.bound?.by(given) ?? s);
    return { ...this.statements(text, bound, alone, escapes), values: given };
  }

  /** How a text and the bodies that it runs are read, that was or is parsed with escapes in plain strings or without. */
  reading(escapes: boolean): Strings {
    if (escapes) return 'escapes';
    return this.strings === 'standard' ? 'standard' : 'doubtful';
  }

  /** A fast-path call of the function with this OID. */
  call(oid: number): JudgedCall {
    const known = this.calls.get(oid);
    if (known !== undefined) return known;
    const { text, inputs, result, takes, analysis } = this.analyseCall(oid, this.strings);
    const call = { judged: this.statements(text, [analysis], true), inputs, result, takes };
    this.calls.set(oid, call);
    return call;
  }

  /** Bodies added, in order: a PREPARE or DECLARE earlier in the same text counts for what follows it. */
  private resolve(statements: readonly StatementAnalysis[]): StatementAnalysis[] {
    const prepared = new Map<string, StatementAnalysis | undefined>();
    const cursors = new Map<string, StatementAnalysis | undefined>();
    const earlier = new Earlier();
    let moved = false;
    let late = false;
    return statements.map(outer => {
      let resolved = outer;
      if (outer.executes !== null)
        resolved = this.withBody(
          resolved,
          prepared.has(outer.executes) ? prepared.get(outer.executes) : this.bodies.statement(outer.executes),
        );
      if (outer.cursor !== null)
        resolved = this.withBody(
          resolved,
          cursors.has(outer.cursor) ? cursors.get(outer.cursor) : this.bodies.cursor(outer.cursor, earlier),
        );
      for (const action of resolved.actions) {
        if (action.kind === 'prepare') prepared.set(action.name, action.body);
        if (action.kind === 'declare') cursors.set(action.name, action.body);
      }
      // What the text does itself, its analysis knows; what it executes, only the session does.
      if (moved || (late && (resolved.meaning === 'changes' || resolved.otherStrings === true)))
        resolved = afterMoved(resolved);
      else if (outer.executes !== null || outer.cursor !== null) moved = movesNames(resolved);
      late ||= resolved.late !== undefined;
      earlier.add(resolved);
      return resolved;
    });
  }

  /** Judges statements that were analysed before: a Bind of a prepared one. */
  statements(
    text: string,
    analysed: readonly StatementAnalysis[],
    alone = false,
    escapes = this.strings === 'escapes',
  ): Judged {
    const statements = analysed.map(this.seen);
    const judged = {
      text,
      statements,
      alone,
      reads: statements.every(s => s.effects.readOnly),
      escapes,
      verdict: { outside: this.decide(statements, false), inTransaction: this.decide(statements, true) },
      recorded: false,
    };
    return statements.some(runsWhatIsLeft) ? this.ending(judged) : judged;
  }

  /** The same where the transaction ends behind it, which runs what is left to that: judged by what that does now. */
  ending(judged: Judged): Judged {
    if (judged.endsWith !== undefined) return judged;
    const left = judged.statements.some(s => s.otherStrings === true) ? this.doubtful() : this.left;
    if (left.length === 0) return judged;
    const all = [...judged.statements, ...left];
    const last = judged.statements.length - 1;
    return {
      ...judged,
      statements: judged.statements.map((s, i) => (i === last ? left.reduce(either, s) : s)),
      reads: false,
      verdict: { outside: this.decide(all, false), inTransaction: this.decide(all, true) },
      endsWith: left,
      recorded: false,
    };
  }

  /** The end of an implicit transaction, for which no text is sent; null where nothing new would run. */
  end(): Judged | null {
    return this.left.length === 0 ? null : { ...this.statements(END, this.left), endsWith: this.left };
  }
}

function beforeBind(statement: StatementAnalysis): StatementAnalysis {
  const { bound, executes, found } = statement;
  if (found !== undefined && bound === undefined && executes === null) return found;
  return bound?.before ?? withoutBody(statement);
}

function lengthOf(_key: unknown, { text }: Judged): number {
  return text.length;
}
