import type { CatalogRelation } from '../catalog-view.ts';
import { type Context, castTo } from './context.ts';
import { walk } from './expression.ts';
import { findRelations, findTypes } from './names.ts';
import { Scope } from './scope.ts';
import { everything, is, list, names, node, type Tree, text, tree } from './tree.ts';

/** Bodies whose names are no columns of anything here; only what they call and read counts. */
const BODIES = new Set(['CreateFunctionStmt', 'RuleStmt']);

/** What computes, wherever it stands in a definition. */
const COMPUTES =
  /^(FuncCall|SelectStmt|A_Expr|A_Indirection|A_ArrayExpr|TypeCast|SubLink|BoolExpr|NullTest|BooleanTest|CaseExpr|CoalesceExpr|MinMaxExpr|RowExpr|Xml\w+|Json\w+)$/;

/**
 * Walks what a definition computes with: expressions of indexes, checks, policies, statistics and defaults, and what turns a column's
 * values into another type. The server runs most of it over every row, there and then.
 */
export function walkDefined(context: Context, tag: string, body: Tree): void {
  if (BODIES.has(tag)) {
    // What stands in one that is walked is walked with it.
    for (const object of everything(
      body,
      ({ FuncCall, SelectStmt }) => (FuncCall ?? SelectStmt) !== undefined,
    )) {
      const { FuncCall, SelectStmt } = object;
      if (FuncCall !== undefined) walk(context, { FuncCall });
      else if (SelectStmt !== undefined) walk(context, { SelectStmt });
    }
    return;
  }
  const found = relationsOf(context, body);
  const rows = found.map(relation => ({ relation, alias: relation.name }));
  const scope = new Scope();
  for (const relation of found) scope.set(relation.name, relation.columns);
  context.scopes.push(scope);
  context.rows.push(...rows);
  computing(context, body);
  if (tag === 'AlterTableStmt')
    for (const command of list(body.cmds)) types(context, tree(is(command, 'AlterTableCmd') ?? {}));
  context.scopes.pop();
}

function relationsOf(context: Context, body: Tree): CatalogRelation[] {
  const found: CatalogRelation[] = [];
  for (const object of everything(body))
    if (typeof object.relname === 'string')
      found.push(
        ...findRelations(context.view, text(object.schemaname) || null, text(object.relname), context.path),
      );
  return found;
}

function computing(context: Context, value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) computing(context, item);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const found = node(value);
  if (found !== null && COMPUTES.test(found.tag)) walk(context, value);
  else for (const part of Object.values(value)) computing(context, part);
}

/** A new type of a column: its values are cast to it, by USING or as an assignment would, and its checks run for every row. */
function types(context: Context, command: Tree): void {
  const subtype = text(command.subtype);
  const definition = is(command.def, 'ColumnDef');
  if (definition === null) return;
  const type = tree(definition.typeName);
  if (subtype === 'AT_AlterColumnType') {
    const column = { ColumnRef: { fields: [{ String: { sval: text(command.name) } }] } };
    walk(context, { TypeCast: { arg: definition.raw_default ?? column, typeName: type } });
  } else if (subtype === 'AT_AddColumn') {
    const words = names(type.names);
    const schema = words.length > 1 ? (words.at(-2) ?? '') : null;
    for (const t of findTypes(context.view, schema, words.at(-1) ?? '', context.path)) castTo(context, t.oid);
  }
}
