import type { Catalog } from '#proxy/catalog/load.ts';

type Keys = Readonly<Record<'functions' | 'operators' | 'types' | 'relations', readonly string[]>> & {
  readonly columns: readonly (readonly (string | null)[])[];
};

export type Query = (text: string) => Promise<(string | null)[][]>;

/** The names and OIDs that a database has now, as `oid name`; of operators the names alone. */
export async function keysOf(query: Query): Promise<Keys> {
  const list = async (sql: string) => (await query(sql)).map(([value]) => value ?? '');
  return {
    functions: await list(`select concat(oid, ' ', proname) from pg_catalog.pg_proc`),
    operators: await list('select distinct oprname from pg_catalog.pg_operator'),
    types: await list(`select concat(oid, ' ', typname) from pg_catalog.pg_type`),
    relations: await list(`select concat(oid, ' ', relname) from pg_catalog.pg_class`),
    columns: await query(
      'select attrelid, attnum from pg_catalog.pg_attribute where attnum > 0 order by 1, 2',
    ),
  };
}

/** Those of users' objects. */
export function usersOf(keys: Keys): Keys {
  const users = (of: readonly string[]) => of.filter(key => Number.parseInt(key, 10) >= 16384);
  return {
    functions: users(keys.functions),
    operators: keys.operators,
    types: users(keys.types),
    relations: users(keys.relations),
    columns: keys.columns.filter(([oid]) => Number(oid) >= 16384),
  };
}

/** All that a catalog answers to these, as texts in an order of its own: two of the same are equal. */
export function pictureOf(catalog: Catalog, keys: Keys): Record<string, string> {
  const each = (of: readonly string[], find: (oid: number, name: string) => unknown) =>
    [...of]
      .sort()
      .map(
        key =>
          `${key}: ${JSON.stringify(plain(find(Number.parseInt(key, 10), key.slice(key.indexOf(' ') + 1))))}`,
      )
      .join('\n');
  const oids = (items: readonly { readonly oid: number }[]) => items.map(item => item.oid);
  return {
    functions: each(keys.functions, oid => catalog.functionOf(oid)),
    functionsNamed: each(keys.functions, (_, name) => oids(catalog.functionsNamed(name))),
    operators: each(keys.operators, (_, name) => catalog.operatorsNamed(name)),
    types: each(keys.types, oid => catalog.type(oid)),
    typesNamed: each(keys.types, (_, name) => oids(catalog.typesNamed(name))),
    relations: each(keys.relations, oid => [catalog.relation(oid) ?? null, catalog.knows(oid)]),
    relationsNamed: each(keys.relations, (_, name) => oids(catalog.relationsNamed(name))),
    masks: JSON.stringify(
      keys.columns.map(([oid, attnum]) => catalog.maskOf(Number(oid), Number(attnum)) ?? 0),
    ),
    rest: JSON.stringify(
      plain({
        everywhere: catalog.everywhere,
        lively: catalog.lively,
        eventTriggers: catalog.eventTriggers,
        usable: catalog.schemas,
        guarded: oids(catalog.guarded),
        schemas: catalog.protectedSchemas,
        missing: catalog.missing,
        protects: catalog.hasProtected,
      }),
    ),
  };
}

/** Lists whose order says something. */
const ORDERED = new Set(['columns', 'inputs', 'allTypes', 'names', 'config', 'functions']);

function plain(value: unknown, name = ''): unknown {
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)]);
  if (value instanceof Set) return [...value].map(item => plain(item)).sort(compare);
  if (Array.isArray(value)) {
    const items = value.map(item => plain(item));
    return ORDERED.has(name) ? items : items.sort(compare);
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, key)]));
}

function compare(a: unknown, b: unknown): number {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
