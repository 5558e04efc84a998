import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { ancestors, descendants, label } from './query.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

/** Where these commands name the relation that they make. All others name what is there. */
const MADE: ReadonlyMap<string, (body: Tree) => unknown> = new Map([
  ['CreateStmt', (body: Tree) => body.relation],
  ['CreateForeignTableStmt', (body: Tree) => tree(body.base).relation],
  ['CreateSeqStmt', (body: Tree) => body.sequence],
  ['CompositeTypeStmt', (body: Tree) => body.typevar],
]);

const RELATION = /^OBJECT_(TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE|INDEX)$/;
/** What belongs to a relation: the last of its words is its own. */
const PART = /^OBJECT_(COLUMN|TRIGGER|RULE|POLICY|TABCONSTRAINT)$/;

/** Every relation that a command of the catalog names counts as written. */
export function actedOn(context: Context, tag: string, body: Tree): void {
  const made = MADE.get(tag)?.(body);
  for (const object of everything(body)) {
    if (typeof object.relname !== 'string') continue;
    if (object === made) makes(context, object);
    else actsOn(context, object);
  }
  const kind = text(body.removeType ?? body.objtype);
  const objects = tag === 'CommentStmt' || tag === 'SecLabelStmt' ? [body.object] : list(body.objects);
  if (RELATION.test(kind) || PART.test(kind))
    for (const item of objects) {
      const words = names(tree(is(item, 'List') ?? {}).items).slice(0, PART.test(kind) ? -1 : undefined);
      if (words.length > 0) actsOn(context, { relname: words.at(-1), schemaname: words.at(-2) });
    }
  else if (tag === 'DropStmt' && body.behavior === 'DROP_CASCADE')
    context.facts.cannotTell('what depends on what is dropped goes with it');
  if (tag === 'DropOwnedStmt' || tag === 'ReassignOwnedStmt' || tag === 'AlterTableMoveAllStmt')
    context.facts.cannotTell('which relations it is about cannot be told from the text');
  if (tag === 'RenameStmt' && text(body.renameType) === 'OBJECT_SCHEMA')
    context.facts.cannotTell('everything in the schema gets another name');
}

/** A relation that is there, with what inherits from it; where there is none, the name that it would have. */
function actsOn(context: Context, rel: Tree): void {
  const { facts, path, view } = context;
  const found = findRelations(view, text(rel.schemaname) || null, text(rel.relname), path);
  if (found.length === 0 || text(rel.schemaname) !== '') makes(context, rel);
  for (const relation of found) {
    facts.writes.add(label(relation));
    if (relation.partition)
      for (const parent of ancestors(context, relation)) facts.writes.add(label(parent));
    for (const child of descendants(context, relation))
      (child.partition ? facts.within : facts).writes.add(label(child));
  }
}

/**
 * A relation that need not be there yet. It is made in the first schema of the path that exists and that the session may use: where that
 * cannot be told, the name counts in the next one, too.
 */
export function makes(context: Context, rel: Tree): void {
  const { facts, path, view } = context;
  const name = text(rel.relname);
  const schema = text(rel.schemaname) || (rel.relpersistence === 't' ? 'pg_temp' : '');
  if (schema !== '') {
    facts.writes.add(`${schema}.${name}`);
    return;
  }
  if (path === null) {
    facts.writes.add(`?.${name}`);
    facts.cannotTell(`where ${name} is made depends on a search_path that is not known`);
    return;
  }
  const there = path.filter(
    one => one !== 'pg_catalog' && (view.schemas.size === 0 || view.schemas.has(one)),
  );
  const first = there.findIndex(one => view.schemas.get(one));
  const open = there.slice(0, first < 0 ? there.length : first + 1);
  for (const one of open.length > 0 ? open : ['?']) facts.writes.add(`${one}.${name}`);
}
