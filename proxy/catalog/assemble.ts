import { Catalog, type Part } from './catalog.ts';
import { columnsOf } from './columns.ts';
import { buildFunctions, FIRST_USER_OID, suspectFunctions } from './functions.ts';
import type { Held } from './held.ts';
import { byName, Index, Layers } from './layers.ts';
import { type Derived, type ProtectedName, Protection, type RowColumn, type StoredView } from './protect.ts';
import type { Row, Rows } from './questions.ts';
import { buildRelations, NO_RELATIONS, type Relations, type RelationsBelow } from './relations.ts';
import type { CatalogFunction, CatalogType } from './shapes.ts';
import * as sql from './sql.ts';
import { buildOperators, buildTypes, operatorCode, type Types } from './types.ts';

/** A layer of the catalog that others can be laid over: what was built, and the rows that it was built from. */
export interface Below {
  readonly part: Part;
  readonly relations: RelationsBelow;
  /** By OID. */
  readonly types: ReadonlyMap<string, Row>;
  readonly operatorCode: ReadonlyMap<string, number>;
}

const NOBODY: Index<never> = new Index(new Map<number, never>());

export const NOTHING_BELOW: Below = {
  part: { functions: NOBODY, operators: new Map(), types: NOBODY, relations: NOBODY },
  relations: NO_RELATIONS,
  types: new Map(),
  operatorCode: new Map(),
};

/** What a catalog was built of: what is the same in the next one is not built again. */
export interface Made {
  readonly held: Held;
  readonly functions: Index<CatalogFunction>;
  readonly types: Types;
  readonly relations: Relations;
  readonly part: Part;
  /** Trees of views, by OID. */
  readonly trees: ReadonlyMap<string, string>;
}

/**
 * The catalog of these answers over a layer below. `query` is asked, at most once, for the trees of views that show protected columns;
 * those that `last` has are the same. `last` is what was made over the same layer.
 */
export async function assemble(
  query: (text: string) => Promise<Rows>,
  held: Held,
  below: Below,
  names: readonly ProtectedName[],
  version: string,
  last: Made | null,
): Promise<{ catalog: Catalog; made: Made }> {
  const own = buildFunctions(held, last);
  const functions =
    own === last?.functions ? last.relations.functions : new Layers(below.part.functions, own);
  const raw = buildRelations(
    held,
    functions,
    below.relations,
    last && { ...last.relations, held: last.held },
  );
  const types = buildTypes(
    held,
    functions,
    below.types,
    below.relations.rows,
    last && { ...last.types, held: last.held },
  );
  const protection = new Protection(raw.protectable, names, {
    derived: derivedColumns(held.rows('defaults')),
    rows: names.length === 0 ? [] : rowColumns(held, below, types.types.byOid),
  });
  let trees = last?.trees ?? new Map<string, string>();
  if (protection.reaching.size > 0) {
    const reaching = reachingViews(
      held,
      protection,
      name => raw.protectable.get(name)?.name ?? '',
      oids => suspectFunctions(own.byOid, oids),
    );
    const unread = reaching.filter(oid => !trees.has(String(oid)));
    const read = unread.length === 0 ? [] : await query(sql.VIEW_TREES(unread));
    trees = new Map([...trees, ...read.map(([oid, tree]) => [oid ?? '', tree ?? ''] as const)]);
    protection.maskViews(
      new Map(reaching.flatMap(oid => (trees.has(`${oid}`) ? [[oid, trees.get(`${oid}`)!] as const] : []))),
    );
  }
  const relations = raw.finish(protection);
  const sameOperators = last !== null && last.held.groups('operators') === held.groups('operators');
  const part: Part = {
    functions: own,
    operators: sameOperators
      ? last.part.operators
      : byName(buildOperators(held, new Map([...below.operatorCode, ...operatorCode(held)]))),
    types: types.types,
    relations: relations.index,
  };
  const { everywhere } = types;
  const schemas = new Map(held.rows('schemas').map(([, name, usable]) => [name ?? '', usable === 't']));
  const eventTriggers = held.rows('eventTriggers').map(([, called, event, terms]) => ({
    function: Number(called),
    event: event ?? '',
    terms: terms ?? '',
  }));
  const checks = (relation: number) => held.of('checks', `${relation}`);
  const whole = { everywhere, eventTriggers, schemas, protection, checks };
  return {
    catalog: new Catalog({ version, base: below.part, own: part, ...whole }),
    made: { held, functions: own, types, relations, part, trees },
  };
}

/** Rows of DEFAULTS that say what a generated column is computed from. */
function derivedColumns(defaults: Rows): Derived[] {
  return defaults.flatMap(([relation, , , attnum, from]) =>
    from === null ? [] : [{ relation: Number(relation), attnum: Number(attnum), from: numbers(from) }],
  );
}

/** Columns whose values are rows of other relations, or have such rows inside: in an array, a domain, a range or another row. */
function rowColumns(held: Held, below: Below, own: ReadonlyMap<number, CatalogType>): RowColumn[] {
  const relationOf = (type: number) =>
    Number(held.of('types', `${type}`)[0]?.[6] ?? below.types.get(`${type}`)?.[6] ?? 0);
  const within = (type: number, seen = new Set<number>()): number[] => {
    if (type < FIRST_USER_OID || seen.has(type)) return [];
    seen.add(type);
    const parts = (own.get(type) ?? below.part.types.get(type))?.parts ?? [];
    return [relationOf(type), ...parts.flatMap(part => within(part, seen))].filter(oid => oid !== 0);
  };
  return [...below.relations.rows.values(), ...held.rows('relations')].flatMap(
    ([oid, , , , , , , , columns]) =>
      Number(oid) < FIRST_USER_OID
        ? []
        : columnsOf(columns)
            .users.map(([, column, type]) => ({ relation: Number(oid), column, of: within(type) }))
            .filter(column => column.of.length > 0),
  );
}

function reachingViews(
  held: Held,
  protection: Protection,
  nameOf: (oid: number) => string,
  suspects: (names: ReadonlySet<string>) => ReadonlySet<number>,
): number[] {
  const views = new Map<number, StoredView>(
    held
      .rows('views')
      .map(([oid, , relations, calls]) => [
        Number(oid),
        { relations: numbers(relations), functions: numbers(calls) },
      ]),
  );
  const names = new Set([...protection.reaching].map(nameOf));
  let reaching = protection.reachingViews(views, suspects(names));
  for (let before = -1; before !== reaching.length; ) {
    // A function may read one of the views just found.
    before = reaching.length;
    for (const oid of reaching) names.add(nameOf(oid));
    reaching = [...new Set([...reaching, ...protection.reachingViews(views, suspects(names))])];
  }
  return reaching;
}

function numbers(json: string | null | undefined): number[] {
  return json === null || json === undefined ? [] : (JSON.parse(json) as number[]);
}
