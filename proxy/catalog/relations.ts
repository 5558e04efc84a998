import { columnsOf } from './columns.ts';
import { FIRST_USER_OID } from './functions.ts';
import { changedKeys, grouped, type Held } from './held.ts';
import { Index, type Lookup } from './layers.ts';
import type { Protectable, Protection } from './protect.ts';
import type { Answers, Row, Rows } from './questions.ts';
import { buildRelation, estimated, SAID } from './relation.ts';
import type { CatalogFunction, CatalogRelation } from './shapes.ts';

/** Relations of the layer below, as their rows, and what was built of them. */
export interface RelationsBelow {
  readonly rows: ReadonlyMap<string, Row>;
  readonly protectable: ReadonlyMap<number, Protectable>;
  /** Rows of `uniqueKeys`. */
  readonly keys: Rows;
}

export const NO_RELATIONS: RelationsBelow = { rows: new Map(), protectable: new Map(), keys: [] };

/** Relations as they were built, and what of it does not stand in the answers. */
export interface Relations {
  readonly protectable: ReadonlyMap<number, Protectable>;
  readonly index: Index<CatalogRelation>;
  readonly functions: Lookup<CatalogFunction>;
  readonly protection: Protection;
  /** Those of the layer below that were built anew. */
  readonly again: ReadonlyMap<string, Row>;
}

type Last = Relations & { readonly held: Held };

/**
 * Relations in two steps: what protection needs to know of them, and the whole once it is known what is protected. A relation of the
 * layer below that any of these answers reaches, that is protected, or that has another number of rows now, is built anew; one of users'
 * is kept from the last ones, which were over the same layer, unless something that it hangs on is another.
 */
export function buildRelations(
  held: Held,
  functions: Lookup<CatalogFunction>,
  below: RelationsBelow,
  last: Last | null,
): { protectable: ReadonlyMap<number, Protectable>; finish(protection: Protection): Relations } {
  const inherits = held.rows('inherits');
  const parents = lookup(inherits, 0, row => Number(row[1]));
  const children = lookup(inherits, 1, row => Number(row[0]));
  const related = new Set(inherits.flat().map(oid => oid ?? ''));
  const others = last === null ? null : changedKeys(last.held, held, 'relations');
  if (last !== null && others !== null) {
    // Those that have, or had, rows in others.
    if (last.held.groups('inherits') !== held.groups('inherits'))
      for (const oid of [...last.held.rows('inherits').flat(), ...related]) others.add(oid ?? '');
  }
  const protectable = new Map(last?.protectable ?? below.protectable);
  const first = () => [...held.rows('relations').map(row => row[0] ?? ''), ...related];
  for (const oid of others ?? first()) {
    const row = held.of('relations', oid)[0] ?? (related.has(oid) ? below.rows.get(oid) : undefined);
    const before = below.protectable.get(Number(oid));
    if (row !== undefined) protectable.set(Number(oid), one(row, parents(oid), children(oid)));
    else if (before !== undefined) protectable.set(Number(oid), before);
    else protectable.delete(Number(oid));
  }
  return {
    protectable,
    finish: protection => {
      const tuples = new Map(held.rows('tuples').map(row => [row[0], row[1]]));
      const grown = [...tuples].filter(([oid, count]) => below.rows.get(oid ?? '')?.[4] !== count);
      const guarded = [...protection.reaching, ...protection.masks.keys()].map(String);
      const again = new Map<string, Row>();
      for (const oid of [...reachedBelow(held), ...related, ...guarded, ...grown.map(([oid]) => oid ?? '')]) {
        const row = below.rows.get(oid);
        if (row !== undefined) again.set(oid, row.with(4, tuples.get(oid) ?? row[4] ?? null));
      }
      const make = maker(held, below, again, functions, protectable, protection);
      if (last === null || others === null) {
        const oids = [...held.rows('relations').map(row => row[0] ?? ''), ...again.keys()];
        const found = oids.map(make).filter(relation => relation !== undefined);
        const index = new Index(new Map(found.map(relation => [relation.oid, relation])));
        return { protectable, index, functions, protection, again };
      }
      const changed = new Set([...others, ...again.keys(), ...last.again.keys()]);
      const add = (oids: Iterable<string | number | null | undefined>) => {
        for (const oid of oids) changed.add(String(oid ?? ''));
      };
      for (const name of SAID) add(changedKeys(last.held, held, name));
      for (const key of changedKeys(last.held, held, 'foreignKeys'))
        add([last.held, held].flatMap(all => all.of('foreignKeys', key).map(row => row[0])));
      // How many rows there are below one of them may be another number.
      if (others.size > 0) add(related);
      const same = (name: keyof Answers) => last.held.groups(name) === held.groups(name);
      if (!same('hidden') || !same('indexFamilies') || !same('comparisons') || last.functions !== functions)
        for (const rows of [last.held, held].flatMap(all => [all.rows('hidden'), all.rows('indexFamilies')]))
          add(rows.map(row => row[0]));
      add(otherwiseProtected(last.protection, protection));
      return { protectable, index: last.index.after(changed, make), functions, protection, again };
    },
  };
}

function one(row: Row, parents: readonly number[], children: readonly number[]): Protectable {
  const [oid, schema, name, , , , , toast, columns] = row;
  return {
    oid: Number(oid),
    schema: schema ?? '',
    name: name ?? '',
    toast: Number(toast),
    attributes: columnsOf(columns).numbers,
    parents,
    children,
  };
}

/** Makes a relation of users', or one of those that are built again. */
function maker(
  held: Held,
  below: RelationsBelow,
  again: ReadonlyMap<string, Row>,
  functions: Lookup<CatalogFunction>,
  protectable: ReadonlyMap<number, Protectable>,
  protection: Protection,
): (oid: string) => CatalogRelation | undefined {
  const { referencing, onDelete, onUpdate } = referencesOf(held);
  const keysBelow = lookup(below.keys, 0, row => row);
  const folded = held.rows('hidden').filter(row => functions.get(Number(row[1]))?.volatility === 'i');
  const hidden = lookup(folded, 0, row => Number(row[1]));
  const called = lookup(held.rows('hidden'), 0, row => Number(row[1]));
  const families = lookup(held.rows('comparisons'), 3, row => Number(row[2]));
  const indexes = lookup(held.rows('indexFamilies'), 0, row => families(row[1] ?? ''));
  const rowOf = (oid: string) => again.get(oid) ?? held.of('relations', oid)[0];
  return oid => {
    const row = rowOf(oid);
    const own = protectable.get(Number(oid));
    if (row === undefined || own === undefined || row[3] === 'c') return undefined;
    return buildRelation(row, held, {
      own,
      referencing: referencing(oid),
      onDelete: onDelete(oid),
      onUpdate: onUpdate(oid),
      hidden: [...new Set([...hidden(oid), ...indexes(oid).flat()])],
      eachRow: [...new Set([...called(oid), ...indexes(oid).flat()])],
      tuples: estimated(own, child => rowOf(String(child)), protectable, new Set()),
      masks: protection.masks.get(own.oid),
      reachesProtected: protection.reaching.has(own.oid),
      named: protection.named.get(own.oid),
      keysBelow: again.has(oid) ? keysBelow(oid) : [],
    });
  };
}

/** The answers that say something of a relation, which may be one of the layer below. */
const REACHING = [
  ...SAID,
  'foreignKeys',
  'indexFamilies',
  'hidden',
] as const satisfies readonly (keyof Answers)[];
const reached = new WeakMap<object, readonly string[]>();

function reachedBelow(held: Held): string[] {
  return REACHING.flatMap(name => {
    const groups = held.groups(name);
    let oids = reached.get(groups);
    if (oids === undefined) {
      oids = [...new Set(held.rows(name).map(row => row[0] ?? ''))].filter(
        oid => Number(oid) < FIRST_USER_OID,
      );
      reached.set(groups, oids);
    }
    return oids;
  });
}

function otherwiseProtected(before: Protection, now: Protection): number[] {
  const all = new Set([before, now].flatMap(({ reaching, masks }) => [...reaching, ...masks.keys()]));
  const said = ({ reaching, masks, named }: Protection, oid: number) =>
    JSON.stringify([
      reaching.has(oid),
      [...(masks.get(oid) ?? [])].map(([attnum, { mask }]) => `${attnum} ${mask}`).sort(),
      [...(named.get(oid) ?? [])].sort(),
    ]);
  return [...all].filter(oid => said(before, oid) !== said(now, oid));
}

type References = Record<'referencing' | 'onDelete' | 'onUpdate', (oid: string | null) => readonly number[]>;
const references = new WeakMap<object, References>();

/** By the relation that is referenced; kept as long as all foreign keys are the same. */
function referencesOf(held: Held): References {
  const groups = held.groups('foreignKeys');
  let known = references.get(groups);
  if (known === undefined) {
    const rows = held.rows('foreignKeys');
    const from = (of: Rows) => lookup(of, 0, row => Number(row[1]));
    known = {
      referencing: from(rows),
      onDelete: from(rows.filter(row => row[2] === 't')),
      onUpdate: from(rows.filter(row => row[3] === 't')),
    };
    references.set(groups, known);
  }
  return known;
}

/** Values by the text of one column; none for a key that is not there. */
function lookup<T>(
  rows: Rows,
  column: number,
  value: (row: Row) => T,
): (key: string | null | undefined) => readonly T[] {
  const found = new Map(
    [...grouped(rows, row => row[column] ?? '')].map(([key, same]) => [key, same.map(value)]),
  );
  const none: readonly T[] = [];
  return key => found.get(key ?? '') ?? none;
}
