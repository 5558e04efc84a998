import { everything, list, type Tree, tree } from './tree.ts';

/**
 * Whether a body fetches from a cursor that it need not have opened itself. A variable holds the name of any cursor of the session when it
 * is a parameter, is given a value, or is never opened. Positions of 0 are left out of libpg-query's tree.
 */
export function fetchesByName(body: unknown): boolean {
  const fetched = new Set<number>();
  const opened = new Set<number>();
  const assigned = new Set<number>();
  let variables: readonly unknown[] = [];
  const at = (position: unknown) => Number(position ?? 0);
  for (const object of everything(body)) {
    if ('datums' in object) variables = list(object.datums);
    if ('PLpgSQL_stmt_fetch' in object) fetched.add(at(tree(object.PLpgSQL_stmt_fetch).curvar));
    if ('PLpgSQL_stmt_open' in object) opened.add(at(tree(object.PLpgSQL_stmt_open).curvar));
    if ('PLpgSQL_stmt_assign' in object) assigned.add(at(tree(object.PLpgSQL_stmt_assign).varno));
    if ('PLpgSQL_diag_item' in object) assigned.add(at(tree(object.PLpgSQL_diag_item).target));
    if ('PLpgSQL_stmt_foreach_a' in object) assigned.add(at(tree(object.PLpgSQL_stmt_foreach_a).varno));
    if ('PLpgSQL_row' in object)
      for (const field of list(tree(object.PLpgSQL_row).fields)) assigned.add(at(tree(field).varno));
  }
  return [...fetched].some(
    cursor =>
      !opened.has(cursor) || assigned.has(cursor) || !isEmpty(tree(tree(variables[cursor]).PLpgSQL_var)),
  );
}

/** Declared in the body, without a value. Parameters stand on no line. */
function isEmpty(variable: Tree): boolean {
  return 'lineno' in variable && !('default_val' in variable);
}
