import type { ColumnMask, Protection } from './protect.ts';
import type { CatalogFunction, CatalogOperator, CatalogRelation, CatalogType } from './shapes.ts';

/** One target's catalog as it was loaded: lookups by name and OID, and which columns are masked. Never changes. */
export class Catalog {
  /** SHA-256 (hex) of what was loaded and of the protected columns. */
  readonly version: string;
  readonly hasProtected: boolean;
  /** Protected columns of the policy that the target does not have, as `schema.table.column`. */
  readonly missing: readonly string[];
  readonly everywhere: readonly number[];
  readonly lively: readonly number[];
  readonly protectedSchemas: ReadonlySet<string>;
  readonly guarded: readonly CatalogRelation[];
  readonly #functions: Index<CatalogFunction>;
  readonly #operators: ReadonlyMap<string, readonly CatalogOperator[]>;
  readonly #types: Index<CatalogType>;
  readonly #relations: Index<CatalogRelation>;
  readonly #protection: Protection;

  constructor(parts: {
    readonly version: string;
    readonly functions: ReadonlyMap<number, CatalogFunction>;
    readonly operators: readonly CatalogOperator[];
    readonly types: ReadonlyMap<number, CatalogType>;
    readonly relations: ReadonlyMap<number, CatalogRelation>;
    readonly everywhere: readonly number[];
    readonly protection: Protection;
  }) {
    this.version = parts.version;
    this.hasProtected = parts.protection.reaching.size > 0;
    this.missing = parts.protection.missing;
    this.everywhere = parts.everywhere;
    this.lively = [...parts.types.values()]
      .filter(t => t.io.length + t.meets.length + t.checks.length > 0)
      .map(t => t.oid);
    this.#protection = parts.protection;
    this.protectedSchemas = new Set(
      [...parts.relations.values()].filter(r => r.reachesProtected && !r.system).map(r => r.schema),
    );
    this.guarded = [...parts.relations.values()].filter(r => r.masked.size > 0 && !r.system);
    this.#functions = new Index(parts.functions);
    this.#operators = byName(parts.operators);
    this.#types = new Index(parts.types);
    this.#relations = new Index(parts.relations);
  }

  /** The same as `hasProtected`. */
  get protects(): boolean {
    return this.hasProtected;
  }

  relationsNamed(name: string): readonly CatalogRelation[] {
    return this.#relations.named(name);
  }

  relation(oid: number): CatalogRelation | undefined {
    return this.#relations.byOid.get(oid);
  }

  functionsNamed(name: string): readonly CatalogFunction[] {
    return this.#functions.named(name);
  }

  functionOf(oid: number): CatalogFunction | undefined {
    return this.#functions.byOid.get(oid);
  }

  operatorsNamed(name: string): readonly CatalogOperator[] {
    return this.#operators.get(name) ?? [];
  }

  typesNamed(name: string): readonly CatalogType[] {
    return this.#types.named(name);
  }

  type(oid: number): CatalogType | undefined {
    return this.#types.byOid.get(oid);
  }

  /** How a result column is masked, by the origin that RowDescription gives it; null where it is not. */
  maskOf(tableOid: number, attnum: number): ColumnMask | null {
    return this.#protection.masks.get(tableOid)?.get(attnum) ?? null;
  }

  /** False for an origin that this catalog has never seen: nothing is known of what its column shows. */
  knows(tableOid: number): boolean {
    return this.#relations.byOid.has(tableOid);
  }
}

class Index<T extends { readonly name: string }> {
  readonly byOid: ReadonlyMap<number, T>;
  readonly #byName: ReadonlyMap<string, readonly T[]>;

  constructor(byOid: ReadonlyMap<number, T>) {
    this.byOid = byOid;
    this.#byName = byName([...byOid.values()]);
  }

  named(name: string): readonly T[] {
    return this.#byName.get(name) ?? [];
  }
}

function byName<T extends { readonly name: string }>(all: readonly T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of all) {
    const same = found.get(item.name);
    if (same === undefined) found.set(item.name, [item]);
    else same.push(item);
  }
  return found;
}
