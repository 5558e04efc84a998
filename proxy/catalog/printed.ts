import { changedKeys, type Held } from './held.ts';
import type { Question, Row, Rows } from './questions.ts';

/** The questions whose answers Postgres prints from trees: what they say hangs on the names of other objects. */
export const PRINTED = [
  'views',
  'rules',
  'policies',
  'defaults',
  'checks',
  'domainChecks',
  'ownFunctions',
] as const satisfies readonly Question[];

/**
 * Whether what was printed before may be printed otherwise now, though its own rows are the same: something that it may mention has another
 * name or other arguments. What is new is mentioned by nothing that is not, and what has gone by nothing that is left; but
 * in pg_catalog, where names are printed short, another function decides whether one may be.
 */
export function namesDiffer(before: Held, now: Held): boolean {
  return (
    differ(before, now, 'relations', row => [row[1], row[2], row[3]]) ||
    differ(before, now, 'types') ||
    differ(before, now, 'operators') ||
    differ(before, now, 'functions', row => row.with(4, null).with(5, null)) ||
    differ(
      before,
      now,
      'ownFunctions',
      row => [row[1], row[2]],
      () => null,
    ) ||
    differ(before, now, 'indexes', whole, row => (row[1] === PG_CATALOG ? 'pg_catalog' : null)) ||
    // A relation's constraints come together: one more is no change of those that were there.
    constraintsDiffer(before, now)
  );
}

/** Relations that were there with other columns. */
export function columnsDiffer(before: Held, now: Held): string[] {
  return [...changedKeys(before, now, 'relations')].filter(key => {
    const [one, other] = [before.of('relations', key)[0], now.of('relations', key)[0]];
    return one !== undefined && other !== undefined && one[8] !== other[8];
  });
}

/**
 * Answer and key of whatever may be printed with names of columns of these relations ($1): all that depends on them, on their types, on
 * functions that take or give these, and so on. Columns are named by nothing else: a constant shows their values alone.
 */
export const DEPENDENTS = `
  with recursive up (class, oid) as (
    select 'pg_class'::regclass::oid, unnest($1)
    union
    select e.class, e.oid from up cross join lateral (
      select d.classid, d.objid from pg_depend d where d.refclassid = up.class and d.refobjid = up.oid
      union all
      select 'pg_class'::regclass::oid, r.ev_class from pg_rewrite r where up.class = 'pg_rewrite'::regclass and r.oid = up.oid
    ) e (class, oid)
  ), relations (oid) as (
    select oid from up where class = 'pg_class'::regclass
    union select polrelid from up join pg_policy p using (oid) where class = 'pg_policy'::regclass
    union select adrelid from up join pg_attrdef using (oid) where class = 'pg_attrdef'::regclass
    union select conrelid from up join pg_constraint using (oid) where class = 'pg_constraint'::regclass
  )
  select name, oid from relations cross join unnest(array['views', 'rules', 'policies', 'defaults', 'checks']) name
  union all select 'ownFunctions', oid from up where class = 'pg_proc'::regclass
  union all select 'domainChecks', oid from up where class = 'pg_type'::regclass
  union all select 'domainChecks', contypid from up join pg_constraint using (oid) where class = 'pg_constraint'::regclass`;

/** OID of the schema. */
const PG_CATALOG = '11';

const whole = (row: Row): unknown => row;
const second = (row: Row) => row[1];

type Name = 'relations' | 'types' | 'operators' | 'functions' | 'ownFunctions' | 'indexes';

function differ(
  before: Held,
  now: Held,
  name: Name,
  said: (row: Row) => unknown = whole,
  schema: (row: Row) => string | null | undefined = second,
): boolean {
  const [had, has] = [before.groups(name), now.groups(name)];
  return [...changedKeys(before, now, name)].some(key => {
    const [one, other] = [had.get(key), has.get(key)];
    if (one === undefined || other === undefined)
      return (one ?? other)?.some(row => schema(row) === 'pg_catalog') === true;
    return texts(one, said) !== texts(other, said);
  });
}

function texts(rows: Rows, said: (row: Row) => unknown): string {
  return rows
    .map(row => JSON.stringify(said(row)))
    .sort()
    .join();
}

function constraintsDiffer(before: Held, now: Held): boolean {
  return [...changedKeys(before, now, 'arbiters')].some(key => {
    const known = new Map(before.of('arbiters', key).map(row => [row[1], row[2]]));
    return now.of('arbiters', key).some(([, oid, name]) => known.has(oid) && known.get(oid) !== name);
  });
}

const NUMBERS = 'smallint|integer|bigint|numeric|real|double precision|money|oid';
const TIMES = 'date|time|timestamp|interval';
const WORDS = 'text|character|bpchar|"char"|name|bytea|bit|boolean|uuid|json|jsonb|xml|inet|cidr|unknown';

/**
 * Constants print names, too, and Postgres does not always know of which objects: arrays of OIDs that have names, rows, ranges. A text with
 * a constant of another than a plain type is asked for again with every change; so is one that mentions somebody's temporary objects,
 * which their own session prints otherwise, and a regclass that had no name.
 */
const FRAGILE = new RegExp(
  `'::(?!(?:${NUMBERS}|${TIMES}|${WORDS})(?:\\[\\])*(?![\\w.$"[])|regclass(?![\\w.$"[]))|'\\d+'::regclass|pg_temp`,
);

const fragile = new WeakMap<ReadonlyMap<string, Rows>, readonly string[]>();

/** The keys of such texts. */
export function fragileOf(held: Held, name: (typeof PRINTED)[number]): string[] {
  return held.groups(name).drawers.flatMap(drawer => {
    let keys = fragile.get(drawer);
    if (keys === undefined) {
      keys = [...drawer].flatMap(([key, rows]) =>
        rows.some(row => row.some(text => text !== null && FRAGILE.test(text))) ? [key] : [],
      );
      fragile.set(drawer, keys);
    }
    return keys;
  });
}
