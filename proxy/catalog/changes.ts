import { Drawers } from './drawers.ts';
import type { Rows } from './questions.ts';
import { settled } from './settled.ts';

/** What an answer can hang on, each with the object that one of its rows says something of. */
const TABLES = {
  class: 'oid',
  attribute: 'attrelid',
  attrdef: 'adrelid',
  constraint: 'conrelid',
  index: 'indrelid',
  rewrite: 'ev_class',
  policy: 'polrelid',
  trigger: 'tgrelid',
  event_trigger: 'oid',
  inherits: 'inhrelid',
  type: 'oid',
  range: 'rngtypid',
  proc: 'oid',
  aggregate: 'aggfnoid::oid',
  operator: 'oid',
  cast: 'oid',
  amop: 'amopfamily',
  amproc: 'amprocfamily',
  opclass: 'oid',
  statistic_ext: 'stxrelid',
  namespace: 'oid',
  language: 'oid',
  extension: 'oid',
  collation: 'oid',
  enum: 'enumtypid',
  ts_config: 'oid',
  ts_dict: 'oid',
  // Which functions extensions have: nothing else of it changes beside the rows of both ends.
  depend: 'objid',
} as const;

export type Table = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as Table[];

/** Tables whose key is a relation: what a relation takes along when it goes. */
const OF_RELATIONS: readonly Table[] = [
  'attribute',
  'attrdef',
  'constraint',
  'index',
  'rewrite',
  'policy',
  'trigger',
  'inherits',
];

const MEMBERS = ` where refclassid = 'pg_extension'::regclass and deptype = 'e' and classid = 'pg_proc'::regclass`;

function from(table: Table): { source: string; key: string; and: string } {
  const filter = table === 'depend' ? MEMBERS : '';
  return {
    source: `pg_catalog.pg_${table}${filter}`,
    key: TABLES[table],
    and: filter === '' ? 'where' : 'and',
  };
}

/** Of a row, which transaction and command wrote it, and where it lies. */
const STAMP = `sum(hashtextextended(concat(xmin, ' ', cmin, ' ', ctid), 0))`;

/** An age may be negative: this transaction's own id counts as the newest one. */
const RECENT = 'age(xmin) <= (select age($1)) and age(xmin) > -1000000000';

/**
 * How many rows a table has, and of each object one of whose rows no snapshot with this xmin ($1) can have seen (or one from long ago,
 * where transaction ids have come round): how many rows it has, and their stamps.
 */
function changesOf(table: Table): string {
  const { source, key, and } = from(table);
  return `(with seen as materialized (select count(*) as n, array_agg(${key}) filter (where ${RECENT}) as keys from ${source})
    select '${table}', null::oid, n, null::numeric from seen
    union all select '${table}', ${key}, count(*), ${STAMP} from ${source} ${and} ${key} = any ((select keys from seen)::oid[]) group by ${key})`;
}

const CHANGES = NAMES.map(changesOf).join(' union all ');

const TOTALS = NAMES.map(table => {
  const { source } = from(table);
  return `select '${table}', null, count(*), count(*) filter (where ${RECENT}) from ${source}`;
}).join(' union all ');

type AskSince = (text: string, xid: string) => Promise<Rows>;

/** In one question, which takes as long to plan as to answer. */
export function changesSince(ask: AskSince, horizon: string): Promise<Rows> {
  return ask(CHANGES, xidOf(horizon));
}

/** The same where nothing may be prepared: first in which tables there are any. */
export async function changesSinceStepwise(ask: AskSince, horizon: string): Promise<Rows> {
  const totals = await ask(TOTALS, xidOf(horizon));
  const rows = totals.map(row =>
    row[3] === '0' ? Promise.resolve([row]) : ask(changesOf(row[0] as Table), xidOf(horizon)),
  );
  return (await settled(rows)).flat();
}

/** As the server's tables have a transaction's id. */
const xidOf = (id: string) => `${BigInt(id) % (1n << 32n)}`;

/** How many rows each object has in a table: `null` for all objects. */
export function COUNTS(table: Table, keys: Iterable<string> | null): string {
  const { source, key, and } = from(table);
  const some = keys === null ? '' : ` ${and} ${key} in (${[...keys].join(', ') || 0})`;
  return `select ${key}, count(*) from ${source}${some} group by ${key}`;
}

/** Snapshot, and how many rows relations are thought to have, which is written in place: each of them, and coarsely. */
export const MOMENT = `
  select pg_current_snapshot(), pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot()), tuples.*
    from (select sum(hashfloat4extended(reltuples, oid::int8)), sum(round(ln(reltuples + 1)))
            from pg_catalog.pg_class where reltuples >= 0 and relkind not in ('i', 'I')) as tuples`;
export const SNAPSHOT = 'select pg_current_snapshot()';

export interface Moment {
  readonly snapshot: string;
  readonly xmin: string;
  readonly xmax: string;
  readonly tuples: string;
  readonly coarsely: string;
}

export function momentOf(rows: Rows): Moment {
  const [snapshot, xmin, xmax, tuples, coarsely] = rows[0] ?? [];
  if (!snapshot || !xmin || !xmax) throw new Error('no snapshot');
  return { snapshot, xmin, xmax, tuples: tuples ?? '', coarsely: coarsely ?? '' };
}

/** The rows of the catalog's tables as one snapshot sees them, as far as it takes to tell what another one sees otherwise. */
export interface Picture {
  readonly moment: Moment;
  /** An xmin: what is older is not in `recent`. */
  readonly horizon: string;
  /** Of a transaction that is still open: its rows can go again. */
  readonly open: boolean;
  /** By table: how many rows each object has, and all of them. */
  readonly counts: Readonly<Record<Table, Drawers<number>>>;
  readonly totals: Readonly<Record<Table, number>>;
  /** By table: the stamps of objects that have rows from the horizon on. */
  readonly recent: Readonly<Record<Table, ReadonlyMap<string, string>>>;
}

/** What a later snapshot says from the same horizon on is what the picture has, and so nothing was committed in between. */
export function isAsBefore(picture: Picture, changes: Rows): boolean {
  const { totals, recent } = read(changes);
  return NAMES.every(
    table =>
      totals[table] === picture.totals[table] &&
      [...recent[table]].every(([key, stamp]) => picture.recent[table].get(key) === stamp),
  );
}

export type Changed = Readonly<Record<Table, ReadonlySet<string>>>;

interface Seen {
  readonly totals: Record<Table, number>;
  readonly counts: Record<Table, Map<string, number>>;
  readonly recent: Record<Table, Map<string, string>>;
}

function read(rows: Rows): Seen {
  const seen: Seen = { totals: each(() => -1), counts: each(() => new Map()), recent: each(() => new Map()) };
  for (const [name, key, count, stamp] of rows) {
    const table = name as Table;
    if (key === null || key === undefined) seen.totals[table] = Number(count);
    else {
      seen.counts[table].set(key, Number(count));
      seen.recent[table].set(key, stamp ?? '');
    }
  }
  if (NAMES.some(table => seen.totals[table] < 0)) throw new Error('a table was not counted');
  return seen;
}

type Ask = (text: string) => Promise<Rows>;

/** The first picture; `changes` is what CHANGES says from this moment on. */
export async function firstPicture(ask: Ask, moment: Moment, changes: Rows): Promise<Picture> {
  const { totals, recent } = read(changes);
  const counted = await settled(NAMES.map(table => ask(COUNTS(table, null))));
  const counts = {} as Record<Table, Drawers<number>>;
  for (const [i, table] of NAMES.entries())
    counts[table] = Drawers.of(counted[i]!.map(([key, n]) => [key ?? '0', Number(n)] as const));
  return { moment, horizon: moment.xmin, open: false, counts, totals, recent };
}

/**
 * What another snapshot sees, and which objects' rows are others there. An object is the same when none of its rows is new and as many are
 * left as it had; all objects that were not counted are the same when none of their rows is new and the tables have as many rows as they
 * should. Where rows are missing, it is counted anew whose they were.
 *
 * Null where it does not come out. `open`: the other snapshot is that of an open transaction. What was new in it before and is not now has changed, too: it was rolled back.
 */
export async function nextPicture(
  ask: Ask,
  before: Picture,
  moment: Moment,
  changes: Rows,
  open: boolean,
): Promise<{ picture: Picture; changed: Changed } | null> {
  const seen = read(changes);
  const changed = each(() => new Set<string>());
  const counts = { ...before.counts };
  const sums = { ...before.totals };
  const recount = (table: Table, found: Iterable<readonly [string, number | undefined]>) => {
    const others: [string, number | undefined][] = [];
    for (const [key, n] of found) {
      const had = counts[table].get(key);
      if (had === n) continue;
      sums[table] += (n ?? 0) - (had ?? 0);
      changed[table].add(key);
      others.push([key, n]);
    }
    counts[table] = counts[table].with(others);
  };
  const count = async (table: Table, keys: readonly string[] | null) => {
    const now = new Map((await ask(COUNTS(table, keys))).map(([key, n]) => [key ?? '0', Number(n)]));
    const asked = keys ?? [...counts[table]].map(([key]) => key);
    recount(
      table,
      [...new Set([...asked, ...now.keys()])].map(key => [key, now.get(key)]),
    );
  };
  const short = () => NAMES.filter(table => sums[table] !== seen.totals[table]);
  const rolledBack: Promise<void>[] = [];
  for (const table of NAMES) {
    for (const [key, stamp] of seen.recent[table])
      if (before.recent[table].get(key) !== stamp) changed[table].add(key);
    recount(table, seen.counts[table]);
    const gone = before.open
      ? [...before.recent[table].keys()].filter(key => !seen.recent[table].has(key))
      : [];
    for (const key of gone) changed[table].add(key);
    if (gone.length > 0) rolledBack.push(count(table, gone));
  }
  await settled(rolledBack);
  // Objects first: what has gone with them need not be searched for.
  await settled(
    short()
      .filter(table => !OF_RELATIONS.includes(table))
      .map(table => count(table, null)),
  );
  const dropped = [...changed.class].filter(oid => !counts.class.has(oid));
  if (dropped.length > 0) await settled(short().map(table => count(table, dropped)));
  await settled(short().map(table => count(table, null)));
  // Without one snapshot for all questions, somebody may have committed something between two of them.
  if (short().length > 0) return null;
  const horizon = open ? before.horizon : moment.xmin;
  return {
    picture: { moment, horizon, open, counts, totals: seen.totals, recent: seen.recent },
    changed,
  };
}

/** More transactions than this lie between two snapshots: ages tell nothing. */
const FAR = 1_000_000_000n;

export function tooFar(horizon: string, now: Moment): boolean {
  return BigInt(now.xmax) - BigInt(horizon) > FAR || BigInt(now.xmin) < BigInt(horizon);
}

function each<T>(make: () => T): Record<Table, T> {
  return Object.fromEntries(NAMES.map(name => [name, make()])) as Record<Table, T>;
}
