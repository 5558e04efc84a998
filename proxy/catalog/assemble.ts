import { Catalog, type Part } from './catalog.ts';
import { columnsOf } from './columns.ts';
import { buildFunctions, FIRST_USER_OID, suspectFunctions } from './functions.ts';
import { byName, Index, Layers } from './layers.ts';
import type { Answers, Row, Rows } from './load.ts';
import { type Derived, type ProtectedName, Protection, type RowColumn, type StoredView } from './protect.ts';
import { buildRelations, NO_RELATIONS, type RelationsBelow } from './relations.ts';
import type { CatalogType } from './shapes.ts';
import * as sql from './sql.ts';
import { buildOperators, buildTypes, operatorCode } from './types.ts';

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

/**
 * The catalog of these answers over a layer below. `query` is asked, at most once, for the trees of views that show protected columns.
 */
export async function assemble(
  query: (text: string) => Promise<Rows>,
  answers: Answers,
  below: Below,
  names: readonly ProtectedName[],
  version: string,
): Promise<Catalog> {
  const own = buildFunctions(answers);
  const functions = new Layers(below.part.functions, new Index(own));
  const raw = buildRelations(answers, functions, below.relations);
  const { types, everywhere } = buildTypes(answers, functions, below.types, below.relations.rows);
  const protection = new Protection(raw.protectable, names, {
    derived: derivedColumns(answers.defaults),
    rows: names.length === 0 ? [] : rowColumns(answers, below, types),
  });
  if (protection.reaching.size > 0) {
    const reaching = reachingViews(
      answers,
      protection,
      name => raw.protectable.get(name)?.name ?? '',
      oids => suspectFunctions(own, oids),
    );
    const trees = reaching.length === 0 ? [] : await query(sql.VIEW_TREES(reaching));
    protection.maskViews(new Map(trees.map(([oid, tree]) => [Number(oid), tree ?? ''])));
  }
  const code = new Map([...below.operatorCode, ...operatorCode(answers)]);
  return new Catalog({
    version,
    base: below.part,
    own: {
      functions: new Index(own),
      operators: byName(buildOperators(answers, code)),
      types: new Index(types),
      relations: new Index(raw.finish(protection)),
    },
    everywhere,
    protection,
  });
}

/** Rows of DEFAULTS that say what a generated column is computed from. */
function derivedColumns(defaults: Rows): Derived[] {
  return defaults.flatMap(([relation, , , attnum, from]) =>
    from === null ? [] : [{ relation: Number(relation), attnum: Number(attnum), from: numbers(from) }],
  );
}

/** Columns whose values are rows of other relations, or have such rows inside: in an array, a domain, a range or another row. */
function rowColumns(answers: Answers, below: Below, own: ReadonlyMap<number, CatalogType>): RowColumn[] {
  const relations = new Map<number, number>();
  for (const row of [...below.types.values(), ...answers.types])
    if (Number(row[6]) !== 0) relations.set(Number(row[0]), Number(row[6]));
  const held = (type: number, seen = new Set<number>()): number[] => {
    if (type < FIRST_USER_OID || seen.has(type)) return [];
    seen.add(type);
    const parts = (own.get(type) ?? below.part.types.get(type))?.parts ?? [];
    return [relations.get(type) ?? 0, ...parts.flatMap(part => held(part, seen))].filter(oid => oid !== 0);
  };
  return [...below.relations.rows.values(), ...answers.relations].flatMap(([oid, , , , , , , , columns]) =>
    columnsOf(Number(oid) < FIRST_USER_OID ? null : columns)
      .all.map(([, column, type]) => ({ relation: Number(oid), column, of: held(type) }))
      .filter(column => column.of.length > 0),
  );
}

function reachingViews(
  answers: Answers,
  protection: Protection,
  nameOf: (oid: number) => string,
  suspects: (names: ReadonlySet<string>) => ReadonlySet<number>,
): number[] {
  const views = new Map<number, StoredView>(
    answers.views.map(([oid, , relations, calls]) => [
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
