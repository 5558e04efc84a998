import { carriersOf, outputs } from './carried.ts';
import type { Context } from './context.ts';
import { rowCalls } from './row-calls.ts';
import { everything, list, names, node, type Tree, tree } from './tree.ts';

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

/** Give a row for each element of a value that has elements: there are as many as it has. Of a text, its characters would be counted. */
const UNPACKING =
  /^(unnest|each|skeys|svals|jsonb?_(each(_text)?|array_elements(_text)?|object_keys|to_recordset|populate_recordset))$/;

/** Whether a call in this value makes as much as a protected value says: by its name, or as many rows as it likes of what it is given. */
export function sizes(context: Context, value: unknown): boolean {
  const makes = ({ FuncCall }: Tree) => {
    const called = tree(FuncCall);
    return SIZED.has(names(called.funcname).at(-1) ?? '') || givesSet(context, called);
  };
  // Where nothing that stands in its arguments counts, nothing does that stands in one of them.
  const open: unknown[] = [value];
  while (open.length > 0)
    for (const object of everything(open.pop(), makes)) {
      if (!makes(object)) continue;
      const { funcname, args, ...rest } = tree(object.FuncCall);
      const unpacks = UNPACKING.test(names(funcname).at(-1) ?? '');
      const read = unpacks ? list(args).filter(arg => isRead(context, arg)) : [];
      const others = unpacks ? list(args).filter(arg => !read.includes(arg)) : args;
      if (counts(context, others)) return true;
      open.push(read, rest);
    }
  return false;
}

export function givesSet(context: Context, call: Tree): boolean {
  return context.view.functionsNamed(names(call.funcname).at(-1) ?? '').some(f => f.returnsSet);
}

/** XMLTABLE and JSON_TABLE: a document may be taken to pieces as it is, but not be made, or be searched, by a protected value. */
export function sizesTable(context: Context, table: Tree): boolean {
  const { docexpr, rowexpr, namespaces, context_item: item, pathspec, passing } = table;
  const made = [docexpr, tree(item).raw_expr].filter(document => !isRead(context, document));
  return counts(context, [made, rowexpr, namespaces, pathspec, passing]);
}

/** A protected column as it is, or as a subquery gives it. */
function isRead(context: Context, value: unknown): boolean {
  const { tag, body } = node(value) ?? { tag: '', body: tree(null) };
  if (tag === 'TypeCast') return isRead(context, body.arg);
  if (tag === 'SubLink') {
    const [given, ...others] = outputs(body.subselect).map(target => tree(tree(target).ResTarget).val);
    return body.subLinkType === 'EXPR_SUBLINK' && others.length === 0 && isRead(context, given);
  }
  const name = tag === 'ColumnRef' ? (names(body.fields).at(-1) ?? '') : '';
  if (![...context.exposed].some(relation => relation.masked.has(name))) return false;
  return !rowCalls(context, value).renames(name);
}
