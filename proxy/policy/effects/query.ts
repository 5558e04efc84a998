import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { COUNTED, counts, givesSet, sizes, sizesTable } from './counted.ts';
import { equality, operator, walk, walkTagged } from './expression.ts';
import { isKeyed } from './keyed.ts';
import { findRelations } from './names.ts';
import { pinnedSetting } from './pinned-setting.ts';
import { Scope } from './scope.ts';
import { everything, list, names, node, present, type Tree, text, tree } from './tree.ts';

const SELECT_FIELDS = new Set([
  'distinctClause',
  'intoClause',
  'targetList',
  'fromClause',
  'whereClause',
  'groupClause',
  'groupDistinct',
  'havingClause',
  'windowClause',
  'valuesLists',
  'sortClause',
  'limitOffset',
  'limitCount',
  'limitOption',
  'lockingClause',
  'withClause',
  'op',
  'all',
  'larg',
  'rarg',
]);

/** Clauses that compare or convert what they are given, whatever it is. */
const MEETING = ['distinctClause', 'whereClause', 'groupClause', 'havingClause', 'limitCount', 'limitOffset'];

/** A SELECT, VALUES, TABLE or set operation at any depth. */
export function walkQuery(context: Context, body: Tree): void {
  const { facts } = context;
  for (const field of Object.keys(body))
    if (!SELECT_FIELDS.has(field)) facts.cannotTell(`SelectStmt.${field} is not a syntax that is understood`);
  if (MEETING.some(field => present(body[field]))) context.computes = true;
  const close = openWith(context, tree(body.withClause));
  if (present(body.intoClause)) context.judge.grammar.into(context, body);
  if (present(body.larg) || present(body.rarg)) {
    walkQuery(context, tree(body.larg));
    walkQuery(context, tree(body.rarg));
    operator(context, ['='], true);
  }
  const scope = new Scope();
  context.scopes.push(scope);
  const { pinned } = context;
  context.pinned = null;
  for (const item of list(body.fromClause)) fromItem(context, item, scope);
  if (!isKeyed(context, body.fromClause, body.whereClause)) facts.keyed = false;
  context.pinned = pinnedSetting(context, body.fromClause, body.whereClause);
  walk(context, body.targetList);
  if (sizesRows(context, body.targetList)) facts.refuse(COUNTED);
  context.pinned = null;
  for (const field of [
    'whereClause',
    'groupClause',
    'havingClause',
    'valuesLists',
    'sortClause',
    'limitOffset',
    'limitCount',
  ])
    walk(context, body[field]);
  if (counts(context, [body.limitCount, body.limitOffset])) facts.refuse(COUNTED);
  for (const item of list(body.distinctClause)) if (present(item)) walk(context, item);
  for (const item of list(body.windowClause)) walk(context, item);
  context.pinned = pinned;
  context.scopes.pop();
  if (list(body.lockingClause).length > 0) facts.does('lock');
  close();
}

/** A function that gives a set makes rows as an output, too. */
function sizesRows(context: Context, targets: unknown): boolean {
  if (!context.facts.protected) return false;
  const gives = ({ FuncCall }: Tree) => givesSet(context, tree(FuncCall));
  const { sized } = context;
  const queries: object[] = [];
  for (const object of everything(targets, part => gives(part) || sized.has(tree(part.SelectStmt)))) {
    if (gives(object) && sizes(context, object)) return true;
    const { SelectStmt } = object;
    if (SelectStmt !== undefined && tree(SelectStmt) === SelectStmt) queries.push(SelectStmt);
  }
  // Not for each query that stands around them once more.
  for (const query of queries) sized.add(query);
  return false;
}

/** Puts the CTEs of a WITH in scope, in the order in which Postgres sees them; the function given back takes them out again. */
export function openWith(context: Context, clause: Tree): () => void {
  const ctes = list(clause.ctes);
  if (ctes.length === 0) return () => {};
  const scope = new Set<string>();
  const bodies = ctes.map(item => {
    const found = node(item);
    if (found?.tag !== 'CommonTableExpr') {
      context.facts.cannotTell('a WITH item is not a syntax that is understood');
      return { name: '', cte: tree(null) };
    }
    return { name: text(found.body.ctename), cte: found.body };
  });
  const recursive = clause.recursive === true;
  context.ctes.push(scope);
  if (recursive) for (const { name } of bodies) scope.add(name);
  for (const { name, cte } of bodies) {
    walk(context, cte.ctequery);
    if (present(cte.search_clause)) walkTagged(context, 'CTESearchClause', tree(cte.search_clause));
    if (present(cte.cycle_clause)) {
      walkTagged(context, 'CTECycleClause', tree(cte.cycle_clause));
      operator(context, ['<>'], true);
    }
    scope.add(name);
  }
  return () => {
    context.ctes.pop();
  };
}

/** One item of a FROM clause; its aliases go into `scope`. */
export function fromItem(context: Context, item: unknown, scope: Scope): void {
  const { facts } = context;
  const found = node(item);
  if (found === null) {
    facts.cannotTell('a FROM item is not a syntax that is understood');
    return;
  }
  const { tag, body } = found;
  const alias = text(tree(body.alias).aliasname);
  if (alias !== '' && tag !== 'RangeVar') scope.set(alias, null);
  switch (tag) {
    case 'RangeVar':
      rangeVar(context, body, scope);
      return;
    case 'JoinExpr':
      for (const column of names(body.usingClause)) context.mentioned.add(column);
      if (body.isNatural === true) context.mentioned.add('*');
      fromItem(context, body.larg, scope);
      fromItem(context, body.rarg, scope);
      if (present(body.quals)) context.computes = true;
      walk(context, body.quals);
      if (body.isNatural === true || list(body.usingClause).length > 0) equality(context);
      return;
    case 'RangeSubselect':
      walk(context, body.subquery);
      return;
    case 'RangeFunction':
      rangeFunction(context, body, scope, alias);
      return;
    case 'RangeTableSample': {
      fromItem(context, body.relation, scope);
      walk(context, body.args);
      walk(context, body.repeatable);
      if (counts(context, [body.args, body.repeatable])) facts.refuse(COUNTED);
      const method = names(body.method).at(-1) ?? '';
      if (method !== 'bernoulli' && method !== 'system')
        facts.cannotTell(`sampling method ${method} is not understood`);
      const own = context.view.functionsNamed(method).some(f => !f.system && f.inputs.length === 1);
      if (own) facts.cannotTell(`sampling method ${method} is not Postgres's own`);
      return;
    }
    case 'RangeTableFunc':
    case 'JsonTable':
      walkTagged(context, tag, body);
      if (sizes(context, body) || sizesTable(context, body)) facts.refuse(COUNTED);
      return;
    default:
      facts.cannotTell(`${tag} in FROM is not a syntax that is understood`);
  }
}

function rangeFunction(context: Context, body: Tree, scope: Scope, alias: string): void {
  for (const item of list(body.functions)) {
    // A pair: the call, and its column definitions (or an empty object).
    const pair = list(tree(tree(item).List).items);
    const called = node(pair[0]);
    // In FROM, unnest of several arrays stands for one unnest of each (transformRangeFunction).
    if (called?.tag === 'FuncCall' && names(called.body.funcname).at(-1) === 'unnest')
      for (const arg of list(called.body.args)) walk(context, { FuncCall: { ...called.body, args: [arg] } });
    else walk(context, pair[0]);
    if (sizes(context, pair[0])) context.facts.refuse(COUNTED);
    walk(context, pair[1]);
    if (alias === '' && called?.tag === 'FuncCall') scope.set(names(called.body.funcname).at(-1) ?? '', null);
  }
  walk(context, body.coldeflist);
}

/** Relations that a RangeVar may name; none and no fact when it is a CTE; an unknown when the catalog has none. */
export function resolve(context: Context, body: Tree): readonly CatalogRelation[] {
  const name = text(body.relname);
  const schema = text(body.schemaname) || null;
  const found = findRelations(context.view, schema, name, context.path);
  const written = schema === null ? name : `${schema}.${name}`;
  if (found.length === 0) {
    context.facts.misses(`relation ${written} is not in the catalog`);
    if (schema !== null || !context.facts.lenient) context.facts.reads.add(written);
  } else if (schema === null && context.path === null && found.length > 1) {
    context.facts.cannotTell(`which relation ${written} names depends on a search_path that is not known`);
  }
  if (context.itself && found.length === 1) context.facts.takes.add(label(found[0]!));
  return found;
}

function rangeVar(context: Context, body: Tree, scope: Scope): void {
  const name = text(body.relname);
  const alias = tree(body.alias);
  const known = text(alias.aliasname) || name;
  if (text(body.schemaname) === '' && context.ctes.some(s => s.has(name))) {
    scope.set(known, null);
    return;
  }
  const found = resolve(context, body);
  const renamed = list(alias.colnames).length > 0;
  scope.set(known, found.length === 1 && !renamed ? (found[0]?.columns ?? null) : null);
  if (renamed) context.mentioned.add('*');
  for (const relation of found) readRelation(context, relation, known);
}

/** Reading a relation: what it is made of, what its policies and expressions call, and the types of its columns. */
export function readRelation(context: Context, relation: CatalogRelation, alias: string): void {
  const { facts, judge } = context;
  facts.reads.add(label(relation));
  if (relation.partition) for (const parent of ancestors(context, relation)) facts.reads.add(label(parent));
  if (relation.reachesProtected) {
    facts.protected = true;
    context.exposed.add(relation);
  }
  context.rows.push({ relation, alias });
  facts.absorb(judge.relationFacts(relation, context.callPath));
  for (const child of descendants(context, relation)) {
    (child.partition ? facts.within : facts).reads.add(label(child));
    facts.absorb(judge.relationFacts(child, context.callPath));
  }
  if (relation.kind === 'f' || descendants(context, relation).some(child => child.kind === 'f')) {
    facts.outside = true;
    facts.readOnly = false;
  }
  if (!'rvmpSft'.includes(relation.kind)) facts.cannotTell(`${label(relation)} is not a table or view`);
}

export function label(relation: CatalogRelation): string {
  return `${relation.schema}.${relation.name}`;
}

export function ancestors(context: Context, relation: CatalogRelation): CatalogRelation[] {
  return reach(context, relation, r => r.parents);
}

export function descendants(context: Context, relation: CatalogRelation): CatalogRelation[] {
  return reach(context, relation, r => r.children);
}

function reach(
  context: Context,
  start: CatalogRelation,
  next: (r: CatalogRelation) => readonly number[],
): CatalogRelation[] {
  const seen = new Set<number>([start.oid]);
  const found: CatalogRelation[] = [];
  const open = [...next(start)];
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    const relation = context.view.relation(oid);
    if (relation === undefined) continue;
    found.push(relation);
    open.push(...next(relation));
  }
  return found;
}
