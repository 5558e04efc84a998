import type { MaskKind } from '#schemas/policy.ts';
import { type Columns, columnsOf } from './columns.ts';
import { FIRST_USER_OID, oids } from './functions.ts';
import type { Held } from './held.ts';
import type { ColumnMask, Protectable } from './protect.ts';
import type { Row, Rows } from './questions.ts';
import type { CatalogRelation, CatalogTrigger } from './shapes.ts';

/** The answers whose rows stand in a relation as they are. */
export const SAID = ['views', 'rules', 'policies', 'defaults', 'checks', 'uniqueKeys', 'triggers'] as const;

/** What of a relation hangs on others. */
export interface Around {
  readonly own: Protectable;
  readonly referencing: readonly number[];
  readonly onDelete: readonly number[];
  readonly onUpdate: readonly number[];
  readonly hidden: readonly number[];
  readonly eachRow: readonly number[];
  readonly tuples: number | null;
  readonly masks: ReadonlyMap<number, ColumnMask> | undefined;
  readonly reachesProtected: boolean;
  readonly named: ReadonlySet<string> | undefined;
  /** Rows of `uniqueKeys` of the layer below. */
  readonly keysBelow: Rows;
}

const NO_COLUMNS: ReadonlySet<string> = new Set();

/** Masks that hang on the value. */
const LEAVING: ReadonlySet<MaskKind> = new Set<MaskKind>(['partial', 'email', 'hash']);

/** A relation from its row of RELATIONS and what else is said of it. */
export function buildRelation(row: Row, held: Held, around: Around): CatalogRelation {
  const [oid = null, schema, name, kind, , partition, , , columns, terms, owner] = row;
  const { own, masks } = around;
  const [views, rules, policies, defaults, checks, keys, triggers] = SAID.map(of => held.of(of, oid)) as [
    Rows,
    Rows,
    Rows,
    Rows,
    Rows,
    Rows,
    Rows,
  ];
  const kindOf = (generated: (of: string) => boolean) =>
    defaults.filter(d => generated(d[1] ?? '')).map(d => d[2] ?? '');
  const checking = policies.map(policy => policy[2] ?? '').filter(text => text !== '');
  const seesRows = [...kindOf(of => of === 's'), ...checks.map(check => check[1] ?? ''), ...checking];
  const { all, types } = columnsOf(columns);
  const masked = (by: (mask: ColumnMask) => boolean) => {
    if (masks === undefined) return NO_COLUMNS;
    const found = all.filter(([attnum]) => {
      const mask = masks.get(attnum);
      return mask !== undefined && by(mask);
    });
    return new Set(found.map(([, column]) => column));
  };
  return {
    oid: own.oid,
    schema: schema ?? '',
    name: name ?? '',
    kind: kind ?? '',
    system: own.oid < FIRST_USER_OID,
    columns: types,
    view: views.length === 0 ? null : (views.at(-1)?.[1] ?? ''),
    rules: rules.map(rule => rule[1] ?? ''),
    policies: policies.map(policy => policy[1] ?? '').filter(text => text !== ''),
    terms: [
      terms ?? '',
      ...policies.map(policy => `${policy[3] ?? ''}: ${policy[1] ?? ''}: ${policy[2] ?? ''}`),
    ],
    owner: owner ?? '',
    generated: kindOf(of => of === 'v'),
    onWrite: [...kindOf(of => of !== 'v' && of !== 's'), ...seesRows],
    seesRows,
    hidden: around.hidden,
    eachRow: around.eachRow,
    triggers: triggers.map(trigger),
    uniqueKeys: [...keys, ...around.keysBelow].flatMap(key => named(oids(key[1]), all)),
    tuples: around.tuples,
    partition: partition === 't',
    parents: own.parents,
    children: own.children,
    referencing: [...new Set(around.referencing)],
    onDelete: around.onDelete,
    onUpdate: around.onUpdate,
    reachesProtected: around.reachesProtected,
    named: around.named ?? NO_COLUMNS,
    masked: masked(() => true),
    partly: masked(({ mask }) => LEAVING.has(mask)),
  };
}

/** pg_class.reltuples of it and all below it; null where one of them was never analysed. A partitioned table itself has no rows. */
export function estimated(
  relation: Protectable,
  rowOf: (oid: number) => Row | undefined,
  all: ReadonlyMap<number, Protectable>,
  seen: Set<number>,
): number | null {
  if (seen.has(relation.oid)) return 0;
  seen.add(relation.oid);
  const row = rowOf(relation.oid);
  const partitioned = row?.[3] === 'p';
  let sum = partitioned ? 0 : Number(row?.[4] ?? -1);
  if (sum < 0 || row?.[3] === 'v' || row?.[3] === 'f') return null;
  for (const oid of relation.children) {
    const child = all.get(oid);
    const below = child === undefined ? null : estimated(child, rowOf, all, seen);
    if (below === null) return null;
    sum += below;
  }
  return sum;
}

/** What a stored tree says of calls, those of operators and casts among them, and of types that values become: OIDs. */
const CALLED = /:(?:op)?funcid (\d+)/g;
const RESULT = /:resulttype (\d+)/g;
const mentioned = (what: RegExp, terms: string) =>
  [...new Set([...terms.matchAll(what)].map(found => Number(found[1])))].filter(oid => oid !== 0);

/** Bits of pg_trigger.tgtype: trigger.h. */
function trigger(row: readonly (string | null)[]): CatalogTrigger {
  const type = Number(row[2]);
  const terms = row[3] ?? '';
  return {
    function: Number(row[1]),
    insert: (type & 4) !== 0,
    delete: (type & 8) !== 0,
    update: (type & 16) !== 0,
    truncate: (type & 32) !== 0,
    deferrable: row[4] === 't',
    calls: mentioned(CALLED, terms),
    types: mentioned(RESULT, terms),
    terms,
  };
}

/** A key by its columns' names. None for one with a column that is not known: without it, it would be another key. */
function named(key: readonly number[], columns: Columns['all']): string[][] {
  const names = columns.filter(([attnum]) => key.includes(attnum)).map(([, name]) => name);
  return names.length === new Set(key).size ? [names] : [];
}
