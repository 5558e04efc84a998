import { type Index, Layers } from './layers.ts';
import { UNREADABLE } from './locked.ts';
import type { ColumnMask, Protection } from './protect.ts';
import type { Rows } from './questions.ts';
import type {
  CatalogEventTrigger,
  CatalogFunction,
  CatalogOperator,
  CatalogRelation,
  CatalogType,
} from './shapes.ts';

/** What of the catalog one layer has. */
export interface Part {
  readonly functions: Index<CatalogFunction>;
  readonly operators: ReadonlyMap<string, readonly CatalogOperator[]>;
  readonly types: Index<CatalogType>;
  readonly relations: Index<CatalogRelation>;
}

/** One target's catalog as it was loaded: lookups by name and OID, and which columns are masked. Never changes. */
export class Catalog {
  /** SHA-256 (hex) of what was loaded and of the protected columns. */
  readonly version: string;
  readonly hasProtected: boolean;
  /** Protected columns of the policy that the target does not have, as `schema.table.column`. */
  readonly missing: readonly string[];
  readonly everywhere: readonly number[];
  readonly eventTriggers: readonly CatalogEventTrigger[];
  readonly lively: readonly number[];
  readonly protectedSchemas: ReadonlySet<string>;
  readonly schemas: ReadonlyMap<string, boolean>;
  readonly guarded: readonly CatalogRelation[];
  readonly #functions: Layers<CatalogFunction>;
  readonly #operators: readonly Part['operators'][];
  readonly #types: Layers<CatalogType>;
  readonly #relations: Layers<CatalogRelation>;
  readonly #protection: Protection;
  readonly #checks: (relation: number) => Rows;

  /** `own` is over `base`, and has all that reaches something protected. */
  constructor(parts: {
    readonly version: string;
    readonly base: Part;
    readonly own: Part;
    readonly everywhere: readonly number[];
    readonly eventTriggers: readonly CatalogEventTrigger[];
    readonly schemas: ReadonlyMap<string, boolean>;
    readonly protection: Protection;
    /** Rows of CHECKS. */
    readonly checks: (relation: number) => Rows;
  }) {
    const { base, own } = parts;
    this.version = parts.version;
    this.hasProtected = parts.protection.reaching.size > 0;
    this.missing = parts.protection.missing;
    this.everywhere = parts.everywhere;
    this.eventTriggers = parts.eventTriggers;
    this.#functions = new Layers(base.functions, own.functions);
    this.#operators = [base.operators, own.operators];
    this.#types = new Layers(base.types, own.types);
    this.#relations = new Layers(base.relations, own.relations);
    this.lively = [...this.#types.left(base.types.byOid.values()), ...own.types.byOid.values()]
      .filter(t => t.io.length + t.meets.length + t.checks.length > 0)
      .map(t => t.oid);
    this.#protection = parts.protection;
    this.#checks = parts.checks;
    const users = [...own.relations.byOid.values()].filter(r => !r.system);
    this.protectedSchemas = new Set(users.filter(r => r.reachesProtected).map(r => r.schema));
    this.schemas = parts.schemas;
    this.guarded = users.filter(r => r.masked.size > 0);
  }

  /** The same as `hasProtected`. */
  get protects(): boolean {
    return this.hasProtected;
  }

  relationsNamed(name: string): readonly CatalogRelation[] {
    return this.#relations.named(name);
  }

  relation(oid: number): CatalogRelation | undefined {
    return this.#relations.get(oid);
  }

  functionsNamed(name: string): readonly CatalogFunction[] {
    return this.#functions.named(name);
  }

  functionOf(oid: number): CatalogFunction | undefined {
    return this.#functions.get(oid);
  }

  operatorsNamed(name: string): readonly CatalogOperator[] {
    return this.#operators.flatMap(layer => layer.get(name) ?? []);
  }

  typesNamed(name: string): readonly CatalogType[] {
    return this.#types.named(name);
  }

  type(oid: number): CatalogType | undefined {
    return this.#types.get(oid);
  }

  /** How a result column is masked, by the origin that RowDescription gives it; null where it is not. */
  maskOf(tableOid: number, attnum: number): ColumnMask | null {
    return this.#protection.masks.get(tableOid)?.get(attnum) ?? null;
  }

  /** Whether this is the name of a check in which no protected column stands. */
  tellsCheck(schema: string, table: string, name: string): boolean {
    return this.relationsNamed(table).some(({ oid, schema: own, masked }) => {
      if (own !== schema) return false;
      const text = this.#checks(oid)
        .find(row => row[2] === name)?.[1]
        ?.replaceAll('""', '"');
      // Whole rows are printed with a star.
      return text !== undefined && ![UNREADABLE, '.*', ...masked].some(word => text.includes(word));
    });
  }

  /** False for an origin that this catalog has never seen: nothing is known of what its column shows. */
  knows(tableOid: number): boolean {
    return this.#relations.get(tableOid) !== undefined;
  }
}
