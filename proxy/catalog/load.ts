import { assemble, NOTHING_BELOW } from './assemble.ts';
import type { Catalog } from './catalog.ts';
import type { ProtectedName } from './protect.ts';
import * as sql from './sql.ts';
import { hashOf } from './version.ts';

export { Catalog } from './catalog.ts';
export { FINGERPRINT_SQL } from './sql.ts';

export type Row = readonly (string | null)[];
export type Rows = readonly Row[];

/** The answers to the questions of sql.ts. */
export type Answers = { readonly [K in keyof typeof QUESTIONS]: Rows } & {
  /** How many rows relations of the layer below have now: OID and pg_class.reltuples. */
  readonly tuples: Rows;
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
  inherits: sql.INHERITS,
} as const;

/**
 * Reads the target's catalog. `query` runs one statement on a connection of the proxy's own and gives the rows as text; the
 * connection's search_path is the same afterwards. One snapshot for all questions, so that the answers fit each other.
 * Rejects with whatever `query` rejects with.
 */
export async function loadCatalog(
  query: (text: string) => Promise<(string | null)[][]>,
  options: { readonly protectedColumns: readonly ProtectedName[] },
): Promise<Catalog> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await query(`SET LOCAL search_path TO ''`);
    const answers = { tuples: [] } as unknown as { -readonly [K in keyof Answers]: Rows };
    for (const name of Object.keys(QUESTIONS) as Question[]) answers[name] = await query(QUESTIONS[name]);
    const names = options.protectedColumns;
    const built = await assemble(query, answers, NOTHING_BELOW, names, hashOf(answers, names));
    await query('COMMIT');
    return built;
  } catch (fault) {
    await query('ROLLBACK').catch(() => undefined);
    throw fault;
  }
}
