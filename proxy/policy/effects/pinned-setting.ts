import type { Context, PinnedSetting } from './context.ts';
import { columnOf, onlyRelation, plainEquality } from './keyed.ts';
import { type Argument, argument, COMPUTED, textPlace } from './literal.ts';
import { is, list, names, node, text, tree } from './tree.ts';

/**
 * The setting that each row of a SELECT from pg_settings is about: WHERE compares `name` with a constant, and with nothing else joined
 * every row has that name once WHERE has let it through. pg_dump sets a setting so where an older server may lack it. Null where the
 * name cannot be told. Holds for the target list alone: a function in WHERE may see a row before the comparison does.
 */
export function pinnedSetting(context: Context, from: unknown, where: unknown): PinnedSetting | null {
  const relation = onlyRelation(context, list(from));
  if (relation?.system !== true || relation.schema !== 'pg_catalog' || relation.name !== 'pg_settings')
    return null;
  const alias = text(tree(tree(is(list(from)[0], 'RangeVar')).alias).aliasname) || relation.name;
  const compared: unknown[] = [];
  for (const part of conjuncts(where)) {
    const body = is(part, 'A_Expr');
    if (body === null || body.kind !== 'AEXPR_OP' || names(body.name).at(-1) !== '=') continue;
    if (columnOf(relation, alias, body.lexpr) !== 'name' || !plainEquality(context, relation, 'name'))
      continue;
    textPlace(context, body.rexpr);
    compared.push(body.rexpr);
  }
  return compared.length === 0 ? null : { relation, alias, names: compared };
}

/** The setting that an argument names, where it is the column that the query around it pins. */
export function settingOf(context: Context, value: unknown): Argument {
  const { pinned } = context;
  if (pinned === null || columnOf(pinned.relation, pinned.alias, value) !== 'name') return COMPUTED;
  for (const name of pinned.names) {
    const known = argument(context, name);
    if (known.kind !== 'computed') return known;
  }
  return COMPUTED;
}

function conjuncts(where: unknown): unknown[] {
  const found = node(where);
  if (found?.tag !== 'BoolExpr' || found.body.boolop !== 'AND_EXPR') return [where];
  return list(found.body.args).flatMap(conjuncts);
}
