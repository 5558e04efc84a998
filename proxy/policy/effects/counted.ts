import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { everything, list, names, type Tree, text, tree } from './tree.ts';

export const COUNTED =
  'a protected value would decide how many rows there are, and their number would tell it';

/** Make as many rows, elements or characters as an argument says. */
export const SIZED = new Set([
  'generate_series',
  'generate_subscripts',
  'repeat',
  'array_fill',
  'lpad',
  'rpad',
]);

/**
 * Whether a protected value may stand in what decides how many rows there are: a protected column by its name, or a name that a subquery,
 * a CTE or a list of column names has made, where protected columns are mentioned. To be asked when `value` has been walked.
 */
export function counts(context: Context, value: unknown): boolean {
  if (!context.facts.protected) return false;
  const masked = new Set([...context.exposed].flatMap(r => [...r.masked]));
  const mentions = context.mentioned.has('*') || [...masked].some(column => context.mentioned.has(column));
  const known = mentions ? columnsKnown(context, value) : null;
  for (const object of everything(value)) {
    if (!('ColumnRef' in object)) continue;
    const last = names(tree(object.ColumnRef).fields).at(-1) ?? '';
    if (masked.has(last) || (known !== null && !known.has(last))) return true;
  }
  return false;
}

/** Columns of the relations in scope, and of those that the value itself names. */
function columnsKnown(context: Context, value: unknown): Set<string> {
  const known = new Set<string>();
  for (const scope of context.scopes)
    for (const columns of scope.values()) for (const name of columns?.keys() ?? []) known.add(name);
  for (const object of everything(value)) {
    if (typeof object.relname !== 'string' || list(tree(object.alias).colnames).length > 0) continue;
    const schema = text(object.schemaname) || null;
    if (schema === null && context.ctes.some(s => s.has(text(object.relname)))) continue;
    for (const r of findRelations(context.view, schema, object.relname, context.path))
      for (const name of r.columns.keys()) known.add(name);
  }
  return known;
}

/** Whether a call, or one in its arguments, makes as much as a protected value says. */
export function sizes(context: Context, call: unknown): boolean {
  for (const object of everything(call)) {
    const found: Tree = tree(object.FuncCall);
    if (SIZED.has(names(found.funcname).at(-1) ?? '') && counts(context, found.args)) return true;
  }
  return false;
}
