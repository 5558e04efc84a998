import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { CHOOSING, writesOnward } from './met-writes.ts';
import { findRelations } from './names.ts';
import { type RowCalls, rowCalls } from './row-calls.ts';
import { otherAssignments } from './same-column.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

const REFUSAL = 'a protected column would be copied into another place, where it is not protected';

interface Sources {
  readonly tainted: readonly CatalogRelation[];
  /** Alias → relation, for aliases that mean one relation only; null where they may mean several things. */
  readonly aliases: ReadonlyMap<string, CatalogRelation | null>;
  readonly columns: ReadonlySet<string>;
  readonly rows: RowCalls;
}

/**
 * A sentence when a writing statement's source expressions may hold a value of a protected column, else null. Conditions and
 * literals are fine; a name that equals a protected column's, a star or a whole row of a relation that has one is not.
 */
export function launders(
  context: Context,
  tag: string,
  body: Tree,
  targets: readonly CatalogRelation[],
): string | null {
  if (!context.view.hasProtected) return null;
  const parts = sourceParts(context, tag, body, targets);
  const withTarget =
    tag === 'UpdateStmt' ||
    tag === 'MergeStmt' ||
    (tag === 'InsertStmt' && list(tree(body.onConflictClause).targetList).length > 0);
  const sources = sourcesOf(
    context,
    [parts, body.withClause],
    withTarget ? targets : [],
    tree(body.relation),
  );
  if (sources.tainted.length === 0) return null;
  if (carries(sources, parts, true) || carries(sources, body.withClause, true)) return REFUSAL;
  return writesOnward(context, tag, body, targets) ? REFUSAL : null;
}

function sourceParts(
  context: Context,
  tag: string,
  body: Tree,
  targets: readonly CatalogRelation[],
): unknown[] {
  switch (tag) {
    case 'InsertStmt':
      return [body.selectStmt, tree(body.onConflictClause).targetList];
    case 'UpdateStmt':
      return [otherAssignments(context, body, targets), body.fromClause];
    case 'MergeStmt':
      return [body.sourceRelation, body.mergeWhenClauses];
    case 'SelectStmt':
      return [{ SelectStmt: { ...body, intoClause: undefined } }];
    default:
      return [];
  }
}

function sourcesOf(
  context: Context,
  parts: readonly unknown[],
  targets: readonly CatalogRelation[],
  target: Tree,
): Sources {
  const tainted = new Set(targets.filter(t => t.reachesProtected));
  const aliases = new Map<string, CatalogRelation | null>();
  const add = (name: string, relation: CatalogRelation | null) => {
    const known = aliases.get(name);
    aliases.set(name, known === undefined || known === relation ? relation : null);
  };
  const targetName = text(tree(target.alias).aliasname) || text(target.relname);
  for (const t of targets) add(targetName, t);
  // CTEs of enclosing statements may be read here: whatever the statement named so far counts too.
  for (const relation of context.exposed) tainted.add(relation);
  for (const object of everything(parts)) {
    if (typeof object.relname === 'string') {
      const range = object;
      const found = findRelations(
        context.view,
        text(range.schemaname) || null,
        text(range.relname),
        context.path,
      );
      const renamed = list(tree(range.alias).colnames).length > 0;
      const name = text(tree(range.alias).aliasname) || text(range.relname);
      add(name, found.length === 1 && !renamed ? (found[0] ?? null) : null);
      for (const relation of found) if (relation.reachesProtected) tainted.add(relation);
    } else if ('returningClause' in object) {
      // Whole rows of what a nested statement changes go by these names, or by those that WITH gives them.
      for (const name of returned(tree(object.returningClause))) add(name, null);
    } else if (typeof object.aliasname === 'string' && !aliases.has(object.aliasname)) {
      aliases.set(object.aliasname, null);
    }
  }
  const all = [...tainted];
  const columns = new Set(all.flatMap(r => [...r.masked]));
  return { tainted: all, aliases, columns, rows: rowCalls(context, parts) };
}

function returned(clause: Tree): string[] {
  const options = list(clause.options).map(item => text(tree(is(item, 'ReturningOption') ?? {}).value));
  return ['old', 'new', ...options.filter(name => name !== '')];
}

/** `choosing`: conditions may be skipped. Inside an expression they may not: EXISTS(…) in a select list tells what it finds. */
function carries(sources: Sources, value: unknown, choosing: boolean): boolean {
  if (Array.isArray(value)) return value.some(item => carries(sources, item, choosing));
  if (typeof value !== 'object' || value === null) return false;
  const object = value as Tree;
  // Not to be looked at: texts that differ in constants alone are judged once.
  if ('A_Const' in object) return false;
  if ('ColumnRef' in object) return columnCarries(sources, names(tree(object.ColumnRef).fields));
  if (typeof object.relname === 'string') {
    // Renamed columns of a protected relation cannot be followed by name.
    const renamed = list(tree(object.alias).colnames).length > 0;
    return renamed && sources.tainted.some(t => t.name === object.relname);
  }
  // So with those of a join, whatever it is made of.
  if ('larg' in object && 'jointype' in object && list(tree(object.alias).colnames).length > 0) return true;
  for (const [key, part] of Object.entries(object)) {
    if (choosing && CHOOSING.has(key)) continue;
    if (key === 'valuesLists' || key === 'val') {
      if (given(key, part).some(value => carries(sources, picked(value) ?? value, choosing))) return true;
    } else if (carries(sources, part, key === 'SubLink' ? false : choosing)) return true;
  }
  return false;
}

/** Each value as it stands in VALUES, in SET or in a select list. */
function given(key: string, part: unknown): readonly unknown[] {
  if (key === 'val') return [part];
  return list(part).flatMap(row => list(tree(is(row, 'List') ?? {}).items));
}

/** `VALUES ((SELECT id FROM users WHERE email = …))` puts down no more than `SELECT id FROM users WHERE email = …` does: a column of the row. */
function picked(value: unknown): unknown {
  const { subLinkType, subselect } = tree(is(value, 'SubLink') ?? {});
  const query = tree(is(subselect, 'SelectStmt') ?? {});
  const targets = list(query.targetList).map(target => tree(tree(target).ResTarget).val);
  const plain =
    subLinkType === 'EXPR_SUBLINK' && targets.length === 1 && is(targets[0], 'ColumnRef') !== null;
  return plain ? subselect : null;
}

function columnCarries(sources: Sources, fields: readonly string[]): boolean {
  const last = fields.at(-1) ?? '';
  const qualifier = fields.length > 1 ? (fields.at(-2) ?? '') : null;
  if (qualifier === 'excluded' && !sources.aliases.has('excluded')) return false;
  if (qualifier !== null) {
    const relation = sources.aliases.get(qualifier);
    if (relation && !relation.reachesProtected) return false;
    return last === '*' || sources.columns.has(last) || sources.rows.calls(qualifier, last);
  }
  if (last === '*' || sources.columns.has(last)) return true;
  // A name alone may be a whole row.
  const relation = sources.aliases.get(last);
  return relation === null || relation?.reachesProtected === true;
}
