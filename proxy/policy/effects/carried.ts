import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { rowCalls, SYSTEM_COLUMNS } from './row-calls.ts';
import { everything, is, list, names, node, present, type Tree, text, tree } from './tree.ts';

export interface Carriers {
  /** Whether a reference, as its parts, may stand for a protected value. */
  readonly carries: (fields: readonly string[]) => boolean;
  /** Names that do; others may, which nobody has introduced. */
  readonly names: ReadonlySet<string>;
}

/** No text that people write takes more. */
export const ROUNDS = 20;

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
  const known = new Set<string>(SYSTEM_COLUMNS);
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
    const more = before == null ? found : found.filter(relation => !before.includes(relation));
    if (!plain || before === null) aliases.set(called, null);
    else if (more.length > 0 || before === undefined) aliases.set(called, [...(before ?? []), ...more]);
  }
  for (const { names: introduced } of given) for (const name of introduced) known.add(name);
  if (carried.size === 0 || !mentioned(root, new Set([...carried, ...whole])))
    return { carries: () => false, names: new Set() };
  const rows = rowCalls(context, root);
  const carries: Carriers['carries'] = fields => {
    const last = fields.at(-1) ?? '';
    const qualifier = fields.length > 1 ? (fields.at(-2) ?? '') : null;
    if (last === '*' || last === '') return true;
    if (qualifier !== null && carried.has(qualifier)) return true;
    const relations = qualifier === null ? null : aliases.get(qualifier);
    const near = relations?.some(r => r.reachesProtected) ?? true;
    if (qualifier !== null && near && rows.calls(qualifier, last)) return true;
    if (relations) return relations.some(r => r.masked.has(last)) || !known.has(last);
    return carried.has(last) || !known.has(last);
  };
  let open = given;
  for (let before = -1, round = 0; open.length !== before; round++) {
    before = open.length;
    // What it says of a part holds for this round: a later name in it may be carried by then, and is found in the next.
    const references = new References({ carries });
    // Most are given from left to right, and some the other way round. Who gives names in a stranger order gets them all masked.
    open = open.toReversed().filter(({ names: introduced, to }) => {
      if (round < ROUNDS && !references.of(to).carried) return true;
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
  const queries: object[] = [];
  for (const object of everything(value, ({ SelectStmt }) => COUNTLESS.has(tree(SelectStmt)))) {
    if (object.agg_star === true || object.subLinkType === 'EXISTS_SUBLINK') return true;
    const { SelectStmt } = object;
    if (SelectStmt !== undefined && tree(SelectStmt) === SelectStmt) queries.push(SelectStmt);
  }
  // Not for each query that stands around them once more.
  for (const query of queries) COUNTLESS.add(query);
  return false;
}

/** Queries that have nothing of that in them. */
const COUNTLESS = new WeakSet<object>();

export interface Refs {
  /** Last parts of all references. */
  readonly names: ReadonlySet<string>;
  /** One of them may stand for a protected value. */
  readonly carried: boolean;
}

const NO_REFS: Refs = { names: new Set(), carried: false };

/** What values are made of, conditions of subqueries only where they decide it; each part of a tree is looked at once. */
export class References {
  private readonly carries: Carriers['carries'];
  private readonly known = new WeakMap<object, Refs>();

  constructor({ carries }: Pick<Carriers, 'carries'>) {
    this.carries = carries;
  }

  of(value: unknown): Refs {
    if (typeof value !== 'object' || value === null) return NO_REFS;
    let refs = this.known.get(value);
    if (refs === undefined) {
      refs = this.find(value);
      this.known.set(value, refs);
    }
    return refs;
  }

  private find(value: object): Refs {
    if (Array.isArray(value)) return this.all(value);
    const { tag, body } = node(value) ?? { tag: '', body: value as Tree };
    if (tag === 'A_Const') return NO_REFS;
    if (tag === 'ColumnRef') {
      const fields = names(body.fields);
      return { names: new Set([fields.at(-1) ?? '']), carried: this.carries(fields) };
    }
    if (tag === 'SubLink' && !counting(body)) return this.all([body.testexpr, outputs(body.subselect)]);
    return this.all(Object.values(body));
  }

  private all(parts: readonly unknown[]): Refs {
    const found = parts.map(part => this.of(part)).filter(refs => refs.names.size > 0);
    if (found.length < 2) return found[0] ?? NO_REFS;
    return {
      names: new Set(found.flatMap(refs => [...refs.names])),
      carried: found.some(refs => refs.carried),
    };
  }
}

/** What a subquery gives: its target lists, and its rows of values. */
export function outputs(query: unknown): unknown[] {
  const select = is(query, 'SelectStmt') ?? tree(query);
  const arms = [select.larg, select.rarg].filter(present).flatMap(outputs);
  return [...arms, ...list(select.valuesLists), ...list(select.targetList)];
}
