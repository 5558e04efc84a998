import type { CatalogRelation, CatalogView } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { type Meetings, meetings } from './meetings.ts';
import { list, names, node, present, type Tree, text, tree } from './tree.ts';

/** Parts that choose rows and give no values. */
export const CHOOSING: ReadonlySet<string> = new Set([
  'whereClause',
  'quals',
  'havingClause',
  'joinCondition',
  'condition',
  'sortClause',
  'groupClause',
  'infer',
  'lockingClause',
  'limitCount',
  'limitOffset',
]);

/**
 * Whether a write puts down what a read would be shown masked because a condition sets it against a protected value: `INSERT INTO t SELECT n
 * FROM numbers WHERE n = (SELECT salary …)` keeps the salary as a number of one's own. Nor may a count be kept that is one.
 */
export function writesOnward(
  context: Context,
  tag: string,
  body: Tree,
  targets: readonly CatalogRelation[],
): boolean {
  const meet = meetings(context);
  if (meet.met.size === 0 && !meet.counted) return false;
  const stays = (column: string, value: unknown) =>
    targets.length > 0 && targets.every(t => t.masked.has(column)) && isAlike(meet, value, column);
  return shows(context.view, meet, [written(tag, body, targets, stays), body.withClause], true);
}

/** `SET email = l.email` where `l.email = c.email`: the same value, protected by the same name. */
function isAlike({ met, alike }: Meetings, value: unknown, column: string): boolean {
  const last = names(tree(tree(value).ColumnRef).fields).at(-1);
  return last === column && (alike.has(column) || !met.has(column));
}

type Stays = (column: string, value: unknown) => boolean;

/** The expressions that a statement writes, and what they come from. */
function written(tag: string, body: Tree, targets: readonly CatalogRelation[], stays: Stays): unknown[] {
  const sets = (items: unknown) =>
    list(items).filter(item => {
      const { name, val } = tree(tree(item).ResTarget);
      return !stays(text(name), val);
    });
  switch (tag) {
    case 'InsertStmt': {
      const columns = columnsOf(body.cols, targets);
      return [inserted(body.selectStmt, columns, stays), sets(tree(body.onConflictClause).targetList)];
    }
    case 'UpdateStmt':
      return [sets(body.targetList), body.fromClause];
    case 'MergeStmt':
      return [
        body.sourceRelation,
        ...list(body.mergeWhenClauses).map(item => {
          const { commandType, targetList, values } = tree(tree(item).MergeWhenClause);
          if (commandType !== 'CMD_INSERT') return sets(targetList);
          const columns = columnsOf(targetList, targets);
          return list(values).filter((value, i) => !stays(columns[i] ?? '', value));
        }),
      ];
    default:
      return [{ SelectStmt: { ...body, intoClause: undefined } }];
  }
}

function columnsOf(items: unknown, targets: readonly CatalogRelation[]): readonly string[] {
  const given = list(items).map(item => text(tree(tree(item).ResTarget).name));
  return given.length > 0 ? given : [...(targets[0]?.columns.keys() ?? [])];
}

/** The query of an INSERT without what goes where it is protected as before. */
function inserted(query: unknown, columns: readonly string[], stays: Stays): unknown {
  const select = tree(tree(query).SelectStmt);
  if (present(select.larg) || list(select.valuesLists).length > 0) return query;
  const targets = list(select.targetList).map(item => tree(tree(item).ResTarget).val);
  if (targets.some(value => names(tree(tree(value).ColumnRef).fields).at(-1) === '*')) return query;
  const rest = list(select.targetList).filter((_, i) => !stays(columns[i] ?? '', targets[i]));
  return { SelectStmt: { ...select, targetList: rest } };
}

/** As `carries` of laundering.ts: conditions may be skipped, but not inside an expression. */
function shows(view: CatalogView, meet: Meetings, value: unknown, choosing: boolean): boolean {
  if (Array.isArray(value)) return value.some(item => shows(view, meet, item, choosing));
  if (typeof value !== 'object' || value === null) return false;
  const { tag, body } = node(value) ?? { tag: '', body: value as Tree };
  if (tag === 'ColumnRef') {
    const last = names(body.fields).at(-1) ?? '';
    return last === '*' || meet.met.has(last);
  }
  if (tag === 'FuncCall' && meet.counted && gathers(view, body)) return true;
  for (const [key, part] of Object.entries(body))
    if (!(choosing && CHOOSING.has(key)) && shows(view, meet, part, choosing && tag !== 'SubLink'))
      return true;
  return false;
}

function gathers(view: CatalogView, called: Tree): boolean {
  const found = view.functionsNamed(names(called.funcname).at(-1) ?? '');
  return found.some(f => f.kind === 'a' || f.kind === 'w');
}
