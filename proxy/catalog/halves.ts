import type { Question } from './questions.ts';
import * as sql from './sql.ts';

/**
 * The five long questions in halves: rows that initdb made, which are asked for once, and all others. A row of initdb's whose answer
 * hangs on something of a user's (a function that was moved to a user's schema, say) is `strange`, and belongs to the others.
 */
const SPLIT = {
  functions: { text: `${sql.FUNCTIONS} where`, oid: 'p.oid' },
  operators: { text: `${sql.OPERATORS} where`, oid: 'o.oid' },
  types: { text: `${sql.TYPES} and`, oid: 't.oid' },
  relations: { text: `${sql.RELATIONS} and`, oid: 'c.oid' },
  uniqueKeys: { text: `${sql.UNIQUE_KEYS} and`, oid: 'i.indexrelid' },
} as const;

export type Split = keyof typeof SPLIT;
export const SPLITS = Object.keys(SPLIT) as Split[];

/** OIDs of strange rows, by question. */
export type Strange = Readonly<Partial<Record<Question, readonly number[]>>>;

export const isSplit = (name: Question): name is Split => name in SPLIT;

export function initdbsHalf(name: Split, strange: Strange): string {
  const { text, oid } = SPLIT[name];
  return `${text} ${oid} < 16384 and not ${sql.oidIn(oid, strange[name] ?? [])}`;
}

export function usersHalf(name: Split, strange: Strange): string {
  const { text, oid } = SPLIT[name];
  const odd = strange[name] ?? [];
  return `${text} ${odd.length === 0 ? `${oid} >= 16384` : `(${oid} >= 16384 or ${sql.oidIn(oid, odd)})`}`;
}

const LANGUAGES = `('internal', 'c', 'sql')`;

/** Name of the question, OID. Hangs on guarded rows alone. */
export const STRANGE = `
  select 'functions', p.oid from pg_proc p left join pg_language l on l.oid = p.prolang
   where p.oid < 16384 and (p.pronamespace >= 16384 or p.prolang >= 16384 or l.lanname not in ${LANGUAGES})
  union all
  select 'ownFunctions', p.oid from pg_proc p join pg_language l on l.oid = p.prolang
   where p.oid < 16384 and l.lanname not in ${LANGUAGES}
  union all
  select 'operators', oid from pg_operator
   where oid < 16384 and (oprnamespace >= 16384 or oprcode >= 16384 or oprcom >= 16384 or oprnegate >= 16384)
  union all
  select 'types', t.oid from pg_type t left join pg_class c on c.oid = t.typrelid
   where t.oid < 16384 and (t.typnamespace >= 16384 or c.relnamespace >= 16384 or c.oid >= 16384)
  union all
  select 'relations', oid from pg_class where oid < 16384 and relnamespace >= 16384`;

const GUARDED: readonly (readonly [string, string])[] = [
  ['proc', 'oid'],
  ['operator', 'oid'],
  ['type', 'oid'],
  ['class', 'oid'],
  ['attribute', 'attrelid'],
  ['index', 'indexrelid'],
  ['namespace', 'oid'],
  ['language', 'oid'],
  ['range', 'rngtypid'],
];

/**
 * Rows that are others when any row of initdb's half is: of each row, which transaction wrote it and where it lies. Compared for
 * equality only, so that it makes no odds when transaction ids start again from 3. pg_class.reltuples is written in place and is not
 * seen: it is asked for each time (TUPLES).
 */
export const GUARD = GUARDED.map(
  ([table, oid]) =>
    `select count(*), sum(hash_record_extended(row(xmin, ctid), 0)) from pg_catalog.pg_${table} where ${oid} < 16384`,
).join(' union all ');

export const TUPLES = `select oid, reltuples from pg_class where oid < 16384 and relkind in ('r', 'm', 'p', 't', 'S')`;
