import type {
  CatalogFunction,
  CatalogOperator,
  CatalogRelation,
  CatalogType,
  CatalogView,
} from '../catalog-view.ts';
import { OWN_SCHEMA, UNKNOWN_PATH } from '../search-path.ts';

/** Where names are looked up at the end of a transaction: in the path of then, which nobody knows before. */
export const AT_THE_END: readonly string[] = [UNKNOWN_PATH];

/** The schemas in the order in which Postgres looks: pg_catalog first unless it is named. Null when the path is not known. */
export function effectivePath(searchPath: readonly string[]): readonly string[] | null {
  if (searchPath.includes(UNKNOWN_PATH)) return null;
  const schemas = searchPath.filter(schema => schema !== OWN_SCHEMA);
  return schemas.includes('pg_catalog') ? schemas : ['pg_catalog', ...schemas];
}

/** A schema of temporary things, of whichever session. */
export const isTemp = (schema: string) =>
  schema.startsWith('pg_temp_') || schema.startsWith('pg_toast_temp_');

/**
 * All things that a name may mean. Temporary relations and types come before everything else for an unqualified name, and which
 * session's they are cannot be seen: each of them is one more candidate. A schema that not every role may use is one that the server may
 * pass over: what stands behind it is one more candidate, too.
 */
function among<T extends { readonly schema: string }>(
  view: CatalogView,
  all: readonly T[],
  schema: string | null,
  path: readonly string[] | null,
): T[] {
  if (schema === 'pg_temp') return all.filter(x => isTemp(x.schema));
  if (schema !== null) return all.filter(x => x.schema === schema);
  if (path === null) return [...all];
  const found = all.filter(x => isTemp(x.schema));
  for (const s of path) {
    const here = all.filter(x => x.schema === s);
    found.push(...here);
    if (here.length > 0 && view.schemas.get(s) === true) break;
  }
  return found;
}

export function findRelations(
  view: CatalogView,
  schema: string | null,
  name: string,
  path: readonly string[] | null,
): CatalogRelation[] {
  return among(view, view.relationsNamed(name), schema, path);
}

export function findTypes(
  view: CatalogView,
  schema: string | null,
  name: string,
  path: readonly string[] | null,
): CatalogType[] {
  return among(view, view.typesNamed(name), schema, path);
}

/**
 * Functions that a call with so many arguments may reach, best-placed first. A later one whose argument types are the same as an earlier one's is
 * never reached (func_get_detail in parse_func.c takes the first in the path). `count` null: the number does not matter.
 */
export function findFunctions(
  view: CatalogView,
  schema: string | null,
  name: string,
  path: readonly string[] | null,
  call: { readonly count: number | null; readonly named: boolean },
): CatalogFunction[] {
  const fits = view.functionsNamed(name).filter(f => takes(f, call.count));
  return inPath(view, fits, schema, path, f =>
    call.named || f.variadic ? String(f.oid) : f.inputs.join(' '),
  );
}

export function findOperators(
  view: CatalogView,
  schema: string | null,
  name: string,
  path: readonly string[] | null,
  binary: boolean,
): CatalogOperator[] {
  const fits = view.operatorsNamed(name).filter(o => (o.left !== 0) === binary);
  return inPath(view, fits, schema, path, o => `${o.left} ${o.right}`);
}

function inPath<T extends { readonly schema: string }>(
  view: CatalogView,
  all: readonly T[],
  schema: string | null,
  path: readonly string[] | null,
  signature: (item: T) => string,
): T[] {
  if (schema === 'pg_temp') return all.filter(x => isTemp(x.schema));
  if (schema !== null) return all.filter(x => x.schema === schema);
  if (path === null) return [...all];
  const seen = new Set<string>();
  const found: T[] = [];
  for (const s of path)
    for (const item of all) {
      if (item.schema !== s || seen.has(signature(item))) continue;
      if (view.schemas.get(s) === true) seen.add(signature(item));
      found.push(item);
    }
  return found;
}

function takes(f: CatalogFunction, count: number | null): boolean {
  if (count === null || f.kind === 'p') return true;
  const least = f.inputs.length - f.defaults - (f.variadic ? 1 : 0);
  return count >= least && (f.variadic || count <= f.inputs.length);
}
