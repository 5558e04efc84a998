import type { MaskKind } from '#schemas/policy.ts';
import { storedColumns } from './node-tree.ts';

/** A protected column as the policy names it. */
export interface ProtectedName {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly mask: MaskKind;
}

export interface ColumnMask {
  /** `schema.relation.column` of what is protected. */
  readonly column: string;
  readonly mask: MaskKind;
  /** It is computed, so that even whether it is NULL may be a bit of what is protected. */
  readonly computed?: true;
}

/** What this part of the catalog needs of a relation. */
export interface Protectable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly toast: number;
  /** Column name → attribute number. */
  readonly attributes: ReadonlyMap<string, number>;
  readonly parents: readonly number[];
  readonly children: readonly number[];
}

/** A generated column, and the numbers of the columns that it is computed from. */
export interface Derived {
  readonly relation: number;
  readonly attnum: number;
  readonly from: readonly number[];
}

/** A column that holds rows of these relations. */
export interface RowColumn {
  readonly relation: number;
  readonly column: string;
  readonly of: readonly number[];
}

export interface StoredView {
  readonly relations: readonly number[];
  readonly functions: readonly number[];
}

const SHOWING = ['most_common_vals', 'histogram_bounds', 'most_common_elems', 'elem_count_histogram'];

/** Columns of Postgres's own that hold values, or texts of statements with values, of other tables. */
const IMPLIED: readonly (readonly [string, readonly string[]])[] = [
  ['pg_statistic', [1, 2, 3, 4, 5].flatMap(i => [`stavalues${i}`, `stanumbers${i}`])],
  ['pg_statistic_ext_data', ['stxdmcv', 'stxdexpr']],
  ['pg_stats', [...SHOWING, 'range_length_histogram', 'range_bounds_histogram']],
  ['pg_stats_ext', ['most_common_vals']],
  ['pg_stats_ext_exprs', SHOWING],
  ['pg_stat_activity', ['query']],
  ['pg_largeobject', ['data']],
];

function stricter(one: MaskKind, other: MaskKind): MaskKind {
  return one === 'null' || other === 'null' ? 'null' : 'redact';
}

const NO_OTHERS = { derived: [], rows: [] };

/** What is protected, and everything that its values can be read from. */
export class Protection {
  /** Configured names that the target does not have. */
  readonly missing: string[] = [];
  readonly masks = new Map<number, Map<number, ColumnMask>>();
  /** Relations that have, inherit, store or show a protected column. */
  readonly reaching = new Set<number>();
  /** Columns that are protected by no more than what they and their relations are called, by relation. */
  readonly named = new Map<number, Set<string>>();
  readonly #relations: ReadonlyMap<number, Protectable>;

  constructor(
    relations: ReadonlyMap<number, Protectable>,
    configured: readonly ProtectedName[],
    others: { readonly derived: readonly Derived[]; readonly rows: readonly RowColumn[] } = NO_OTHERS,
  ) {
    this.#relations = relations;
    const byName = new Map([...relations.values()].map(r => [`${r.schema}.${r.name}`, r]));
    for (const { schema, table, column, mask } of configured) {
      const relation = byName.get(`${schema}.${table}`);
      const name = `${schema}.${table}.${column}`;
      if (relation?.attributes.has(column)) {
        this.#spread(relation, column, { column: name, mask });
        this.#name(relation, column);
      } else this.missing.push(name);
    }
    if (this.reaching.size === 0) return;
    const { derived, rows } = others;
    const steps = [...derived.map(d => () => this.#derive(d)), ...rows.map(r => () => this.#holds(r))];
    for (let open = steps; open.length > 0; ) {
      // What a parent's or child's column brings may be what another one is computed from, or holds.
      const rest = open.filter(step => !step());
      if (rest.length === open.length) break;
      open = rest;
    }
    for (const relation of relations.values()) {
      const implied =
        relation.schema === 'pg_catalog' ? IMPLIED.find(([name]) => name === relation.name)?.[1] : undefined;
      for (const column of implied ?? []) this.#mask(relation, column, 'null');
      if (relation.name === 'pg_stat_statements') {
        this.#mask(relation, 'query', 'null');
        this.#name(relation, 'query');
      }
    }
    for (const oid of [...this.reaching]) {
      const toast = relations.get(relations.get(oid)?.toast ?? 0);
      if (toast !== undefined) this.#mask(toast, 'chunk_data', 'null');
    }
  }

  #name({ oid }: Protectable, column: string): void {
    this.named.set(oid, new Set([...(this.named.get(oid) ?? []), column]));
  }

  /** True once the column is masked, because one that it is computed from is. */
  #derive({ relation: oid, attnum, from }: Derived): boolean {
    const relation = this.#relations.get(oid);
    const masks = this.masks.get(oid);
    if (relation === undefined || masks === undefined || !from.some(column => masks.has(column)))
      return false;
    for (const [name, number] of relation.attributes)
      if (number === attnum && !masks.has(attnum))
        this.#spread(relation, name, {
          column: `${relation.schema}.${relation.name}.${name}`,
          mask: 'redact',
          computed: true,
        });
    return true;
  }

  /** True once the column is masked, because the rows that it holds have protected values. */
  #holds({ relation: oid, column, of }: RowColumn): boolean {
    const relation = this.#relations.get(oid);
    if (relation === undefined || !of.some(held => this.reaching.has(held))) return false;
    const name = `${relation.schema}.${relation.name}.${column}`;
    this.#spread(relation, column, { column: name, mask: 'redact' });
    return true;
  }

  #mask(relation: Protectable, column: string, mask: MaskKind): void {
    const attnum = relation.attributes.get(column);
    if (attnum === undefined) return;
    this.set(relation.oid, attnum, { column: `${relation.schema}.${relation.name}.${column}`, mask });
  }

  /** The first mask that a column gets stays: the policy's own come before what follows from them. */
  set(oid: number, attnum: number, mask: ColumnMask): void {
    this.reaching.add(oid);
    const columns = this.masks.get(oid) ?? new Map<number, ColumnMask>();
    if (!columns.has(attnum)) columns.set(attnum, mask);
    this.masks.set(oid, columns);
  }

  /**
   * To children, through which its values are read under another name, and to whatever these or it itself can be read through in turn: each
   * may have several parents. What two masks are asked for shows nothing of either.
   */
  #spread(start: Protectable, column: string, mask: ColumnMask): void {
    const related = (from: readonly Protectable[], next: (r: Protectable) => readonly number[]) => {
      const found = new Set(from);
      for (const relation of found)
        for (const oid of next(relation)) {
          const other = this.#relations.get(oid);
          if (other !== undefined) found.add(other);
        }
      return [...found];
    };
    const below = related([start], r => r.children);
    for (const relation of related(below, r => r.parents)) {
      const attnum = relation.attributes.get(column);
      if (attnum === undefined) continue;
      const before = this.masks.get(relation.oid)?.get(attnum);
      this.set(relation.oid, attnum, mask);
      if (before !== undefined && before.mask !== mask.mask)
        this.masks.get(relation.oid)?.set(attnum, { ...before, mask: stricter(before.mask, mask.mask) });
    }
  }

  /** Views that reach a protected relation, or call a function that may. */
  reachingViews(views: ReadonlyMap<number, StoredView>, suspects: ReadonlySet<number>): number[] {
    const found = new Set<number>();
    for (let grown = true; grown; ) {
      grown = false;
      for (const [oid, view] of views) {
        if (found.has(oid)) continue;
        if (
          !view.relations.some(r => r !== oid && this.reaching.has(r)) &&
          !view.functions.some(f => suspects.has(f))
        )
          continue;
        found.add(oid);
        this.reaching.add(oid);
        grown = true;
      }
    }
    return [...found];
  }

  /** Masks of those views' columns. A column that is not provably a plain clean one, or a constant, is redacted. */
  maskViews(trees: ReadonlyMap<number, string>): void {
    const done = new Set<number>();
    const mask = (oid: number) => {
      if (done.has(oid)) return;
      done.add(oid);
      const view = this.#relations.get(oid);
      const tree = trees.get(oid);
      if (view === undefined || tree === undefined) return;
      const stored = storedColumns(tree);
      for (const [name, attnum] of view.attributes) {
        const column = stored?.find(c => c.attnum === attnum);
        const shown = `${view.schema}.${view.name}.${name}`;
        const redact: ColumnMask = { column: shown, mask: 'redact', computed: true };
        if (column === undefined) this.set(oid, attnum, redact);
        else if (column.table > 0) {
          if (trees.has(column.table)) mask(column.table);
          const origin = this.masks.get(column.table)?.get(column.column);
          if (origin !== undefined) this.set(oid, attnum, origin);
        } else if (!column.clean) this.set(oid, attnum, redact);
      }
    };
    for (const oid of trees.keys()) mask(oid);
  }
}
