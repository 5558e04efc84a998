import * as sql from './sql.ts';

export type Row = readonly (string | null)[];
export type Rows = readonly Row[];

/** The answers to the questions of sql.ts. */
export type Answers = { readonly [K in keyof typeof QUESTIONS]: Rows } & {
  /** How many rows relations of the layer below have now: OID and pg_class.reltuples. */
  readonly tuples: Rows;
  /** What definitions are printed with, beside what else is asked: names of indexes and of keys. */
  readonly indexes: Rows;
  readonly arbiters: Rows;
};

export type Question = keyof typeof QUESTIONS;

export const QUESTIONS = {
  functions: sql.FUNCTIONS,
  ownFunctions: sql.OWN_FUNCTIONS,
  aggregates: sql.AGGREGATES,
  operators: sql.OPERATORS,
  types: sql.TYPES,
  domainChecks: sql.DOMAIN_CHECKS,
  casts: sql.CASTS,
  comparisons: sql.COMPARISONS,
  relations: sql.RELATIONS,
  views: sql.VIEWS,
  rules: sql.RULES,
  policies: sql.POLICIES,
  defaults: sql.DEFAULTS,
  checks: sql.CHECKS,
  foreignKeys: sql.FOREIGN_KEYS,
  uniqueKeys: sql.UNIQUE_KEYS,
  indexFamilies: sql.INDEX_FAMILIES,
  hidden: sql.HIDDEN,
  triggers: sql.TRIGGERS,
  eventTriggers: sql.EVENT_TRIGGERS,
  inherits: sql.INHERITS,
  schemas: sql.SCHEMAS,
} as const;
