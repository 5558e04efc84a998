import { canonical, sha256 } from '#schemas/canonical.ts';
import { Catalog } from './catalog.ts';
import { buildFunctions, suspectFunctions } from './functions.ts';
import { type ProtectedName, Protection, type StoredView } from './protect.ts';
import { buildRelations } from './relations.ts';
import * as sql from './sql.ts';
import { buildOperators, buildTypes } from './types.ts';

export { Catalog } from './catalog.ts';
export { FINGERPRINT_SQL } from './sql.ts';

export type Rows = readonly (readonly (string | null)[])[];

/** The answers to the questions of sql.ts. */
export type Answers = { readonly [K in keyof typeof QUESTIONS]: Rows };

const QUESTIONS = {
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
    const answers = {} as { -readonly [K in keyof Answers]: Rows };
    for (const name of Object.keys(QUESTIONS) as (keyof Answers)[])
      answers[name] = await query(QUESTIONS[name]);
    const built = await build(query, answers, options.protectedColumns);
    await query('COMMIT');
    return built;
  } catch (fault) {
    await query('ROLLBACK').catch(() => undefined);
    throw fault;
  }
}

async function build(
  query: (text: string) => Promise<Rows>,
  answers: Answers,
  names: readonly ProtectedName[],
): Promise<Catalog> {
  const functions = buildFunctions(answers);
  const raw = buildRelations(answers, functions);
  const views = new Map<number, StoredView>(
    answers.views.map(([oid, , relations, calls]) => [
      Number(oid),
      { relations: numbers(relations), functions: numbers(calls) },
    ]),
  );
  const protection = new Protection(raw.protectable, names);
  const trees = new Map<number, string>();
  if (protection.reaching.size > 0) {
    const reachingNames = new Set([...protection.reaching].map(oid => raw.protectable.get(oid)?.name ?? ''));
    let reaching = protection.reachingViews(views, suspectFunctions(functions, reachingNames));
    for (let before = -1; before !== reaching.length; ) {
      // A function may read one of the views just found.
      before = reaching.length;
      for (const oid of reaching) reachingNames.add(raw.protectable.get(oid)?.name ?? '');
      const more = protection.reachingViews(views, suspectFunctions(functions, reachingNames));
      reaching = [...new Set([...reaching, ...more])];
    }
    if (reaching.length > 0)
      for (const [oid, tree] of await query(sql.VIEW_TREES(reaching))) trees.set(Number(oid), tree ?? '');
    protection.maskViews(trees);
  }
  const { types, everywhere } = buildTypes(answers, functions);
  const version = sha256(
    canonical([
      Object.entries(answers).map(([name, rows]) => [
        name,
        rows
          .map(row => row.map(v => v))
          .map(row => row.join('\u0001'))
          .sort(),
      ]),
      names.map(n => `${n.schema}.${n.table}.${n.column} ${n.mask}`),
    ]),
  );
  return new Catalog({
    version,
    functions,
    types,
    everywhere,
    operators: buildOperators(answers),
    relations: raw.finish(protection),
    protection,
  });
}

function numbers(json: string | null | undefined): number[] {
  return json === null || json === undefined ? [] : (JSON.parse(json) as number[]);
}
