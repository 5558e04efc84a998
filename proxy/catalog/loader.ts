import { assemble, type Made } from './assemble.ts';
import { type Base, baseOf, strangeOf } from './base.ts';
import type { Catalog } from './catalog.ts';
import * as changes from './changes.ts';
import { CONTEXT, follow, questionOf } from './follow.ts';
import { GUARD } from './halves.ts';
import { Held } from './held.ts';
import { LOCKED_RELATIONS, withoutLocked, withWords } from './locked.ts';
import { type Asked, askedOf, literally, Prepared } from './prepared.ts';
import type { ProtectedName } from './protect.ts';
import { type Answers, QUESTIONS, type Question, type Rows } from './questions.ts';
import { settled } from './settled.ts';
import { hashOf } from './version.ts';

type Query = (text: string) => Promise<(string | null)[][]>;
type Put = (asked: Asked) => Promise<Rows>;

/** A catalog, and what it takes to tell the next one by what has changed. */
interface State {
  readonly base: Base;
  readonly picture: changes.Picture;
  readonly made: Made;
  readonly catalog: Catalog;
  /** Somebody changed names while definitions were printed: they may be those of no moment, and are printed again. */
  readonly reprint: boolean;
}

export interface Loaded {
  readonly catalog: Catalog;
  /** False when definitions were left out, since somebody has locked what they mention. */
  readonly complete: boolean;
}

export interface LoadOptions {
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
 * kind, each time in one snapshot that is newer than the call.
 *
 * The first load asks everything, and takes a picture: how many rows each object has in each table of the catalog. A later one asks which
 * objects have rows that the last snapshot cannot have seen, or another number of rows (changes.ts); only their answers are asked for
 * again, and those definitions that Postgres prints otherwise when a name changes (follow.ts, printed.ts); all other rows stay the very
 * same, and with them what is built of them (held.ts). What has changed too much for that is loaded whole: what initdb made, languages,
 * the names of schemas. What initdb made is read and built only when a guard over it changes.
 *
 * Many questions are sent at once: `query` has to keep their order. Rejects with whatever `query` rejects with; the connection has no
 * transaction open then, and the next load may follow. One at a time.
 */
export class CatalogLoader {
  readonly #query: Query;
  readonly #names: readonly ProtectedName[];
  readonly #prepared: Prepared;
  readonly #follows: boolean;
  /** Of the last load that was complete. */
  #state: State | null = null;
  #base: Base | null = null;
  #hindered = false;
  /** Those of open transactions, by what was seen there; each follows from what was shared then. */
  readonly #seen = new WeakMap<Catalog, { readonly from: State; readonly state: State }>();

  /** `whole`: asks everything each time, for whoever compares. */
  constructor(
    query: Query,
    options: { readonly protectedColumns: readonly ProtectedName[]; readonly whole?: boolean },
  ) {
    this.#query = query;
    this.#follows = options.whole !== true;
    this.#names = options.protectedColumns;
    this.#prepared = new Prepared(query);
  }

  async load(options: LoadOptions = {}): Promise<Loaded> {
    // Where definitions were locked the last time, they probably still are: only what needs none of them is waited for.
    if (this.#hindered && this.#state === null) return this.#besideLocks(options);
    try {
      const loaded = await this.#load(this.#hindered ? { ...options, lockMs: 1 } : options, []);
      this.#hindered = false;
      return loaded;
    } catch (fault) {
      if (options.lockMs === undefined || !isLockTimeout(fault)) throw fault;
      return this.#besideLocks(options);
    }
  }

  /**
   * Whether nothing has changed since the last load, relations' numbers of rows but coarsely. False also where that cannot be told, or where
   * something is to be read again in any case. As a load, it waits its turn, and leaves no transaction open when it fails.
   */
  async isUnchanged(): Promise<boolean> {
    const state = this.#state;
    if (state === null || state.reprint || this.#hindered) return false;
    const { horizon, moment: then } = state.picture;
    const put: Put = asked => this.#prepared.ask(asked);
    try {
      const asked = [this.#begin(0), put({ text: changes.MOMENT }), since(put, horizon, false)];
      const [, at, rows] = await settled(asked);
      await this.#query('COMMIT');
      const now = changes.momentOf(at!);
      const same = !changes.tooFar(horizon, now) && now.coarsely === then.coarsely;
      return same && changes.isAsBefore(state.picture, rows!);
    } catch (fault) {
      await this.#abandon();
      throw fault;
    }
  }

  /**
   * The catalog as another connection sees it, inside whatever transaction that has open, over what initdb made as it was last read
   * here: null where that is another there. `query` has to keep the order; the connection's search_path has to find Postgres's own
   * names first, and no user's name but those in pg_temp. `last` is what was seen there before, in the same transaction.
   */
  async seenBy(query: Query, last: Catalog | null = null): Promise<Catalog | null> {
    const [base, shared] = [this.#base, this.#state];
    if (base === null) return null;
    const put = literally(query);
    if (shared !== null) {
      const known = last === null ? undefined : this.#seen.get(last);
      const from = known?.from === shared ? known.state : shared;
      const next = await this.#next(put, from, true);
      if (next !== null) {
        this.#seen.set(next.catalog, { from: shared, state: next });
        return next.catalog;
      }
    }
    const [[guards], [users]] = await Promise.all([
      settled([query(GUARD)]),
      settled([this.#users(put, base, [])]),
    ]);
    if (JSON.stringify(guards) !== base.guard) return null;
    return (await this.#assemble(query, Held.from(users!), base, null)).catalog;
  }

  async #besideLocks(options: LoadOptions): Promise<Loaded> {
    const locked = (await this.#query(LOCKED_RELATIONS)).map(([oid]) => Number(oid));
    const loaded = await this.#load(options, locked);
    this.#hindered = locked.length > 0;
    return loaded;
  }

  async #load(options: LoadOptions, locked: readonly number[]): Promise<Loaded> {
    const put: Put = asked => this.#prepared.ask(asked);
    const begun = this.#begin(options.lockMs ?? 0);
    const last = locked.length === 0 ? this.#state : null;
    const following = last === null ? null : this.#next(put, last, false);
    try {
      await settled([begun, following]);
      const next = (await following) ?? (await this.#whole(put, options, locked));
      await this.#query('COMMIT');
      // What has a picture stays true of its moment, whatever is locked later.
      const { picture, printed } = next;
      if (picture !== null)
        this.#state = { ...next, picture, reprint: printed && !(await isCalm(put, picture)) };
      this.#base = next.base;
      return { catalog: next.catalog, complete: locked.length === 0 };
    } catch (fault) {
      await this.#abandon();
      throw fault;
    }
  }

  /** In one snapshot, in which only Postgres's own names are found. */
  #begin(lockMs: number): Promise<Rows> {
    return settled([
      this.#query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'),
      this.#query(`SET LOCAL search_path TO ''`),
      this.#query('SET LOCAL plan_cache_mode TO force_generic_plan'),
      this.#query('SET LOCAL jit TO off'),
      this.#query(`SET LOCAL lock_timeout = ${lockMs}`),
    ]).then(() => []);
  }

  /** What was prepared may be gone: the next load begins from nothing. Where even this fails, that one will find out. */
  async #abandon(): Promise<void> {
    this.#prepared.forget();
    await settled([this.#query('ROLLBACK'), this.#query('DEALLOCATE ALL')]).catch(() => undefined);
  }

  /** What follows from an earlier state; null where that cannot be told. */
  async #next(put: Put, from: State, open: boolean): Promise<Printed | null> {
    const { horizon, counts } = from.picture;
    const [at, rows] = await settled([put({ text: changes.MOMENT }), since(put, horizon, open)]);
    const moment = changes.momentOf(at!);
    if (changes.tooFar(horizon, moment)) return null;
    const ask = (text: string) => put({ text });
    const next = await changes.nextPicture(ask, from.picture, moment, rows!, open);
    if (next === null) return null;
    const { picture, changed } = next;
    const { base, made, reprint } = from;
    const followed = await follow(
      (text, keys, column) => put(askedOf(text, keys, column)),
      made.held,
      changed,
      (table, key) => counts[table].has(key),
      { strange: base.strange, tuples: moment.tuples !== from.picture.moment.tuples, reprint, open },
    );
    if (followed === null) return null;
    const trees = new Map(made.trees);
    for (const key of changed.rewrite) trees.delete(key);
    const same = followed.held === made.held && changed.rewrite.size === 0;
    const built = same
      ? { made, catalog: from.catalog }
      : await this.#assemble(ask, followed.held, base, { ...made, trees });
    const { printed } = followed;
    const calm = !open || !printed || (await isCalm(put, picture));
    return { base, ...built, picture, printed, reprint: !calm };
  }

  #assemble(ask: (text: string) => Promise<Rows>, held: Held, base: Base, last: Made | null) {
    return assemble(ask, held, base.below, this.#names, hashOf(held, this.#names, base.hash), last);
  }

  /** By asking everything. Beside locks there is no picture: what was left out would stay so. */
  async #whole(
    put: Put,
    options: LoadOptions,
    locked: readonly number[],
  ): Promise<Omit<Printed, 'picture'> & { readonly picture: changes.Picture | null }> {
    const ask = (text: string) => (locked.length === 0 ? put({ text }) : this.#query(text));
    const known = this.#base;
    const [[guards], moments, early] = await Promise.all([
      settled([put({ text: GUARD })]),
      settled([put({ text: changes.MOMENT })]),
      known === null ? null : settled([this.#users(put, known, locked)]),
    ]);
    const guard = JSON.stringify(guards);
    const same = known !== null && known.guard === guard;
    const strange = same ? known.strange : await strangeOf(this.#query);
    const found = same && early !== null ? early[0]! : await this.#users(put, { strange }, locked);
    const answers = locked.length === 0 ? found : withWords(found, options.last ?? null);
    if (answers === null) throw new Error('too much is locked that was never read before');
    const held = Held.from(answers);
    const base = same ? known : await baseOf(this.#query, guard, strange, held);
    const built = { base, ...(await this.#assemble(ask, held, base, null)), printed: true, reprint: false };
    if (locked.length > 0 || !this.#follows) return { ...built, picture: null };
    const moment = changes.momentOf(moments[0]!);
    const picture = await changes.firstPicture(ask, moment, await since(put, moment.xmin, false));
    return { ...built, picture };
  }

  async #users(put: Put, { strange }: Pick<Base, 'strange'>, locked: readonly number[]): Promise<Answers> {
    const answers: Partial<Record<keyof Answers, Rows>> = {};
    await settled(
      WHOLE.map(async name => {
        const text = questionOf(name, strange);
        // What is asked beside locks is asked once.
        answers[name] = await (locked.length === 0
          ? put({ text })
          : this.#query(isQuestion(name) ? withoutLocked(name, text, locked) : text));
      }),
    );
    return answers as Answers;
  }
}

type Printed = State & { readonly printed: boolean };

const WHOLE = [...Object.keys(QUESTIONS), 'tuples', ...Object.keys(CONTEXT)] as (keyof Answers)[];

const isQuestion = (name: keyof Answers): name is Question => name in QUESTIONS;

function since(put: Put, horizon: string, open: boolean): Promise<Rows> {
  const ask = (text: string, xid: string) => put({ text, value: { type: 'xid', text: xid } });
  return open ? changes.changesSinceStepwise(ask, horizon) : changes.changesSince(ask, horizon);
}

/** Whether definitions that were printed have the names of this picture; asked by a later snapshot. */
async function isCalm(put: Put, picture: changes.Picture): Promise<boolean> {
  const [[now] = []] = await put({ text: changes.SNAPSHOT });
  return (
    now === picture.moment.snapshot ||
    changes.isAsBefore(picture, await since(put, picture.horizon, picture.open))
  );
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
