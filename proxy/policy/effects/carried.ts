import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { everything, is, list, names, node, present, type Tree, text, tree } from './tree.ts';

export interface Carriers {
  /** Whether a reference, as its parts, may stand for a protected value. */
  readonly carries: (fields: readonly string[]) => boolean;
  /** Names that do; others may, which nobody has introduced. */
  readonly names: ReadonlySet<string>;
}

/** Every table has them, and they hold nothing of a row. */
const SYSTEM = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'];

/** Names that the text gives, and what they are given to. */
interface Given {
  readonly names: readonly string[];
  readonly to: unknown;
}

/**
 * Which names of a statement may stand for protected values: protected columns, what subqueries, CTEs and lists of column names make of
 * them, and names that nobody has introduced. Scopes are not followed: a name that does so anywhere does so everywhere, unless its alias
 * says which table it is of.
 */
export function carriersOf(context: Context, otherwise?: unknown): Carriers {
  if (context.root === null) return find(context, otherwise);
  context.carriers ??= find(context, context.root);
  return context.carriers;
}

function find(context: Context, root: unknown): Carriers {
  const known = new Set<string>(SYSTEM);
  const carried = new Set<string>();
  const aliases = new Map<string, readonly CatalogRelation[] | null>();
  const ctes = new Set<string>();
  for (const object of everything(root)) if (typeof object.ctename === 'string') ctes.add(object.ctename);
  const given: Given[] = [];
  const whole = new Set<string>();
  for (const object of everything(root)) {
    given.push(...givenBy(object));
    if (typeof object.relname !== 'string') continue;
    const alias = tree(object.alias);
    const called = text(alias.aliasname) || object.relname;
    const cte = text(object.schemaname) === '' && ctes.has(object.relname);
    const found = cte
      ? []
      : findRelations(context.view, text(object.schemaname) || null, object.relname, context.path);
    for (const relation of found) {
      for (const column of relation.columns.keys()) known.add(column);
      for (const column of relation.masked) carried.add(column);
    }
    if (found.some(r => r.masked.size > 0)) whole.add(called);
    const renamed = names(alias.colnames);
    if (cte || found.some(r => r.masked.size > 0)) for (const name of renamed) carried.add(name);
    for (const name of renamed) known.add(name);
    const plain = !cte && renamed.length === 0;
    const before = aliases.get(called);
    aliases.set(called, !plain || before === null ? null : [...(before ?? []), ...found]);
  }
  for (const { names: introduced } of given) for (const name of introduced) known.add(name);
  if (carried.size === 0 || !mentioned(root, new Set([...carried, ...whole])))
    return { carries: () => false, names: new Set() };
  const carries: Carriers['carries'] = fields => {
    const last = fields.at(-1) ?? '';
    const qualifier = fields.length > 1 ? (fields.at(-2) ?? '') : null;
    if (last === '*' || last === '') return true;
    if (qualifier !== null && carried.has(qualifier)) return true;
    const relations = qualifier === null ? null : aliases.get(qualifier);
    if (relations) return relations.some(r => r.masked.has(last)) || !known.has(last);
    return carried.has(last) || !known.has(last);
  };
  for (let open = given, before = -1; open.length !== before; ) {
    before = open.length;
    open = open.filter(({ names: introduced, to }) => {
      if (!refsOf({ carries }, to).carried) return true;
      for (const name of introduced) {
        carried.add(name);
        // Not the alias of a table any more, where it was one, too.
        aliases.set(name, null);
      }
      return false;
    });
  }
  return { carries, names: carried };
}

/** Whether any of these names, or a star, stands anywhere but in FROM. */
function mentioned(root: unknown, some: ReadonlySet<string>): boolean {
  for (const object of everything(root))
    if ('A_Star' in object || some.has(text(tree(object.String).sval)) || object.isNatural === true)
      return true;
  return false;
}

function givenBy(object: Tree): Given[] {
  const found: Given[] = [];
  for (const target of [...list(object.targetList), ...list(tree(object.returningClause).exprs)]) {
    const { name, val } = tree(is(target, 'ResTarget') ?? {});
    if (typeof name === 'string' && present(val))
      found.push({ names: [name], to: counting(val) ? object : val });
  }
  if (typeof object.ctename === 'string')
    found.push({ names: names(object.aliascolnames), to: object.ctequery });
  const alias = tree(object.alias);
  if (typeof object.relname === 'string' || !present(alias)) return found;
  const columns = names(alias.colnames);
  const { functions } = object;
  // What a function gives has names that no text shows.
  if (functions !== undefined) found.push({ names: [text(alias.aliasname), ...columns], to: functions });
  else if (columns.length > 0) found.push({ names: columns, to: object });
  return found;
}

/** count(*) and EXISTS name no column, and tell of the rows that there are. */
function counting(value: unknown): boolean {
  for (const object of everything(value))
    if (object.agg_star === true || object.subLinkType === 'EXISTS_SUBLINK') return true;
  return false;
}

export interface Refs {
  /** Last parts of all references. */
  readonly names: Set<string>;
  carried: boolean;
}

/** What a value is made of; conditions of subqueries only where they decide it. */
export function refsOf({ carries }: Pick<Carriers, 'carries'>, value: unknown): Refs {
  const refs: Refs = { names: new Set(), carried: false };
  collect(carries, value, refs);
  return refs;
}

function collect(carries: Carriers['carries'], value: unknown, refs: Refs): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(carries, item, refs);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const found = node(value);
  const { tag, body } = found ?? { tag: '', body: value as Tree };
  if (tag === 'ColumnRef') {
    const fields = names(body.fields);
    refs.names.add(fields.at(-1) ?? '');
    refs.carried ||= carries(fields);
    return;
  }
  if (tag === 'A_Const') return;
  if (tag === 'SubLink' && !counting(body)) {
    collect(carries, [body.testexpr, outputs(body.subselect)], refs);
    return;
  }
  for (const part of Object.values(body)) collect(carries, part, refs);
}

/** What a subquery gives: its target lists, and its rows of values. */
export function outputs(query: unknown): unknown[] {
  const select = is(query, 'SelectStmt') ?? tree(query);
  const arms = [select.larg, select.rarg].filter(present).flatMap(outputs);
  return [...arms, ...list(select.valuesLists), ...list(select.targetList)];
}
