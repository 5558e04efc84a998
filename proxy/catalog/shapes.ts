/**
 * What the catalog is made of. Fields are explained where they are used, in policy/catalog-view.ts: the stages share a shape, not a
 * file, and the compiler compares the two where they are joined.
 */
export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly system: boolean;
  readonly columns: ReadonlyMap<string, number>;
  readonly view: string | null;
  readonly rules: readonly string[];
  readonly policies: readonly string[];
  readonly terms: readonly string[];
  readonly owner: string;
  readonly generated: readonly string[];
  readonly onWrite: readonly string[];
  readonly seesRows: readonly string[];
  readonly hidden: readonly number[];
  readonly eachRow: readonly number[];
  readonly triggers: readonly CatalogTrigger[];
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly tuples: number | null;
  readonly partition: boolean;
  readonly parents: readonly number[];
  readonly children: readonly number[];
  readonly referencing: readonly number[];
  readonly onDelete: readonly number[];
  readonly onUpdate: readonly number[];
  readonly reachesProtected: boolean;
  readonly named: ReadonlySet<string>;
  readonly masked: ReadonlySet<string>;
  readonly partly: ReadonlySet<string>;
}

export interface CatalogEventTrigger {
  readonly function: number;
  readonly event: string;
  readonly terms: string;
}

export interface CatalogTrigger {
  readonly function: number;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
  readonly deferrable: boolean;
  readonly calls: readonly number[];
  readonly types: readonly number[];
  readonly terms: string;
}

export interface CatalogFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly language: string;
  readonly volatility: string;
  readonly system: boolean;
  readonly inputs: readonly number[];
  readonly defaults: number;
  readonly variadic: boolean;
  readonly result: number;
  readonly allTypes: readonly number[];
  readonly defaultText: string;
  readonly names: readonly string[];
  readonly source: string;
  readonly definition: string;
  readonly sqlBody: string;
  readonly config: readonly string[];
  readonly extension: string;
  readonly parts: readonly number[];
  readonly returnsSet: boolean;
  readonly definer: string;
  readonly terms: string;
}

export interface CatalogOperator {
  readonly schema: string;
  readonly name: string;
  readonly left: number;
  readonly right: number;
  readonly result: number;
  readonly functions: readonly number[];
  readonly system: boolean;
}

export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly system: boolean;
  readonly kind: string;
  readonly parts: readonly number[];
  readonly checks: readonly string[];
  readonly io: readonly number[];
  readonly meets: readonly number[];
  readonly casts: readonly CatalogCast[];
  readonly castTo: boolean;
}

export interface CatalogCast {
  readonly source: number;
  readonly function: number;
}
