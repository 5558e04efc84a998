import { columnsOf } from './columns.ts';
import { FIRST_USER_OID, oids } from './functions.ts';
import type { Lookup } from './layers.ts';
import type { Answers, Row } from './load.ts';
import type { CatalogCast, CatalogFunction, CatalogOperator, CatalogType } from './shapes.ts';

type Operators = Pick<Answers, 'operators'>;

/** The function of each operator, by the operator's OID. */
export function operatorCode(answers: Operators): Map<string, number> {
  return new Map(answers.operators.map(row => [row[0] ?? '', Number(row[6])]));
}

/** `code` has the functions of all operators, of those of other layers too. */
export function buildOperators(
  answers: Operators,
  code: { get(oid: string): number | undefined },
): CatalogOperator[] {
  return answers.operators.map(([oid, schema, name, left, right, result, called, commutator, negator]) => ({
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

/**
 * Types, with the user functions that come with their values, and the functions that no type of a user's stands for. `below` gives the
 * row of a type of the layer below: one that casts, comparisons or checks of these answers reach is built anew, with its relation's
 * row from `columnsBelow`.
 */
export function buildTypes(
  answers: Pick<Answers, 'casts' | 'comparisons' | 'domainChecks' | 'types' | 'relations'>,
  functions: Lookup<CatalogFunction>,
  below: ReadonlyMap<string, Row>,
  columnsBelow: ReadonlyMap<string, Row>,
): { types: Map<number, CatalogType>; everywhere: number[] } {
  const io = new Map<number, Set<number>>();
  const meets = new Map<number, Set<number>>();
  const casts = new Map<number, CatalogCast[]>();
  const everywhere = new Set<number>();
  const castTo = new Set<number>();
  for (const [source, target, called, context] of answers.casts) {
    const [from, to, fn] = [Number(source), Number(target), Number(called)];
    if (context === 'i') castTo.add(to);
    if (fn === 0 || (fn < FIRST_USER_OID && functions.get(fn)?.volatility !== 'v')) continue;
    casts.set(to, [...(casts.get(to) ?? []), { source: from, function: fn }]);
    if (context === 'e') continue;
    const own = [from, to].filter(oid => oid >= FIRST_USER_OID);
    for (const oid of own) add(meets, oid, fn);
    if (own.length === 0) everywhere.add(fn);
  }
  for (const [left, right, called] of answers.comparisons)
    for (const oid of [Number(left), Number(right)]) if (oid !== 0) add(meets, oid, Number(called));
  const relations = new Map(answers.relations.map(row => [row[0] ?? '', row]));
  const checks = new Map<string, string[]>();
  for (const [oid, check] of answers.domainChecks)
    checks.set(oid ?? '', [...(checks.get(oid ?? '') ?? []), check ?? 'NULL']);
  const types = new Map<number, CatalogType>();
  const own = new Set(answers.types.map(row => row[0] ?? ''));
  const reached = [...castTo, ...casts.keys(), ...meets.keys()].map(String);
  const again = new Set([...reached, ...checks.keys()].filter(oid => !own.has(oid) && below.has(oid)));
  // Most types come with the same functions of Postgres's own.
  const usersOf = remembered((inout: string) =>
    oids(inout).filter(fn => fn >= FIRST_USER_OID || functions.get(fn)?.system === false),
  );
  const rows = [...answers.types, ...[...again].map(oid => below.get(oid) ?? [])];
  for (const [oid, schema, name, kind, base, element, relation, subtype, inout, range] of rows) {
    for (const called of usersOf(inout ?? '')) add(io, Number(oid), called);
    types.set(Number(oid), {
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
        ...columnsOf((relations.get(relation ?? '') ?? columnsBelow.get(relation ?? ''))?.[8]).all.map(
          ([, , type]) => type,
        ),
      ].filter(part => part !== 0),
      checks: checks.get(oid ?? '') ?? [],
      io: [...(io.get(Number(oid)) ?? [])],
      meets: [...(meets.get(Number(oid)) ?? [])],
      castTo: castTo.has(Number(oid)),
      casts: casts.get(Number(oid)) ?? [],
    });
  }
  return { types, everywhere: [...everywhere] };
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
