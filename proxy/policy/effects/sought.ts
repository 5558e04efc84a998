import type { Sought } from '#schemas/analysis.ts';
import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { is, list, names, node, type Tree, text, tree } from './tree.ts';

/** What RemoveRelations (tablecmds.c) calls them. */
const DROPPED: ReadonlyMap<string, Sought['as']> = new Map([
  ['OBJECT_TABLE', 'table'],
  ['OBJECT_VIEW', 'view'],
  ['OBJECT_MATVIEW', 'materialized view'],
  ['OBJECT_INDEX', 'index'],
  ['OBJECT_SEQUENCE', 'sequence'],
  ['OBJECT_FOREIGN_TABLE', 'foreign table'],
]);

/** Where a command has the relation that the server looks up before it looks at anything else; not those that it refuses in a transaction block. */
const FIRST: ReadonlyMap<string, (body: Tree) => unknown> = new Map([
  ['AlterTableStmt', (body: Tree) => body.relation],
  ['AlterSeqStmt', (body: Tree) => body.sequence],
  ['AlterObjectSchemaStmt', (body: Tree) => body.relation],
  ['RenameStmt', (body: Tree) => body.relation],
  ['IndexStmt', (body: Tree) => body.relation],
  ['CreateTrigStmt', (body: Tree) => body.relation],
  ['RuleStmt', (body: Tree) => body.relation],
  ['RefreshMatViewStmt', (body: Tree) => body.relation],
  ['TruncateStmt', (body: Tree) => is(list(body.relations)[0], 'RangeVar')],
  [
    'GrantStmt',
    (body: Tree) => (body.targtype === 'ACL_TARGET_OBJECT' ? is(list(body.objects)[0], 'RangeVar') : null),
  ],
  ['CopyStmt', (body: Tree) => ('filename' in body ? null : body.relation)],
]);

/**
 * The relation without which a command of the catalog fails before it does anything, where the catalog has none of that name: it is looked up
 * when the command runs, and whoever approves that has approved nothing.
 */
export function soughtFirst({ view, path }: Context, statement: unknown): { sought?: Sought } {
  const found = node(statement);
  if (found === null || found.body.missing_ok === true || found.body.concurrent === true) return {};
  const { tag, body } = found;
  const dropped = tag === 'DropStmt' ? DROPPED.get(text(body.removeType)) : undefined;
  const words =
    dropped === undefined
      ? wordsOf(tree(FIRST.get(tag)?.(body)))
      : names(tree(is(list(body.objects)[0], 'List') ?? {}).items);
  const [name, schema = null, database] = [...words].reverse();
  if (name === undefined || name === '' || database !== undefined) return {};
  if (findRelations(view, schema, name, path).length > 0) return {};
  return { sought: { schema, name, as: dropped ?? 'relation' } };
}

function wordsOf({ catalogname, schemaname, relname }: Tree): string[] {
  return [catalogname, schemaname, relname].map(text).filter(word => word !== '');
}
