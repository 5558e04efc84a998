import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findFunctions, findRelations } from './names.ts';
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

/** Every relation that a command of the catalog names counts as written, and every function as one that it is about. */
export function actedOn(context: Context, tag: string, body: Tree): void {
  const made = MADE.get(tag)?.(body);
  const cascade = [body, ...list(body.cmds).map(cmd => tree(is(cmd, 'AlterTableCmd') ?? {}))].some(
    ({ behavior }) => behavior === 'DROP_CASCADE',
  );
  for (const object of everything(body)) {
    if ('objname' in object) functionNamed(context, names(object.objname));
    if (typeof object.relname !== 'string') continue;
    if (object === made) makes(context, object);
    else actsOn(context, object, cascade);
  }
  if (tag === 'CreateFunctionStmt') functionMade(context, names(body.funcname));
  if (tag === 'DefineStmt' && body.kind === 'OBJECT_AGGREGATE') functionMade(context, names(body.defnames));
  const kind = text(body.removeType ?? body.objtype);
  const objects = tag === 'CommentStmt' || tag === 'SecLabelStmt' ? [body.object] : list(body.objects);
  if (RELATION.test(kind) || PART.test(kind))
    for (const item of objects) {
      const words = names(tree(is(item, 'List') ?? {}).items).slice(0, PART.test(kind) ? -1 : undefined);
      if (words.length > 0) actsOn(context, { relname: words.at(-1), schemaname: words.at(-2) }, cascade);
    }
  else if (tag === 'DropStmt' && body.behavior === 'DROP_CASCADE')
    context.facts.cannotTell('what depends on what is dropped goes with it');
  if (tag === 'DropOwnedStmt' || tag === 'ReassignOwnedStmt' || tag === 'AlterTableMoveAllStmt')
    context.facts.cannotTell('which relations it is about cannot be told from the text');
  if (tag === 'RenameStmt' && text(body.renameType) === 'OBJECT_SCHEMA')
    context.facts.cannotTell('everything in the schema gets another name');
}

/**
 * A relation that is there, with what inherits from it; where there is none, the name that it would have. With CASCADE, what refers to it may
 * lose its foreign key.
 */
function actsOn(context: Context, rel: Tree, cascade: boolean): void {
  const { facts, path, view } = context;
  const found = findRelations(view, text(rel.schemaname) || null, text(rel.relname), path);
  if (found.length === 0 || text(rel.schemaname) !== '') makes(context, rel);
  for (const relation of found) {
    facts.writes.add(label(relation));
    if (relation.partition)
      for (const parent of ancestors(context, relation)) facts.writes.add(label(parent));
    const children = descendants(context, relation);
    for (const child of children) changes(context, child);
    if (!cascade) continue;
    for (const { referencing } of [relation, ...children])
      for (const other of referencing.map(oid => view.relation(oid)))
        if (other !== undefined) changes(context, other);
  }
}

/** A partition is one that the statement reaches by its parent's name. */
function changes({ facts }: Context, relation: CatalogRelation): void {
  (relation.partition ? facts.within : facts).writes.add(label(relation));
}

/** Whatever has this name, as arguments may be left out: an operator's name is no function's. */
function functionNamed({ facts, path, view }: Context, words: readonly string[]): void {
  const schema = words.at(-2) ?? null;
  const name = words.at(-1) ?? '';
  if (schema !== null) facts.within.functions.add(`${schema}.${name}`);
  const any = { count: null, named: true };
  for (const found of findFunctions(view, schema, name, path, any))
    facts.within.functions.add(`${found.schema}.${found.name}`);
}

/** Made, or put in the place of one that is there. */
function functionMade(context: Context, words: readonly string[]): void {
  for (const place of places(context, words.at(-2) ?? '', words.at(-1) ?? ''))
    context.facts.within.functions.add(place);
}

/** A relation that need not be there yet. */
export function makes(context: Context, rel: Tree): void {
  const schema = text(rel.schemaname) || (rel.relpersistence === 't' ? 'pg_temp' : '');
  for (const place of places(context, schema, text(rel.relname))) context.facts.writes.add(place);
}

/**
 * What is made gets its place in the first schema of the path that exists and that the session may use: where that cannot be told, the
 * name counts in the next one, too.
 */
function places({ facts, path, view }: Context, schema: string, name: string): string[] {
  if (schema !== '') return [`${schema}.${name}`];
  if (path === null) {
    facts.cannotTell(`where ${name} is made depends on a search_path that is not known`);
    return [`?.${name}`];
  }
  const there = path.filter(
    one => one !== 'pg_catalog' && (view.schemas.size === 0 || view.schemas.has(one)),
  );
  const first = there.findIndex(one => view.schemas.get(one));
  const open = there.slice(0, first < 0 ? there.length : first + 1);
  return (open.length > 0 ? open : ['?']).map(one => `${one}.${name}`);
}
