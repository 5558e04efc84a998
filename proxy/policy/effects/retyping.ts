import type { CatalogRelation, CatalogType, CatalogView } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findRelations, findTypes } from './names.ts';
import { is, list, names, present, type Tree, text, tree } from './tree.ts';

/**
 * Whether ALTER TABLE, or ALTER TYPE for the tables of a type, makes of protected values others that their mask shows another part of: a cast of
 * users' own, or a type whose text is cut, longer, or none that the mask was chosen for (a date as text ends in its day, or in its year).
 */
export function retypes(context: Context, body: Tree): boolean {
  return list(body.cmds).some(item => {
    const command = tree(is(item, 'AlterTableCmd') ?? {});
    if (command.subtype !== 'AT_AlterColumnType') return false;
    const column = text(command.name);
    return altered(context, body, command).some(
      r => r.masked.has(column) && otherwise(context, r, column, command),
    );
  });
}

/** With CASCADE an attribute of a type is that of all tables of the type, whichever they are. */
function altered({ view, path }: Context, body: Tree, command: Tree): readonly CatalogRelation[] {
  if (body.objtype === 'OBJECT_TYPE') return command.behavior === 'DROP_CASCADE' ? view.guarded : [];
  const range = tree(body.relation);
  return findRelations(view, text(range.schemaname) || null, text(range.relname), path);
}

function otherwise(
  { view, path }: Context,
  relation: CatalogRelation,
  column: string,
  command: Tree,
): boolean {
  const before = view.type(relation.columns.get(column) ?? 0);
  const name = tree(tree(is(command.def, 'ColumnDef') ?? {}).typeName);
  const words = names(name.names);
  const found = findTypes(view, words.length > 1 ? (words.at(-2) ?? '') : null, words.at(-1) ?? '', path);
  if (found.some(type => recast(view, before, type))) return true;
  // An array is shown as NULL.
  if (!relation.partly.has(column) || (present(name.arrayBounds) && list(name.arrayBounds).length > 0))
    return false;
  return (
    found.length === 0 || found.some(type => shown(view, type) && !(same(view, before) && same(view, type)))
  );
}

/** A cast of users' own may make anything of a value. */
function recast(view: CatalogView, before: CatalogType | undefined, type: CatalogType): boolean {
  const sources = [before?.oid ?? 0, ...(before?.parts ?? [])];
  return [type, ...type.parts.map(part => view.type(part))].some(target =>
    target?.casts.some(
      ({ source, function: called }) =>
        sources.includes(source) && (view.functionOf(called)?.extension ?? '') === '',
    ),
  );
}

/** name, text, unknown, character and character varying, json and jsonb: what masks other than `null` are for. */
const SHOWN = new Set([19, 25, 705, 1042, 1043, 114, 3802]);
/** Of these, those whose values keep their text from one to the other, but for blanks at the end. */
const SAME = new Set([25, 1042, 1043]);

function shown(view: CatalogView, type: CatalogType | undefined): boolean {
  if (type?.kind === 'd') return type.parts.some(part => shown(view, view.type(part)));
  return type === undefined || SHOWN.has(type.oid);
}

function same(view: CatalogView, type: CatalogType | undefined): boolean {
  if (type?.kind === 'd') return type.parts.every(part => same(view, view.type(part)));
  // A base type takes a superuser: this one is the extension's.
  return type !== undefined && (SAME.has(type.oid) || (type.kind === 'b' && type.name === 'citext'));
}
