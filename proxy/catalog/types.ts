import { columnsOf } from './columns.ts';
import { FIRST_USER_OID, oids } from './functions.ts';
import { changedKeys, type Held } from './held.ts';
import { Index, type Lookup } from './layers.ts';
import type { Answers, Row } from './questions.ts';
import type { CatalogCast, CatalogFunction, CatalogOperator, CatalogType } from './shapes.ts';

/** The function of each operator, by the operator's OID. */
export function operatorCode(held: Held): Map<string, number> {
  return new Map(held.rows('operators').map(row => [row[0] ?? '', Number(row[6])]));
}

/** `code` has the functions of all operators, of those of other layers too. */
export function buildOperators(
  held: Held,
  code: { get(oid: string): number | undefined },
): CatalogOperator[] {
  return held
    .rows('operators')
    .map(([oid, schema, name, left, right, result, called, commutator, negator]) => ({
      schema: schema ?? '',
      name: name ?? '',
      left: Number(left),
      right: Number(right),
      result: Number(result),
      functions: [Number(called), code.get(commutator ?? '') ?? 0, code.get(negator ?? '') ?? 0].filter(
        fn => fn !== 0,
      ),
      system: Number(oid) < FIRST_USER_OID,
    }));
}

export interface Types {
  readonly types: Index<CatalogType>;
  /** Functions that no type of a user's stands for. */
  readonly everywhere: readonly number[];
}

/**
 * Types, with the user functions that come with their values. `below` gives the row of a type of the layer below: one that casts,
 * comparisons or checks of these answers reach is built anew, with its relation's row from `columnsBelow`. What has the same rows as in the
 * last ones, which were over the same layer, is kept as long as all casts and comparisons are the same.
 */
export function buildTypes(
  held: Held,
  functions: Lookup<CatalogFunction>,
  below: ReadonlyMap<string, Row>,
  columnsBelow: ReadonlyMap<string, Row>,
  last: ({ readonly held: Held } & Types) | null,
): Types {
  const same = (name: keyof Answers) => last !== null && last.held.groups(name) === held.groups(name);
  const kept = last !== null && same('casts') && same('comparisons') ? last : null;
  const io = new Map<number, Set<number>>();
  const meets = new Map<number, Set<number>>();
  const casts = new Map<number, CatalogCast[]>();
  const everywhere = new Set<number>();
  const castTo = new Set<number>();
  for (const [source, target, called, context] of held.rows('casts')) {
    const [from, to, fn] = [Number(source), Number(target), Number(called)];
    if (context === 'i') castTo.add(to);
    if (fn === 0 || (fn < FIRST_USER_OID && functions.get(fn)?.volatility !== 'v')) continue;
    casts.set(to, [...(casts.get(to) ?? []), { source: from, function: fn }]);
    if (context === 'e') continue;
    const own = [from, to].filter(oid => oid >= FIRST_USER_OID);
    for (const oid of own) add(meets, oid, fn);
    if (own.length === 0) everywhere.add(fn);
  }
  for (const [left, right, called] of held.rows('comparisons'))
    for (const oid of [Number(left), Number(right)]) if (oid !== 0) add(meets, oid, Number(called));
  // Most types come with the same functions of Postgres's own.
  const usersOf = remembered((inout: string) =>
    oids(inout).filter(fn => fn >= FIRST_USER_OID || functions.get(fn)?.system === false),
  );
  const reached = new Set([...castTo, ...casts.keys(), ...meets.keys()].map(String));
  const build = ([
    oid,
    schema,
    name,
    kind,
    base,
    element,
    relation,
    subtype,
    inout,
    range,
  ]: Row): CatalogType => {
    for (const called of usersOf(inout ?? '')) add(io, Number(oid), called);
    const columns = held.of('relations', relation)[0] ?? columnsBelow.get(relation ?? '');
    return {
      oid: Number(oid),
      schema: schema ?? '',
      name: name ?? '',
      system: Number(oid) < FIRST_USER_OID,
      kind: kind ?? '',
      parts: [
        Number(base),
        Number(element),
        Number(subtype),
        kind === 'm' ? Number(range) : 0,
        ...columnsOf(columns?.[8]).all.map(([, , type]) => type),
      ].filter(part => part !== 0),
      checks: held.of('domainChecks', oid).map(row => row[1] ?? 'NULL'),
      io: [...(io.get(Number(oid)) ?? [])],
      meets: [...(meets.get(Number(oid)) ?? [])],
      castTo: castTo.has(Number(oid)),
      casts: casts.get(Number(oid)) ?? [],
    };
  };
  const one = (oid: string): CatalogType | undefined => {
    const [row] = held.of('types', oid);
    if (row !== undefined) return build(row);
    const under = below.get(oid);
    const stands = under !== undefined && (reached.has(oid) || held.of('domainChecks', oid).length > 0);
    return stands ? build(under) : undefined;
  };
  if (kept !== null) {
    const changed = new Set([
      ...changedKeys(kept.held, held, 'types'),
      ...changedKeys(kept.held, held, 'domainChecks'),
    ]);
    const relations = changedKeys(kept.held, held, 'relations');
    if (relations.size > 0)
      for (const [oid, , , , , , relation] of held.rows('types'))
        if (relations.has(relation ?? '0')) changed.add(oid ?? '');
    return { types: kept.types.after(changed, one), everywhere: kept.everywhere };
  }
  const all = new Set([...held.rows('types').map(row => row[0] ?? ''), ...reached]);
  for (const [oid] of held.rows('domainChecks')) all.add(oid ?? '');
  const found = [...all].map(one).filter(type => type !== undefined);
  return { types: new Index(new Map(found.map(type => [type.oid, type]))), everywhere: [...everywhere] };
}

function remembered<T>(find: (text: string) => T): (text: string) => T {
  const found = new Map<string, T>();
  return text => {
    const known = found.get(text);
    if (known !== undefined) return known;
    const made = find(text);
    found.set(text, made);
    return made;
  };
}

function add(map: Map<number, Set<number>>, key: number, value: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else known.add(value);
}
