/**
 * What the analysis needs to know of the target's catalog. `proxy/catalog/` builds one; the two folders share only this shape.
 * All lookups are Map-based: they are on the way of every new statement.
 */
export interface CatalogView {
  /** Changes whenever anything that is loaded changes. */
  readonly version: string;
  /** The target has at least one protected column. */
  readonly hasProtected: boolean;
  /** Relations of users that have a masked column. */
  readonly guarded: readonly CatalogRelation[];
  /** Schemas that have a protected table. */
  readonly protectedSchemas: ReadonlySet<string>;
  /**
   * The schemas that exist, and whether every role may use them: the server passes over those in a search_path that its role may not
   * use. Empty where none are known.
   */
  readonly schemas: ReadonlyMap<string, boolean>;
  relationsNamed(name: string): readonly CatalogRelation[];
  relation(oid: number): CatalogRelation | undefined;
  functionsNamed(name: string): readonly CatalogFunction[];
  functionOf(oid: number): CatalogFunction | undefined;
  operatorsNamed(name: string): readonly CatalogOperator[];
  typesNamed(name: string): readonly CatalogType[];
  type(oid: number): CatalogType | undefined;
  /** Functions behind implicit casts and default comparisons between built-in types: they may run in any expression. */
  readonly everywhere: readonly number[];
  /** All that are not disabled. */
  readonly eventTriggers: readonly CatalogEventTrigger[];
  /** Types whose values bring user functions with them: `io`, `meets` or `checks` is not empty. */
  readonly lively: readonly number[];
}

export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_class.relkind. */
  readonly kind: string;
  /** Made by initdb: its views are Postgres's own. */
  readonly system: boolean;
  /** Column name → type OID, in order; system columns are not among them. */
  readonly columns: ReadonlyMap<string, number>;
  /** pg_get_viewdef, with every user name qualified; null for what is not a view. */
  readonly view: string | null;
  /** Rules other than ON SELECT, as CREATE RULE statements. */
  readonly rules: readonly string[];
  /** USING expressions of row-level security policies; empty where it is off. */
  readonly policies: readonly string[];
  /** Owner, whether row-level security is on and forced, options of a view; and each policy's name, command and roles. For comparing alone. */
  readonly terms: readonly string[];
  /** The role that it belongs to: what foreign keys and REFRESH do to it runs as that one. */
  readonly owner: string;
  /** Expressions of virtual generated columns, evaluated on read. */
  readonly generated: readonly string[];
  /** Defaults, stored generated columns, check constraints and policy checks, evaluated on write. */
  readonly onWrite: readonly string[];
  /** Of these, what is computed from the row itself: all but the defaults. */
  readonly seesRows: readonly string[];
  /** User functions that planning or an index scan may call: immutable ones in index, constraint and statistics expressions, operator classes. */
  readonly hidden: readonly number[];
  /** User functions of these and of partition keys, whatever they are declared by now: they run for each row that is written. */
  readonly eachRow: readonly number[];
  readonly triggers: readonly CatalogTrigger[];
  /** Column sets of valid, whole-table unique indexes. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Estimated rows, children included; null when never analysed. */
  readonly tuples: number | null;
  readonly partition: boolean;
  readonly parents: readonly number[];
  readonly children: readonly number[];
  /** Relations with a foreign key to this one: TRUNCATE … CASCADE empties them too. */
  readonly referencing: readonly number[];
  /** Those that a foreign key changes when rows here are deleted, and when keys here are updated. */
  readonly onDelete: readonly number[];
  readonly onUpdate: readonly number[];
  /** It, what it inherits from or to, or what it is a view of, has a protected column. */
  readonly reachesProtected: boolean;
  /** Columns that are protected by no more than its name and theirs: under others, nothing would mask them. */
  readonly named: ReadonlySet<string>;
  /** Columns that are masked when read from here. */
  readonly masked: ReadonlySet<string>;
  /** Of these, the ones whose masks leave something of the value: its end, a letter, whether it equals another. */
  readonly partly: ReadonlySet<string>;
}

export interface CatalogEventTrigger {
  readonly function: number;
  /** pg_event_trigger.evtevent. */
  readonly event: string;
  /** Its name, when it is enabled and for which commands. For comparing alone. */
  readonly terms: string;
}

export interface CatalogTrigger {
  readonly function: number;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
  /** It may run only at the end of its transaction. */
  readonly deferrable: boolean;
  /** Functions that its condition calls before the trigger's own is asked. */
  readonly calls: readonly number[];
  /** Types to which its condition casts. */
  readonly types: readonly number[];
  /** Everything else about it: its condition, arguments, columns. For comparing alone. */
  readonly terms: string;
}

export interface CatalogFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_proc.prokind: f, p, a or w. */
  readonly kind: string;
  readonly language: string;
  /** i, s or v. */
  readonly volatility: string;
  /** Made by initdb and not rewritten in a procedural language since. */
  readonly system: boolean;
  readonly inputs: readonly number[];
  readonly defaults: number;
  readonly variadic: boolean;
  readonly result: number;
  /** All argument types including OUT and TABLE columns. */
  readonly allTypes: readonly number[];
  /** Expressions of argument defaults, as one list. */
  readonly defaultText: string;
  /** Names of all arguments, in order; '' where unnamed. */
  readonly names: readonly string[];
  readonly source: string;
  /** pg_get_functiondef of a PL/pgSQL function, all user names qualified; '' for others. */
  readonly definition: string;
  /** The BEGIN ATOMIC or RETURN body, all user names qualified; '' where there is none. */
  readonly sqlBody: string;
  /** pg_proc.proconfig, `name=value`. */
  readonly config: readonly string[];
  /** Name of the extension it belongs to, or ''. */
  readonly extension: string;
  /** Support functions of an aggregate. */
  readonly parts: readonly number[];
  readonly returnsSet: boolean;
  /** Its owner, where it runs as that one (SECURITY DEFINER); otherwise ''. */
  readonly definer: string;
  /** Its owner, and whether it runs with their rights. For comparing alone. */
  readonly terms: string;
}

export interface CatalogOperator {
  readonly schema: string;
  readonly name: string;
  /** 0 for a prefix operator. */
  readonly left: number;
  readonly right: number;
  readonly result: number;
  /** Functions that may run in its place, its own among them: the planner turns operators round and negates them. */
  readonly functions: readonly number[];
  readonly system: boolean;
}

export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly system: boolean;
  /** pg_type.typtype: b, c, d, e, m, p or r. */
  readonly kind: string;
  /** Types that a value of this one is made of: domain base, array element, range subtype, attributes. */
  readonly parts: readonly number[];
  /** Check expressions of a domain. */
  readonly checks: readonly string[];
  /** User functions that read, show or store any value of the type. */
  readonly io: readonly number[];
  /** User functions that may run when a value of the type meets another: implicit casts, comparisons, range arithmetic. */
  readonly meets: readonly number[];
  /** Casts to this type by a user function. */
  readonly casts: readonly CatalogCast[];
  /** Some implicit cast leads to it from another type. */
  readonly castTo: boolean;
}

export interface CatalogCast {
  readonly source: number;
  readonly function: number;
}
