import type { CatalogView } from '../catalog-view.ts';
import { names, type Tree, text } from './tree.ts';

/** By node: the name of the function that a server whose grammar lacks this syntax is asked for, in the path of the session. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['JsonObjectConstructor', 'json_object'],
  ['JsonArrayConstructor', 'json_array'],
  ['JsonArrayQueryConstructor', 'json_array'],
  ['JsonObjectAgg', 'json_objectagg'],
  ['JsonArrayAgg', 'json_arrayagg'],
  ['JsonParseExpr', 'json'],
  ['JsonScalarExpr', 'json_scalar'],
  ['JsonSerializeExpr', 'json_serialize'],
  ['MergeSupportFunc', 'merge_action'],
]);

/**
 * The parser here is Postgres 18's. What an older server reads in the same text is mostly the same or an error; this is what it can
 * read as something of somebody's own: a call where newer grammars have syntax of their own, and the type json, which they qualify.
 * A sentence where the target has such a thing, whatever its version, else null.
 */
export function readOtherwise(view: CatalogView, tag: string, body: Tree): string | null {
  if (tag === 'TypeName') {
    const own = isJson(names(body.names)) && view.typesNamed('json').some(type => !type.system);
    return own ? 'a type of somebody’s own is called json: an older server could mean it' : null;
  }
  const name = functionOf(tag, body);
  if (name === undefined || view.functionsNamed(name).every(f => f.system)) return null;
  return `a function of somebody’s own is called ${name}: an older server could call it here`;
}

function functionOf(tag: string, body: Tree): string | undefined {
  if (tag === 'FuncCall') return isJson(names(body.funcname), 'json_object') ? 'json_object' : undefined;
  if (tag === 'JsonFuncExpr') return text(body.op).replace(/_OP$/, '').toLowerCase();
  return FUNCTIONS.get(tag);
}

function isJson(name: readonly string[], last = 'json'): boolean {
  return name.length === 2 && name[0] === 'pg_catalog' && name[1] === last;
}
