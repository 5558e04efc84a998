import type { Context } from './context.ts';
import { launders } from './laundering.ts';
import { onlyFields } from './only-fields.ts';
import { everything, list, names, node, type Tree, text, tree } from './tree.ts';

/**
 * Whether a statement of a body gives protected values to the code around it: into variables, to a loop, back to its caller. What it keeps by
 * itself is looked at where it is walked. `byField`: nothing of a row that a star gives is read but single columns, by their names.
 */
export function hands(context: Context, statement: unknown, byField: boolean): boolean {
  if (!context.view.hasProtected) return false;
  const { tag, body } = node(statement) ?? { tag: '', body: tree(null) };
  const given = tag === 'SelectStmt' ? body : returned(body);
  const shown = byField
    ? { ...given, targetList: list(given.targetList).filter(target => !isStar(target)) }
    : given;
  return launders(context, 'SelectStmt', shown, []) !== null;
}

/** What RETURNING gives, as a query. */
function returned(body: Tree): Tree {
  const { relation, fromClause, usingClause, sourceRelation, withClause, returningClause } = body;
  const source = sourceRelation === undefined ? [] : [sourceRelation];
  return {
    targetList: list(tree(returningClause).exprs),
    fromClause: [{ RangeVar: relation }, ...list(fromClause), ...list(usingClause), ...source],
    withClause,
  };
}

function isStar(target: unknown): boolean {
  const { val } = tree(tree(target).ResTarget);
  return names(tree(tree(val).ColumnRef).fields).at(-1) === '*';
}

/** The queries of a PL/pgSQL body whose rows go nowhere, or into records that are read by their fields alone. */
export function readByField(body: Tree, source: string): ReadonlySet<Tree> {
  const found = new Set<Tree>();
  let fields: ((name: string) => boolean) | null = null;
  const fielded = (target: unknown) => {
    const name = text(tree(tree(target).PLpgSQL_rec).refname);
    if (name === '') return false;
    fields ??= onlyFields(source);
    return fields(name);
  };
  const add = (query: unknown) => found.add(tree(tree(query).PLpgSQL_expr));
  for (const object of everything(body)) {
    const { sqlstmt, into, target } = tree(object.PLpgSQL_stmt_execsql);
    const loop = tree(object.PLpgSQL_stmt_fors);
    if (into === true && fielded(target)) add(sqlstmt);
    if (fielded(loop.var)) add(loop.query);
    if (object.PLpgSQL_stmt_perform !== undefined) add(tree(object.PLpgSQL_stmt_perform).expr);
  }
  return found;
}
