import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findOperators, findRelations } from './names.ts';
import { is, list, names, node, present, type Tree, text, tree } from './tree.ts';

/** For each column that WHERE pins to constants or parameters: how many values it may have. */
type Pins = Map<string, number>;

/** Every row of this level is picked by equality on a whole unique key; true also where no relation is read at all. */
export function isKeyed(context: Context, from: unknown, where: unknown): boolean {
  if (list(from).length === 0) return true;
  return keyedRows(context, list(from), where) !== null;
}

/** The relation that FROM reads when it is a single one, under its own names of columns. */
export function onlyRelation(context: Context, from: readonly unknown[]): CatalogRelation | null {
  if (from.length !== 1) return null;
  const range = is(from[0], 'RangeVar');
  if (range === null || (text(range.schemaname) === '' && context.ctes.some(s => s.has(text(range.relname)))))
    return null;
  const schema = text(range.schemaname) || null;
  const found = findRelations(context.view, schema, text(range.relname), context.path);
  const renamed = list(tree(range.alias).colnames).length > 0;
  return found.length === 1 && !renamed ? (found[0] ?? null) : null;
}

/** How many rows a WHERE on one relation can pick by its unique key; null when it does not pin one, or when there are several relations. */
export function keyedRows(context: Context, from: readonly unknown[], where: unknown): number | null {
  const relation = onlyRelation(context, from);
  const range = is(from[0], 'RangeVar');
  if (relation === null || range === null) return null;
  if (range.inh === true && relation.kind !== 'p' && relation.children.length > 0) return null;
  const pins: Pins = new Map();
  collect(context, relation, text(tree(range.alias).aliasname) || relation.name, where, pins);
  let best: number | null = null;
  for (const key of relation.uniqueKeys) {
    if (key.length === 0 || !key.every(column => pins.has(column))) continue;
    const rows = key.reduce((n, column) => n * (pins.get(column) ?? 1), 1);
    if (best === null || rows < best) best = rows;
  }
  return best;
}

function collect(
  context: Context,
  relation: CatalogRelation,
  alias: string,
  where: unknown,
  pins: Pins,
): void {
  const found = node(where);
  if (found?.tag === 'BoolExpr' && found.body.boolop === 'AND_EXPR') {
    for (const part of list(found.body.args)) collect(context, relation, alias, part, pins);
    return;
  }
  if (found?.tag !== 'A_Expr' || names(found.body.name).at(-1) !== '=') return;
  const { body } = found;
  const column = columnOf(relation, alias, body.lexpr);
  if (column === null && body.kind === 'AEXPR_OP') {
    const other = columnOf(relation, alias, body.rexpr);
    if (other !== null && equalled(body.lexpr) && plainEquality(context, relation, other)) pins.set(other, 1);
    return;
  }
  if (column === null || !plainEquality(context, relation, column)) return;
  const count = valuesOf(text(body.kind), body.rexpr);
  if (count !== null) pins.set(column, Math.min(count, pins.get(column) ?? count));
}

function valuesOf(kind: string, value: unknown): number | null {
  if (kind === 'AEXPR_OP') return equalled(value) ? 1 : null;
  if (kind === 'AEXPR_IN') {
    const items = list(tree(is(value, 'List') ?? {}).items);
    return items.length > 0 && items.every(fixed) ? items.length : null;
  }
  if (kind === 'AEXPR_OP_ANY') {
    const items = list(tree(is(value, 'A_ArrayExpr') ?? {}).elements);
    return items.length > 0 && items.every(fixed) ? items.length : null;
  }
  return null;
}

/** With transform_null_equals `= NULL` means IS NULL, and a unique key has as many of those as it likes. */
function equalled(value: unknown): boolean {
  return fixed(value) && tree(is(value, 'A_Const') ?? {}).isnull !== true;
}

/** A constant or parameter, or a cast or negation of one. */
function fixed(value: unknown): boolean {
  const found = node(value);
  if (found === null) return false;
  if (found.tag === 'A_Const' || found.tag === 'ParamRef') return true;
  if (found.tag === 'TypeCast') return fixed(found.body.arg);
  return (
    found.tag === 'A_Expr' &&
    !present(found.body.lexpr) &&
    names(found.body.name)[0] === '-' &&
    fixed(found.body.rexpr)
  );
}

/** The relation's column that an expression names, and nothing else. */
export function columnOf(relation: CatalogRelation, alias: string, value: unknown): string | null {
  const ref = is(value, 'ColumnRef');
  if (ref === null) return null;
  const fields = names((ref as Tree).fields);
  const column = fields.at(-1) ?? '';
  if (!relation.columns.has(column) || fields.length > 2) return null;
  return fields.length === 1 || fields[0] === alias ? column : null;
}

/** No user-defined `=` takes the column's type on its left: the equality is the one that the key enforces. */
export function plainEquality(context: Context, relation: CatalogRelation, column: string): boolean {
  const type = relation.columns.get(column);
  return !findOperators(context.view, null, '=', context.path, true).some(o => !o.system && o.left === type);
}
