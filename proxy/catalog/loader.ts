import { assemble, type Below, NOTHING_BELOW } from './assemble.ts';
import type { Catalog } from './catalog.ts';
import { buildFunctions } from './functions.ts';
import {
  GUARD,
  initdbsHalf,
  isSplit,
  SPLITS,
  type Split,
  STRANGE,
  type Strange,
  TUPLES,
  usersHalf,
} from './halves.ts';
import { byName, Index, Layers } from './layers.ts';
import { type Answers, QUESTIONS, type Question, type Rows } from './load.ts';
import { LOCKED_RELATIONS, withoutLocked, withWords } from './locked.ts';
import { type ProtectedName, Protection } from './protect.ts';
import { buildRelations } from './relations.ts';
import * as sql from './sql.ts';
import { buildOperators, buildTypes, operatorCode } from './types.ts';
import { hashOf } from './version.ts';

type Query = (text: string) => Promise<(string | null)[][]>;
type Mutable = { -readonly [K in keyof Answers]: Rows };

/** What initdb made, as long as the guard stays the same. */
interface Base {
  readonly guard: string;
  readonly strange: Strange;
  readonly below: Below;
  readonly hash: string;
}

export interface Loaded {
  readonly catalog: Catalog;
  /** FINGERPRINT_SQL of the same snapshot; null when it was not asked for. */
  readonly fingerprint: string | null;
  /** False when definitions were left out, since somebody has locked what they mention. */
  readonly complete: boolean;
}

export interface LoadOptions {
  /** Asks for FINGERPRINT_SQL, too. */
  readonly fingerprint?: boolean;
  /**
   * How long a question waits for a lock. Then the catalog is loaded without the definitions that are locked: what hangs on them is
   * unknown, as the analysis has it. Without this, a load waits for as long as the lock is held.
   */
  readonly lockMs?: number;
  /** The catalog before: a definition that is left out keeps its words. One that was not there may have any words. */
  readonly last?: Catalog | null;
}

/**
 * Loads the catalog of one database again and again over one connection, with the answers of `loadCatalog` and a version of its own
 * kind. What initdb made is read and built the first time, and again only when a guard over it changes; each load reads the users' part
 * in one snapshot, which is newer than the call. All its questions are sent at once: `query` has to keep their order.
 *
 * Rejects with whatever `query` rejects with; the connection has no transaction open then, and the next load may follow. One at a time.
 */
export class CatalogLoader {
  readonly #query: Query;
  readonly #names: readonly ProtectedName[];
  #base: Base | null = null;
  #prepared = new Map<string, string>();
  #hindered = false;

  constructor(query: Query, options: { readonly protectedColumns: readonly ProtectedName[] }) {
    this.#query = query;
    this.#names = options.protectedColumns;
  }

  async load(options: LoadOptions = {}): Promise<Loaded> {
    // Where definitions were locked the last time, they probably still are.
    if (this.#hindered) return this.#besideLocks(options);
    try {
      return await this.#load(options, []);
    } catch (fault) {
      if (options.lockMs === undefined || !isLockTimeout(fault)) throw fault;
      return this.#besideLocks(options);
    }
  }

  /**
   * The catalog as another connection sees it, inside whatever transaction that has open, over what initdb made as it was last read
   * here: null where that is another there. `query` has to keep the order; the connection's search_path has to find Postgres's own
   * names first, and no user's name but those in pg_temp.
   */
  async seenBy(query: Query): Promise<Catalog | null> {
    const base = this.#base;
    if (base === null) return null;
    const [[guards], [users]] = await Promise.all([
      settled([query(GUARD)]),
      settled([this.#users(base.strange, [], query)]),
    ]);
    if (JSON.stringify(guards) !== base.guard) return null;
    const version = hashOf({ ...users!, base: [[base.hash]] }, this.#names);
    return await assemble(query, users!, base.below, this.#names, version);
  }

  async #besideLocks(options: LoadOptions): Promise<Loaded> {
    const locked = (await this.#query(LOCKED_RELATIONS)).map(([oid]) => Number(oid));
    const loaded = await this.#load(options, locked);
    this.#hindered = locked.length > 0;
    return loaded;
  }

  async #load(options: LoadOptions, locked: readonly number[]): Promise<Loaded> {
    const begun = settled([
      this.#query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'),
      this.#query(`SET LOCAL search_path TO ''`),
      this.#query(`SET LOCAL lock_timeout = ${options.lockMs ?? 0}`),
    ]);
    try {
      const asked = Promise.all([
        this.#ask(GUARD),
        options.fingerprint ? this.#ask(sql.FINGERPRINT_SQL) : null,
      ]);
      const known = this.#base;
      const early = known === null ? null : this.#users(known.strange, locked);
      await settled([begun, asked, early]);
      const [guards, prints] = await asked;
      const guard = JSON.stringify(guards);
      const same = known !== null && known.guard === guard;
      const strange = same ? known.strange : await this.#strange();
      const found = same && early !== null ? await early : await this.#users(strange, locked);
      const answers = locked.length === 0 ? found : withWords(found, options.last ?? null);
      if (answers === null) throw new Error('too much is locked that was never read before');
      const base = same ? known : await this.#initdbs(guard, strange, answers);
      const version = hashOf({ ...answers, base: [[base.hash]] }, this.#names);
      const ask = (text: string) => this.#query(text);
      const catalog = await assemble(ask, answers, base.below, this.#names, version);
      await this.#query('COMMIT');
      this.#base = base;
      return { catalog, fingerprint: prints?.[0]?.[0] ?? null, complete: locked.length === 0 };
    } catch (fault) {
      // What was prepared may be gone: the next load begins from nothing. Where even this fails, that one will find out.
      this.#prepared = new Map();
      await settled([this.#query('ROLLBACK'), this.#query('DEALLOCATE ALL')]).catch(() => undefined);
      throw fault;
    }
  }

  async #strange(): Promise<Strange> {
    const found: Partial<Record<Question, number[]>> = {};
    for (const [name, oid] of await this.#query(STRANGE)) {
      const question = name as Question;
      found[question] = [...(found[question] ?? []), Number(oid)];
    }
    return found;
  }

  async #users(strange: Strange, locked: readonly number[], query?: Query): Promise<Answers> {
    const ask = query ?? ((text: string) => (locked.length === 0 ? this.#ask(text) : this.#query(text)));
    const answers = {} as Mutable;
    const question = (name: Question): string => {
      if (name === 'ownFunctions') return sql.OWN_FUNCTIONS_OF(strange.ownFunctions ?? []);
      return isSplit(name) ? usersHalf(name, strange) : QUESTIONS[name];
    };
    const names = Object.keys(QUESTIONS) as Question[];
    const asked = names.map(async name => {
      const text = question(name);
      answers[name] = await ask(locked.length === 0 ? text : withoutLocked(name, text, locked));
    });
    await settled([
      ...asked,
      (query ?? (text => this.#ask(text)))(TUPLES).then(rows => {
        answers.tuples = rows;
      }),
    ]);
    return answers;
  }

  async #initdbs(guard: string, strange: Strange, users: Answers): Promise<Base> {
    const rows = {} as Record<Split, Rows>;
    await settled(
      SPLITS.map(async name => {
        rows[name] = await this.#query(initdbsHalf(name, strange));
      }),
    );
    const empty = Object.fromEntries(Object.keys(users).map(name => [name, []])) as unknown as Answers;
    const answers: Answers = { ...empty, ...rows };
    // Which functions are users' own hangs on rows that are guarded, too.
    const own = new Index(buildFunctions(users));
    const functions = new Index(buildFunctions(answers));
    const all = new Layers(functions, own);
    const code = operatorCode(answers);
    const strangeCode = operatorCode(users);
    const { types } = buildTypes(answers, all, new Map(), new Map());
    const relations = buildRelations(answers, all, NOTHING_BELOW.relations);
    return {
      guard,
      strange,
      hash: hashOf({ ...rows, relations: rows.relations.map(row => row.with(4, null)) }, []),
      below: {
        part: {
          functions,
          operators: byName(buildOperators(answers, new Map([...strangeCode, ...code]))),
          types: new Index(types),
          relations: new Index(relations.finish(new Protection(new Map(), []))),
        },
        relations: { rows: keyed(rows.relations), protectable: relations.protectable, keys: rows.uniqueKeys },
        types: keyed(rows.types),
        operatorCode: code,
      },
    };
  }

  /** Prepared the first time: to plan these questions takes as long as to answer them. */
  #ask(text: string): Promise<Rows> {
    let name = this.#prepared.get(text);
    if (name !== undefined) return this.#query(`EXECUTE ${name}`);
    name = `holdpoint_${this.#prepared.size}`;
    this.#prepared.set(text, name);
    return settled([this.#query(`PREPARE ${name} AS ${text}`), this.#query(`EXECUTE ${name}`)]).then(
      ([, rows]) => rows as Rows,
    );
  }
}

/** lock_not_available, as OwnConnection and others tell it. */
function isLockTimeout(fault: unknown): boolean {
  if (!(fault instanceof Error)) return false;
  const { cause } = fault;
  return (
    ('code' in fault && fault.code === '55P03') ||
    (cause instanceof Error && cause.message.startsWith('55P03'))
  );
}

function keyed(rows: Rows): Map<string, Rows[number]> {
  return new Map(rows.map(row => [row[0] ?? '', row]));
}

/** Waits for all of them, then rejects as the first of them did: nothing goes on behind the caller's back. */
async function settled<T>(all: readonly T[]): Promise<Awaited<T>[]> {
  const results = await Promise.allSettled(all);
  return results.map(result => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
