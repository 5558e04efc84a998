import type { Changed, Table } from './changes.ts';
import { FIRST_USER_OID } from './functions.ts';
import { isSplit, type Strange, TUPLES, usersHalf } from './halves.ts';
import { type Held, keyColumn } from './held.ts';
import { columnsDiffer, DEPENDENTS, fragileOf, namesDiffer, PRINTED } from './printed.ts';
import { QUESTIONS, type Question, type Rows } from './questions.ts';
import { settled } from './settled.ts';
import * as sql from './sql.ts';

/** What is asked beside, to tell what definitions are printed with. */
export const CONTEXT = {
  indexes: `select oid, relnamespace, relname from pg_class where relkind in ('i', 'I') and oid >= 16384`,
  arbiters: `select conrelid, oid, conname from pg_constraint where contype in ('p', 'u', 'x') and conrelid >= 16384`,
} as const;

/** How many rows relations are thought to have. */
const ALL_TUPLES = `select oid, reltuples from pg_class where relkind not in ('i', 'I')`;

type Name = Question | 'tuples' | keyof typeof CONTEXT;

/** What an answer hangs on, where it is asked for by the object whose rows have changed. */
const KEYED: Partial<Record<Name, readonly Table[]>> = {
  functions: ['proc'],
  ownFunctions: ['proc', 'depend'],
  aggregates: ['aggregate'],
  operators: ['operator'],
  types: ['type'],
  relations: ['class', 'attribute'],
  views: ['class', 'rewrite'],
  rules: ['rewrite'],
  policies: ['class', 'policy'],
  defaults: ['attribute', 'attrdef'],
  checks: ['constraint'],
  foreignKeys: ['constraint'],
  uniqueKeys: ['index'],
  indexFamilies: ['index'],
  triggers: ['trigger'],
  eventTriggers: ['event_trigger'],
  inherits: ['inherits'],
  indexes: ['class'],
  arbiters: ['constraint'],
};

/** What an answer hangs on, where it is asked for whole as soon as anything there has changed. */
const WHOLE: Partial<Record<Name, readonly Table[]>> = {
  casts: ['cast'],
  comparisons: ['amop', 'amproc', 'operator'],
  indexFamilies: ['opclass'],
  hidden: ['class', 'constraint', 'statistic_ext', 'index', 'operator', 'proc'],
  schemas: ['namespace'],
};

/** Where any change may have definitions printed otherwise. */
const PRINTS: readonly Table[] = ['cast', 'opclass', 'amop', 'amproc', 'collation', 'ts_config', 'ts_dict'];

/** Where what initdb made can be changed without changing what is read of initdb's. */
const INITDBS: readonly Table[] = [...PRINTS, 'namespace', 'constraint'];

/** With keys: those rows whose column of this number is one of them; without a column, the text has a place for them. */
export type Ask = (text: string, keys: readonly string[] | null, column: number | null) => Promise<Rows>;

export interface Followed {
  readonly held: Held;
  /** Definitions were printed, by names as they were when they were. */
  readonly printed: boolean;
}

/** The text of a question to the users' part. */
export function questionOf(name: Name, strange: Strange): string {
  if (name === 'tuples') return TUPLES;
  if (name in CONTEXT) return CONTEXT[name as keyof typeof CONTEXT];
  const question = name as Question;
  if (question === 'ownFunctions') return sql.OWN_FUNCTIONS_OF(strange.ownFunctions ?? []);
  return isSplit(question) ? usersHalf(question, strange) : QUESTIONS[question];
}

/** The answers after these changes, where they follow from those before and a few questions; null where all has to be asked again. */
export async function follow(
  ask: Ask,
  before: Held,
  changed: Changed,
  known: (table: Table, key: string) => boolean,
  options: {
    readonly strange: Strange;
    /** Relations are thought to have other numbers of rows. */
    readonly tuples: boolean;
    readonly reprint: boolean;
    /** Another session is asked than before: its own temporary objects have other names there. */
    readonly open: boolean;
  },
): Promise<Followed | null> {
  if (strikesAll(changed, known)) return null;
  let held = before;
  const put = async (name: Name, keys: readonly string[] | null) => {
    const rows = await ask(questionOf(name, options.strange), keys, keyColumn(name));
    held = held.with(name, rows, keys);
  };
  const any = Object.values(changed).some(keys => keys.size > 0);
  const asked: Promise<void>[] = [];
  let printed = false;
  let counted: Rows | null = null;
  const reprint =
    options.reprint ||
    PRINTS.some(table => changed[table].size > 0) ||
    [...changed.enum].some(key => known('enum', key));
  for (const name of NAMES) {
    const mayPrint = isPrinted(name);
    if ((WHOLE[name] ?? []).some(table => changed[table].size > 0) || (mayPrint && reprint)) {
      asked.push(put(name, null));
      printed ||= mayPrint;
      continue;
    }
    if (name === 'domainChecks' && changed.constraint.has('0')) {
      asked.push(put(name, null));
      printed = true;
      continue;
    }
    const keys = new Set((KEYED[name] ?? []).flatMap(table => [...changed[table]]));
    if (mayPrint && (any || options.open)) for (const key of fragileOf(before, name)) keys.add(key);
    if (keys.size === 0) continue;
    asked.push(put(name, [...keys]));
    printed ||= mayPrint;
  }
  if (options.tuples)
    asked.push(
      put('tuples', null),
      ask(ALL_TUPLES, null, 0).then(rows => {
        counted = rows;
      }),
    );
  await settled(asked);
  if (counted !== null) held = withTuples(held, counted);
  if (schemasDiffer(before, held)) return null;
  if (reprint) return { held, printed };
  const all = namesDiffer(before, held);
  const columns = all ? [] : columnsDiffer(before, held);
  if (columns.length > 0) {
    const dependents = await ask(DEPENDENTS, columns, null);
    await settled(
      PRINTED.map(async name => {
        const keys = dependents.flatMap(([of, key]) => (of === name && key ? [key] : []));
        if (keys.length > 0) await put(name, keys);
      }),
    );
  } else if (all) await settled(PRINTED.map(name => put(name, null)));
  printed ||= all || columns.length > 0;
  return { held, printed };
}

const NAMES = [...Object.keys(QUESTIONS), ...Object.keys(CONTEXT)] as Name[];

function isPrinted(name: Name): name is (typeof PRINTED)[number] {
  return (PRINTED as readonly Name[]).includes(name);
}

/** Whether what initdb made has changed, or something that many answers name. */
function strikesAll(changed: Changed, known: (table: Table, key: string) => boolean): boolean {
  if (changed.language.size > 0) return true;
  for (const table of ['extension', 'range'] as const)
    if ([...changed[table]].some(key => known(table, key))) return true;
  return (Object.keys(changed) as Table[]).some(
    table => !INITDBS.includes(table) && [...changed[table]].some(key => Number(key) < FIRST_USER_OID),
  );
}

/** Whether a schema that was there has another name. */
function schemasDiffer(before: Held, now: Held): boolean {
  return now.rows('schemas').some(([oid, name]) => {
    const [row] = before.of('schemas', oid);
    return row !== undefined && row[1] !== name;
  });
}

/** The numbers of rows stand in the rows of relations, too. */
function withTuples(held: Held, rows: Rows): Held {
  const others = rows.flatMap(([oid, count = null]) => {
    const [row] = held.of('relations', oid);
    return row === undefined || row[4] === count ? [] : [row.with(4, count)];
  });
  return others.length === 0 ? held : held.with('relations', others, []);
}
