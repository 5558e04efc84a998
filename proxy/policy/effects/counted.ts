import { carriersOf } from './carried.ts';
import type { Context } from './context.ts';
import { everything, names, type Tree, tree } from './tree.ts';

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

/** Whether a protected value may stand in what decides how many rows there are. */
export function counts(context: Context, value: unknown): boolean {
  if (!context.facts.protected) return false;
  const { carries } = carriersOf(context, value);
  for (const object of everything(value))
    if ('ColumnRef' in object && carries(names(tree(object.ColumnRef).fields))) return true;
  return false;
}

/** Whether a call in this value makes as much as a protected value says. */
export function sizes(context: Context, value: unknown): boolean {
  for (const object of everything(value)) {
    const found: Tree = tree(object.FuncCall);
    if (SIZED.has(names(found.funcname).at(-1) ?? '') && counts(context, found.args)) return true;
  }
  return false;
}
