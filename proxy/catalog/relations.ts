import { type Columns, columnsOf } from './columns.ts';
import { FIRST_USER_OID, oids } from './functions.ts';
import type { Lookup } from './layers.ts';
import type { Answers, Row, Rows } from './load.ts';
import type { Protectable, Protection } from './protect.ts';
import type { CatalogFunction, CatalogRelation, CatalogTrigger } from './shapes.ts';

/** Relations of the layer below, as their rows, and what was built of them. */
export interface RelationsBelow {
  readonly rows: ReadonlyMap<string, Row>;
  readonly protectable: ReadonlyMap<number, Protectable>;
  /** Rows of `uniqueKeys`. */
  readonly keys: Rows;
}

export const NO_RELATIONS: RelationsBelow = { rows: new Map(), protectable: new Map(), keys: [] };

/**
 * Relations in two steps: what protection needs to know of them, and the whole once it is known what is protected. A relation of the
 * layer below that any of these answers reaches, that is protected, or that has another number of rows now, is built anew.
 */
export function buildRelations(
  answers: Answers,
  functions: Lookup<CatalogFunction>,
  below: RelationsBelow,
): { protectable: Map<number, Protectable>; finish(protection: Protection): Map<number, CatalogRelation> } {
  const parents = grouped(answers.inherits, 0, row => Number(row[1]));
  const children = grouped(answers.inherits, 1, row => Number(row[0]));
  const protectable = new Map(below.protectable);
  const related = belowRows(below, answers.inherits.flat());
  for (const [oid, schema, name, , , , , toast, columns] of [...answers.relations, ...related])
    protectable.set(Number(oid), {
      oid: Number(oid),
      schema: schema ?? '',
      name: name ?? '',
      toast: Number(toast),
      attributes: columnsOf(columns).numbers,
      parents: parents(oid),
      children: children(oid),
    });
  return {
    protectable,
    finish: protection => {
      const reached = [
        ...REACHING.flatMap(name => answers[name].map(row => row[0])),
        ...answers.inherits.flat(),
      ];
      const tuples = new Map(answers.tuples.map(row => [row[0], row[1]]));
      const grown = [...tuples].filter(([oid, count]) => below.rows.get(oid ?? '')?.[4] !== count);
      const guarded = [...protection.reaching, ...protection.masks.keys()].map(String);
      const again = belowRows(below, [...reached, ...guarded, ...grown.map(([oid]) => oid)]);
      const oids = new Set(again.map(row => row[0]));
      const keys = below.keys.filter(row => oids.has(row[0]));
      const rows = again.map(row => row.with(4, tuples.get(row[0] ?? '') ?? row[4] ?? null));
      const all = {
        ...answers,
        relations: [...answers.relations, ...rows],
        uniqueKeys: [...answers.uniqueKeys, ...keys],
      };
      return finish(all, functions, protectable, protection);
    },
  };
}

const UNMASKED: ReadonlySet<string> = new Set();

/** The answers whose first column is the OID of a relation that they say something of. */
const REACHING = [
  'rules',
  'policies',
  'defaults',
  'checks',
  'foreignKeys',
  'uniqueKeys',
  'indexFamilies',
  'hidden',
  'triggers',
  'views',
] as const;

function belowRows(below: RelationsBelow, oids: readonly (string | null | undefined)[]): Row[] {
  return [...new Set(oids)].flatMap(oid => {
    const row = below.rows.get(oid ?? '');
    return row === undefined ? [] : [row];
  });
}

function finish(
  answers: Answers,
  functions: Lookup<CatalogFunction>,
  protectable: ReadonlyMap<number, Protectable>,
  protection: Protection,
): Map<number, CatalogRelation> {
  const views = new Map(answers.views.map(([oid, definition]) => [oid, definition ?? '']));
  const rules = grouped(answers.rules, 0, row => row[1] ?? '');
  const using = grouped(answers.policies, 0, row => row[1] ?? '');
  const checking = grouped(answers.policies, 0, row => row[2] ?? '');
  const policyTerms = grouped(
    answers.policies,
    0,
    row => `${row[3] ?? ''}: ${row[1] ?? ''}: ${row[2] ?? ''}`,
  );
  const generated = grouped(
    answers.defaults.filter(row => row[1] === 'v'),
    0,
    row => row[2] ?? '',
  );
  const defaults = grouped(
    answers.defaults.filter(row => row[1] !== 'v' && row[1] !== 's'),
    0,
    row => row[2] ?? '',
  );
  const stored = grouped(
    answers.defaults.filter(row => row[1] === 's'),
    0,
    row => row[2] ?? '',
  );
  const checks = grouped(answers.checks, 0, row => row[1] ?? '');
  const fks = answers.foreignKeys;
  const referencing = grouped(fks, 0, row => Number(row[1]));
  const onDelete = grouped(
    fks.filter(row => row[2] === 't'),
    0,
    row => Number(row[1]),
  );
  const onUpdate = grouped(
    fks.filter(row => row[3] === 't'),
    0,
    row => Number(row[1]),
  );
  const keys = grouped(answers.uniqueKeys, 0, row => oids(row[1]));
  const triggers = grouped(answers.triggers, 0, trigger);
  const folded = answers.hidden.filter(row => functions.get(Number(row[1]))?.volatility === 'i');
  const hidden = grouped(folded, 0, row => Number(row[1]));
  const families = grouped(answers.comparisons, 3, row => Number(row[2]));
  const indexes = grouped(answers.indexFamilies, 0, row => families(row[1] ?? ''));
  const tuples = new Map(answers.relations.map(row => [Number(row[0]), row]));
  const found = new Map<number, CatalogRelation>();
  for (const [oid, schema, name, kind, , partition, , , columns, terms] of answers.relations) {
    const own = protectable.get(Number(oid));
    if (own === undefined || kind === 'c') continue;
    const masks = protection.masks.get(own.oid);
    const seesRows = [...stored(oid), ...checks(oid), ...checking(oid).filter(text => text !== '')];
    const { all, types } = columnsOf(columns);
    found.set(own.oid, {
      oid: own.oid,
      schema: schema ?? '',
      name: name ?? '',
      kind: kind ?? '',
      system: own.oid < FIRST_USER_OID,
      columns: types,
      view: views.get(oid ?? '') ?? null,
      rules: rules(oid),
      policies: using(oid).filter(text => text !== ''),
      terms: [terms ?? '', ...policyTerms(oid)],
      generated: generated(oid),
      onWrite: [...defaults(oid), ...seesRows],
      seesRows,
      hidden: [...new Set([...hidden(oid), ...indexes(oid).flat()])],
      triggers: triggers(oid),
      uniqueKeys: keys(oid).flatMap(key => named(key, all)),
      tuples: estimated(own, tuples, protectable, new Set()),
      partition: partition === 't',
      parents: own.parents,
      children: own.children,
      referencing: [...new Set(referencing(oid))],
      onDelete: onDelete(oid),
      onUpdate: onUpdate(oid),
      reachesProtected: protection.reaching.has(own.oid),
      masked:
        masks === undefined
          ? UNMASKED
          : new Set(all.filter(([attnum]) => masks.has(attnum)).map(([, column]) => column)),
    });
  }
  return found;
}

/** pg_class.reltuples of it and all below it; null where one of them was never analysed. A partitioned table itself has no rows. */
function estimated(
  relation: Protectable,
  rows: ReadonlyMap<number, readonly (string | null)[]>,
  all: ReadonlyMap<number, Protectable>,
  seen: Set<number>,
): number | null {
  if (seen.has(relation.oid)) return 0;
  seen.add(relation.oid);
  const row = rows.get(relation.oid);
  const partitioned = row?.[3] === 'p';
  let sum = partitioned ? 0 : Number(row?.[4] ?? -1);
  if (sum < 0 || row?.[3] === 'v' || row?.[3] === 'f') return null;
  for (const oid of relation.children) {
    const child = all.get(oid);
    const below = child === undefined ? null : estimated(child, rows, all, seen);
    if (below === null) return null;
    sum += below;
  }
  return sum;
}

/** Bits of pg_trigger.tgtype: trigger.h. */
function trigger(row: readonly (string | null)[]): CatalogTrigger {
  const type = Number(row[2]);
  return {
    function: Number(row[1]),
    insert: (type & 4) !== 0,
    delete: (type & 8) !== 0,
    update: (type & 16) !== 0,
    truncate: (type & 32) !== 0,
    terms: row[3] ?? '',
  };
}

/** A key by its columns' names. None for one with a column that is not known: without it, it would be another key. */
function named(key: readonly number[], columns: Columns['all']): string[][] {
  const names = columns.filter(([attnum]) => key.includes(attnum)).map(([, name]) => name);
  return names.length === new Set(key).size ? [names] : [];
}

/** Values by the text of one column; none for a key that is not there. */
function grouped<T>(
  rows: Rows,
  column: number,
  value: (row: Rows[number]) => T,
): (key: string | null | undefined) => readonly T[] {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const key = row[column] ?? '';
    const same = found.get(key);
    if (same === undefined) found.set(key, [value(row)]);
    else same.push(value(row));
  }
  const none: readonly T[] = [];
  return key => found.get(key ?? '') ?? none;
}
