import type { Effects } from './effects.ts';
import type { ServerSource } from './errors.ts';

/**
 * How a session reads the strings of its texts. `standard`: as the standard says, and always so. `escapes`: standard_conforming_strings
 * is off now, and a backslash in a plain '…' means something. `doubtful`: the setting is on, but was or may have been off: bodies of
 * functions are read when they first run, and stay as they were read.
 */
export type Strings = 'standard' | 'doubtful' | 'escapes';

/** What SQL gives a name. */
export interface Named {
  readonly name: string;
  readonly body: StatementAnalysis;
  /** The text that does it, by which the body can be analysed again; absent where it does more, or may be read in two ways. */
  readonly text?: string;
}

/** What a statement does to the proxy's picture of the session, once the server has confirmed it. */
export type SessionAction =
  /** `readOnly`/`isolation` as far as the text says it; null where the session's default counts. */
  | { readonly kind: 'begin'; readonly readOnly: boolean | null }
  /** `prepared`: the name under which it is left to somebody's COMMIT PREPARED. */
  | { readonly kind: 'commit'; readonly prepared?: string }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  | ({ readonly kind: 'prepare' } & Named)
  | { readonly kind: 'deallocate'; readonly name: string | null }
  | ({ readonly kind: 'declare' } & Named)
  | { readonly kind: 'close'; readonly name: string | null }
  | { readonly kind: 'discard' }
  /** SET, RESET, set_config: the setting's lower-case name, null for RESET ALL. */
  | { readonly kind: 'set'; readonly setting: string | null };

/** Values of parameters, from $1 on: null for SQL NULL, undefined where nobody can tell. */
export type Values = readonly (string | null | undefined)[];

/** A statement whose meaning hangs on the values of its parameters. */
export interface Bound {
  /** What is known of it before: enough for Parse, which runs nothing of it. Never enough for anything else. */
  readonly before: StatementAnalysis;
  /** The statement with these values. */
  by(values: Values): StatementAnalysis;
}

/** A relation that a command of the catalog names, and what it would call it if it did not find it. */
export interface Sought {
  readonly schema: string | null;
  readonly name: string;
  readonly as: 'relation' | 'table' | 'view' | 'materialized view' | 'index' | 'sequence' | 'foreign table';
}

/** What a statement is about beside its effects, for rules that hold or deny: `schema.name`. */
export interface Within {
  /** Partitions, by the name of what they are a part of. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** What a command of the catalog makes, changes or drops, and does not call. */
  readonly functions: readonly string[];
}

/** One statement of a message, analysed without knowledge of the session: cacheable by text, search_path and catalog version. */
export interface StatementAnalysis {
  readonly effects: Effects;
  /** What is not among its effects, which people read and rules that allow ask for. Absent: nothing. */
  readonly within?: Within;
  readonly actions: readonly SessionAction[];
  /** EXECUTE name: the body's analysis is the session's to add (`withBody`). */
  readonly executes: string | null;
  /** What EXECUTE gives the parameters. Absent: nothing. */
  readonly given?: Values;
  /** FETCH, MOVE or WHERE CURRENT OF name: likewise. */
  readonly cursor: string | null;
  /** A protected relation is, or may be, in scope: masks and redaction apply. True whenever that cannot be told. */
  readonly touchesProtected: boolean;
  /**
   * For results whose columns carry no origin: `true` at i means that output i provably holds nothing protected (a constant,
   * count(*)). Null: nothing is proven. Present only where the target list has no star, so that positions are certain.
   */
  readonly cleanOutputs: readonly boolean[] | null;
  /**
   * Names of columns that the statement compares with protected values: what comes back under one of them is masked, though it is of
   * another table. Absent: none.
   */
  readonly met?: readonly string[];
  /** Refused whatever the policy says (protected data into a table, COPY out of it, settings that would blind the proxy), and why. */
  readonly refusal: string | null;
  /** Commands that the server refuses inside a transaction block, or that end with more than one transaction (VACUUM, CREATE DATABASE, …). */
  readonly ownTransaction: boolean;
  /**
   * DDL that puts protected values behind another name, or other meanings behind a known one: until it is committed and the catalog
   * read again, nothing that follows in its transaction can be analysed. Absent: false.
   */
  readonly rewires?: boolean;
  /**
   * Relations, by their names, that it joins with protected ones: their rows may be protected from now on, which no catalog says before its
   * transaction is committed, so that no other DDL may name them until then.
   */
  readonly joins?: readonly string[];
  /**
   * What it does to the meaning of statements behind it, before its transaction ends: `adds` new names alone (CREATE TABLE), `changes`
   * what names lead to or what runs (a function's body, a trigger, anything unknown). Absent: neither.
   */
  readonly meaning?: 'adds' | 'changes' | undefined;
  /**
   * What its DDL and its locks do to other sessions. `schema.name`: the relation is another one or behaves in another way, and until the
   * transaction is over it is locked for all; `>schema.name`: the same for writing; `=schema.name`: it is only locked for writing. `?.name`:
   * what has this name, in whichever schema, is another one when the transaction is committed, and `!.name` has locks besides. `?*` and `*`: it
   * cannot be told of what. Absent: nothing.
   */
  readonly about?: readonly string[];
  /** Relations that its own text names, and so locks until its transaction is over; `>` before those that it writes. Absent: none. */
  readonly takes?: readonly string[];
  /** OIDs of the users' own functions that it may come to. Absent: none. */
  readonly calls?: readonly number[];
  /** Their names, without schemas. */
  readonly callNames?: readonly string[];
  /**
   * What may run at the end of its transaction only, by a deferrable trigger or a cursor WITH HOLD: OIDs of functions, negative ones of types, 0
   * for such a cursor itself. Absent: nothing does.
   */
  readonly late?: readonly number[];
  /**
   * OIDs of users' types that occur in it. Where it has parameters of no declared type, the server has chosen among these when it parsed it, and
   * reads values as of these whatever names mean later. Absent: none.
   */
  readonly types?: readonly number[];
  /** Types that it names run users' functions as soon as a literal is read, which the server does when it parses. Absent: false. */
  readonly parseRuns?: boolean;
  /** The server looks up what its names stand for when it parses it, and not only when it runs it. Absent: false. */
  readonly namesAtParse?: boolean;
  /** What it looks for first when it runs, and fails without, is not in the catalog. Absent: that is not known. */
  readonly sought?: Sought;
  /**
   * It has names that lead nowhere, and nothing else about it is unknown: the same as if they led to something harmless. Enough for Parse alone, which
   * looks for them and runs nothing. Absent: it has none, or more is unknown.
   */
  readonly found?: StatementAnalysis;
  /** It may give the session a client_encoding other than UTF8. Absent: false. */
  readonly otherEncoding?: boolean;
  /** It may change standard_conforming_strings, if only while it runs, or nobody can tell what it changes. Absent: false. */
  readonly otherStrings?: boolean;
  /** Functions that it runs may leave a cursor open behind it, `held` also behind its transaction. Absent: none does. */
  readonly opens?: 'cursor' | 'held';
  /**
   * What it does hangs on the values of its parameters: until it is bound it is refused, so that forgetting to ask again allows nothing.
   * Absent: it does not.
   */
  readonly bound?: Bound;
  /** The declared types of its parameters have a say in what was found. Absent: false. */
  readonly typed?: boolean;
  /** It runs SQL that nobody has read (a string, a language that is not analysed): what it carries where cannot be told. Absent: false. */
  readonly opaque?: boolean;
}

/** The same statement where it cannot be told what it does, and why: whatever hangs on that is assumed. */
export function cannotTell(of: StatementAnalysis, why: string): StatementAnalysis {
  const { effects } = of;
  return {
    ...of,
    effects: {
      ...effects,
      unknown: [...new Set([...effects.unknown, why])].sort(),
      readOnly: false,
      keyed: false,
      rows: null,
    },
    touchesProtected: true,
    cleanOutputs: null,
    meaning: 'changes',
    otherStrings: true,
  };
}

/** A fast-path call, which names its function by OID: judged as the SELECT that says the same. */
export interface CallAnalysis {
  readonly text: string;
  /** Type OIDs of the arguments and of the result; empty and 0 where the function is not known. */
  readonly inputs: readonly number[];
  readonly result: number;
  /** How many arguments it takes; where it is not in the catalog, or cannot be called by its OID, which of the two. */
  readonly takes: number | 'nowhere' | 'unclear';
  readonly analysis: StatementAnalysis;
}

/** A whole query string. */
export type Analysis =
  | { readonly kind: 'statements'; readonly statements: readonly StatementAnalysis[] }
  /** The text does not parse: what the server would say too. `position` counts characters from 1. */
  | {
      readonly kind: 'syntax-error';
      readonly message: string;
      readonly position: number | null;
      readonly hint?: string;
      readonly detail?: string;
      readonly source?: ServerSource | undefined;
      /** Where the server's is another one than that of a syntax error. */
      readonly sqlstate?: string | undefined;
    };
