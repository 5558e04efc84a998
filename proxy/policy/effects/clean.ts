import type { Context } from './context.ts';
import { findFunctions } from './names.ts';
import { everything, is, list, names, node, type Tree, text, tree } from './tree.ts';

/**
 * For each output of a plain SELECT: whether it provably holds nothing that was read. `counted`: how many rows there are may be a value. Null where that cannot be said of positions:
 * a star, a set operation, VALUES, a statement that is no SELECT.
 */
export function cleanOutputs(
  context: Context,
  statement: unknown,
  counted: boolean,
): readonly boolean[] | null {
  const select = is(statement, 'SelectStmt');
  if (select === null || text(select.op) !== 'SETOP_NONE' || list(select.valuesLists).length > 0) return null;
  const targets = list(select.targetList);
  for (const object of everything(targets.map(t => tree(is(t, 'ResTarget') ?? {}).val)))
    if ('A_Star' in object) return null;
  const countable = !counted && !countsValues(select);
  return targets.map(target => clean(context, tree(is(target, 'ResTarget') ?? {}).val, countable));
}

const NO_ARGUMENTS = new Set([
  'now',
  'statement_timestamp',
  'transaction_timestamp',
  'clock_timestamp',
  'version',
  'pg_backend_pid',
  'current_database',
  'current_schema',
]);

/** A function in FROM makes as many rows as its arguments say: what is counted then may be a value. */
function countsValues(select: Tree): boolean {
  const makes = ({ FuncCall }: Tree) =>
    /^(generate_|string_to_table|regexp_|repeat)/.test(names(tree(FuncCall).funcname).at(-1) ?? '');
  // Where there is no column in its arguments, there is none in those of a call that stands there.
  const open: unknown[] = [select];
  while (open.length > 0)
    for (const object of everything(open.pop(), makes)) {
      if (!makes(object)) continue;
      const { args, ...rest } = tree(object.FuncCall);
      for (const part of everything(args)) if ('ColumnRef' in part) return true;
      open.push(rest);
    }
  return false;
}

function clean(context: Context, value: unknown, countable: boolean): boolean {
  const found = node(value);
  if (found === null) return false;
  const { tag, body } = found;
  if (tag === 'A_Const' || tag === 'ParamRef') return true;
  // Before Postgres 16 a column could be called system_user.
  if (tag === 'SQLValueFunction') return body.op !== 'SVFOP_SYSTEM_USER';
  if (tag === 'TypeCast')
    return clean(context, body.arg, countable) && builtinType(context, tree(body.typeName));
  return tag === 'FuncCall' && (countable || body.agg_star !== true) && cleanCall(context, body);
}

function builtinType(context: Context, type: Tree): boolean {
  const name = names(type.names);
  const all = context.view.typesNamed(name.at(-1) ?? '');
  return all.length > 0 && all.every(t => t.system);
}

function cleanCall(context: Context, body: Tree): boolean {
  const plain = Object.keys(body).every(key =>
    ['funcname', 'agg_star', 'funcformat', 'location'].includes(key),
  );
  if (!plain) return false;
  const name = names(body.funcname);
  const last = name.at(-1) ?? '';
  const star = body.agg_star === true;
  if (star ? last !== 'count' : !NO_ARGUMENTS.has(last)) return false;
  const found = findFunctions(
    context.view,
    name.length > 1 ? (name.at(-2) ?? '') : null,
    last,
    context.path,
    { count: 0, named: false },
  );
  return found.length > 0 && found.every(f => f.system);
}
