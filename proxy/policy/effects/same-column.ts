import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findFunctions } from './names.ts';
import { is, list, names, type Tree, text, tree } from './tree.ts';

/** What changes no more of a text than its letters' case: its mask leaves the same part of it as before. */
const CASES: ReadonlySet<string> = new Set(['lower', 'upper']);
/** A text has no more of these around one another than anybody writes by hand. */
const MOST = 5;

/**
 * The assignments of an UPDATE but for those that give a column its own value back: as it is, in other case, or a constant where it is NULL (`SET
 * email = lower(email)`). Of a table itself, which is all that the statement names: what a view calls the same need not be.
 */
export function otherAssignments(
  context: Context,
  body: Tree,
  targets: readonly CatalogRelation[],
): unknown[] {
  const all = list(body.targetList);
  if (list(body.fromClause).length > 0 || !targets.every(({ kind }) => kind === 'r' || kind === 'p'))
    return [...all];
  const relation = tree(body.relation);
  const alias = text(tree(relation.alias).aliasname) || text(relation.relname);
  return all.filter(item => {
    const { name, val, indirection } = tree(tree(item).ResTarget);
    return list(indirection).length > 0 || !isSame(context, val, text(name), alias, MOST);
  });
}

function isSame(context: Context, value: unknown, column: string, alias: string, deep: number): boolean {
  if (deep === 0) return false;
  const reference = is(value, 'ColumnRef');
  if (reference !== null) {
    const fields = names(reference.fields);
    return fields.at(-1) === column && (fields.length === 1 || (fields.length === 2 && fields[0] === alias));
  }
  const filled = is(value, 'CoalesceExpr');
  if (filled !== null) {
    const [first, ...rest] = list(filled.args);
    return isSame(context, first, column, alias, deep - 1) && rest.every(isConstant);
  }
  const called = is(value, 'FuncCall');
  const [argument, second] = list(called?.args);
  if (called === null || second !== undefined || !isCase(context, names(called.funcname))) return false;
  return isSame(context, argument, column, alias, deep - 1);
}

/** Postgres's own, whatever else has its name. */
function isCase({ view, path }: Context, name: readonly string[]): boolean {
  const last = name.at(-1) ?? '';
  if (!CASES.has(last)) return false;
  const found = findFunctions(view, name.at(-2) ?? null, last, path, { count: 1, named: false });
  return found.length > 0 && found.every(f => f.system);
}

function isConstant(value: unknown): boolean {
  return is(is(value, 'TypeCast')?.arg ?? value, 'A_Const') !== null;
}
