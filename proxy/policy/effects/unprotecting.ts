import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { retypes } from './retyping.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

/**
 * A sentence when a DDL statement would take protected values out of their protection: into a column of another name, or out of a
 * name that the policy knows. Null for all other statements.
 */
export function unprotects(context: Context, tag: string, body: Tree): string | null {
  if (!context.view.hasProtected) return null;
  switch (tag) {
    case 'AlterTableStmt':
      if (retypes(context, body))
        return 'a mask would leave another part of the protected values, once they are of this type';
      return relations(context, body).some(r => alters(context, r, body))
        ? 'the statement would copy a protected column, or cut a part with protected values off its table'
        : null;
    case 'RenameStmt':
      return renames(context, body) ? RENAMED : null;
    case 'AlterObjectSchemaStmt':
      return keepers(context, body).length > 0 ? RENAMED : null;
    case 'AlterExtensionContentsStmt':
      return belongs(context, body) ? RENAMED : null;
    default:
      return null;
  }
}

const RENAMED = 'the policy protects this by its name: name it anew there first';

function relations(context: Context, body: Tree): readonly CatalogRelation[] {
  const range = tree(body.relation);
  const found = findRelations(
    context.view,
    text(range.schemaname) || null,
    text(range.relname),
    context.path,
  );
  return found.filter(r => r.reachesProtected);
}

/** Protected relations that have to keep their names: a view that is not named itself follows what it shows. */
function keepers(context: Context, body: Tree): readonly CatalogRelation[] {
  return relations(context, body).filter(r => !follows(r) || r.named.size > 0);
}

function follows({ kind }: CatalogRelation): boolean {
  return kind === 'v' || kind === 'm';
}

/** What belongs to an extension goes with it into another schema. */
function belongs(context: Context, body: Tree): boolean {
  const words = names(tree(is(body.object, 'List') ?? {}).items);
  const found = findRelations(context.view, words.at(-2) ?? null, words.at(-1) ?? '', context.path);
  return found.some(r => r.reachesProtected);
}

function renames(context: Context, body: Tree): boolean {
  const kind = text(body.renameType);
  if (kind === 'OBJECT_SCHEMA') return context.view.protectedSchemas.has(text(body.subname));
  const column = text(body.subname);
  if (kind === 'OBJECT_COLUMN' || kind === 'OBJECT_ATTRIBUTE')
    return (
      keepers(context, body).some(r => (follows(r) ? r.named : r.masked).has(column)) ||
      typed(context, body, column)
    );
  // ALTER INDEX renames tables, too (RangeVarCallbackForAlterRelation in tablecmds.c).
  return !PARTS.has(kind) && keepers(context, body).length > 0;
}

/** What belongs to a relation that the statement names. */
const PARTS = new Set(['OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE']);

/** With CASCADE an attribute of a type is that of all tables of the type, whichever they are. */
function typed({ view }: Context, { behavior }: Tree, attribute: string): boolean {
  return behavior === 'DROP_CASCADE' && view.guarded.some(r => r.masked.has(attribute));
}

const COPYING = new Set([
  'AT_AlterColumnType',
  'AT_AddColumn',
  'AT_SetExpression',
  'AT_ColumnDefault',
  'AT_AddIdentity',
]);
const CUTTING = new Set(['AT_DetachPartition', 'AT_DropInherit']);

function alters(context: Context, relation: CatalogRelation, body: Tree): boolean {
  return list(body.cmds).some(item => {
    const command = tree(is(item, 'AlterTableCmd') ?? {});
    const subtype = text(command.subtype);
    if (CUTTING.has(subtype)) return true;
    // A child keeps a column that is its own as well, and any where the parent alone loses it.
    if (subtype === 'AT_DropColumn')
      return relation.masked.has(text(command.name)) && relation.children.some(oid => keeps(context, oid));
    // What was computed stays in the column, and nothing shows any more what it was computed from.
    if (subtype === 'AT_DropExpression') return relation.masked.has(text(command.name));
    return COPYING.has(subtype) && mentions(relation, command);
  });
}

function keeps({ view }: Context, child: number): boolean {
  return view.relation(child)?.partition !== true;
}

/** A protected column, a star, or the whole row by the relation's name. */
function mentions(relation: CatalogRelation, value: unknown): boolean {
  for (const object of everything(value)) {
    if (!('ColumnRef' in object)) continue;
    const last = names(tree(object.ColumnRef).fields).at(-1) ?? '';
    if (last === '*' || last === relation.name || relation.masked.has(last)) return true;
  }
  return false;
}
