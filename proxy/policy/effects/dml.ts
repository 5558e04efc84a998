import type { CommandClass } from '#schemas/effects.ts';
import type { CatalogRelation } from '../catalog-view.ts';
import { pathAs } from '../search-path.ts';
import { comesToBe } from './about.ts';
import { makes } from './acted.ts';
import { type Context, castTo, involveRow } from './context.ts';
import { walk } from './expression.ts';
import type { Facts } from './facts.ts';
import { isKeyed } from './keyed.ts';
import { launders } from './laundering.ts';
import { ancestors, descendants, fromItem, label, openWith, readRelation, resolve } from './query.ts';
import { estimate } from './rows.ts';
import { Scope } from './scope.ts';
import { is, list, node, present, type Tree, text, tree } from './tree.ts';

export type WriteKind = 'insert' | 'update' | 'delete' | 'truncate';

const FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'InsertStmt',
    new Set([
      'relation',
      'cols',
      'selectStmt',
      'onConflictClause',
      'returningClause',
      'withClause',
      'override',
    ]),
  ],
  [
    'UpdateStmt',
    new Set(['relation', 'targetList', 'whereClause', 'fromClause', 'returningClause', 'withClause']),
  ],
  ['DeleteStmt', new Set(['relation', 'usingClause', 'whereClause', 'returningClause', 'withClause'])],
  [
    'MergeStmt',
    new Set([
      'relation',
      'sourceRelation',
      'joinCondition',
      'mergeWhenClauses',
      'returningClause',
      'withClause',
    ]),
  ],
]);

const CLASS: ReadonlyMap<string, CommandClass> = new Map([
  ['InsertStmt', 'insert'],
  ['UpdateStmt', 'update'],
  ['DeleteStmt', 'delete'],
  ['MergeStmt', 'merge'],
]);

/** INSERT, UPDATE, DELETE or MERGE at any depth. */
export function walkDml(context: Context, tag: string, body: Tree): void {
  const { facts } = context;
  for (const field of Object.keys(body))
    if (!FIELDS.get(tag)?.has(field)) facts.cannotTell(`${tag}.${field} is not a syntax that is understood`);
  context.computes = true;
  facts.does(CLASS.get(tag) ?? 'unknown');
  const close = openWith(context, tree(body.withClause));
  const target = tree(body.relation);
  const found = resolve(context, target);
  if (context.itself && found.length === 1) facts.takes.add(`>${label(found[0]!)}`);
  const scope = new Scope();
  const alias = text(tree(target.alias).aliasname) || text(target.relname);
  scope.set(alias, found[0]?.columns ?? null);
  context.scopes.push(scope);
  const kinds: WriteKind[] = [];
  if (tag === 'InsertStmt') kinds.push(...insert(context, body));
  else if (tag === 'UpdateStmt') kinds.push('update');
  else if (tag === 'DeleteStmt') kinds.push('delete');
  else kinds.push(...merge(context, body, scope));
  for (const kind of kinds) if (kind !== 'insert' || tag === 'MergeStmt') facts.does(kind);
  for (const item of [...list(body.fromClause), ...list(body.usingClause)]) fromItem(context, item, scope);
  if (tag !== 'MergeStmt') walk(context, body.targetList);
  walk(context, body.whereClause);
  returning(context, tree(body.returningClause));
  if (tag === 'UpdateStmt' || tag === 'DeleteStmt') {
    if (!present(body.whereClause)) facts.withoutWhere = true;
    const extra = list(body.fromClause).length + list(body.usingClause).length;
    const current = is(body.whereClause, 'CurrentOfExpr') !== null;
    if (!current && (extra > 0 || !isKeyed(context, [{ RangeVar: target }], body.whereClause)))
      facts.keyed = false;
  } else if (tag === 'MergeStmt') facts.keyed = false;
  const rows = estimate(context, tag, body);
  facts.rows = facts.rows === null || rows === null ? null : facts.rows + rows;
  for (const relation of found)
    for (const kind of kinds) writeRelation(context, relation, kind, target.inh === true);
  const refusal = launders(context, tag, body, found);
  if (refusal !== null) facts.refuse(refusal);
  context.scopes.pop();
  close();
}

function insert(context: Context, body: Tree): WriteKind[] {
  const conflict = tree(body.onConflictClause);
  for (const column of list(body.cols)) walk(context, tree(is(column, 'ResTarget') ?? {}).indirection);
  walk(context, body.selectStmt);
  if (!present(conflict)) return ['insert'];
  const infer = tree(conflict.infer);
  for (const element of list(infer.indexElems)) walk(context, tree(is(element, 'IndexElem') ?? {}).expr);
  walk(context, infer.whereClause);
  walk(context, conflict.targetList);
  walk(context, conflict.whereClause);
  return conflict.action === 'ONCONFLICT_UPDATE' ? ['insert', 'update'] : ['insert'];
}

function merge(context: Context, body: Tree, scope: Scope): WriteKind[] {
  fromItem(context, body.sourceRelation, scope);
  walk(context, body.joinCondition);
  const kinds = new Set<WriteKind>();
  for (const item of list(body.mergeWhenClauses)) {
    const clause = is(item, 'MergeWhenClause');
    if (clause === null) {
      context.facts.cannotTell('a WHEN of MERGE is not a syntax that is understood');
      continue;
    }
    walk(context, clause.condition);
    walk(context, clause.targetList);
    walk(context, clause.values);
    const command = text(clause.commandType);
    if (command === 'CMD_INSERT') kinds.add('insert');
    else if (command === 'CMD_UPDATE') kinds.add('update');
    else if (command === 'CMD_DELETE') kinds.add('delete');
    else if (command !== 'CMD_NOTHING') context.facts.cannotTell(`MERGE with ${command} is not understood`);
  }
  return kinds.size > 0 ? [...kinds] : ['update'];
}

function returning(context: Context, clause: Tree): void {
  for (const field of Object.keys(clause))
    if (field !== 'options' && field !== 'exprs')
      context.facts.cannotTell(`RETURNING with ${field} is not understood`);
  walk(context, clause.options);
  walk(context, clause.exprs);
}

const CATALOG = 'what is protected is found by what the catalog says: its own tables are not written';

/** What changing a relation reaches: views and rules, triggers, defaults and checks, foreign keys, partitions. */
export function writeRelation(
  context: Context,
  relation: CatalogRelation,
  kind: WriteKind,
  withChildren: boolean,
): void {
  const { facts, judge, view } = context;
  facts.writes.add(label(relation));
  for (const parent of relation.partition ? ancestors(context, relation) : [])
    facts.writes.add(label(parent));
  const children = withChildren ? descendants(context, relation) : [];
  if (relation.reachesProtected) facts.protected = true;
  if (relation.schema === 'pg_catalog') {
    facts.does('ddl');
    facts.changesMeaning = true;
    if (view.hasProtected && relation.kind === 'r') facts.refuse(CATALOG);
    // Its rule calls set_config for each row.
    if (relation.name === 'pg_settings')
      facts.refuse('which settings would change cannot be told from the text');
  }
  if (relation.kind === 'f' || children.some(c => c.kind === 'f')) facts.outside = true;
  if (relation.kind === 'v') {
    const below = judge.relationFacts(relation, context.callPath);
    facts.absorb(below);
    for (const read of below.reads) facts.writes.add(read);
    for (const read of below.within.reads) facts.within.writes.add(read);
    facts.keyed = false;
    // The columns' own relation carries triggers and checks: written through the view.
    for (const name of below.reads) {
      const [schema, base] = name.split('.', 2) as [string, string];
      for (const r of view.relationsNamed(base))
        if (r.schema === schema && r.kind !== 'v' && !r.system) writeRelation(context, r, kind, true);
    }
  }
  for (const type of relation.columns.values()) castTo(context, type);
  involveRow(context, relation);
  for (const each of [relation, ...children]) {
    if (each !== relation) (each.partition ? facts.within : facts).writes.add(label(each));
    facts.absorb(implied(judge.relationFacts(each, context.callPath)));
    facts.absorb(implied(judge.writeFacts(each, kind, context.callPath)));
    const brought = judge.bringsIn(each, kind, context.callPath);
    if (brought !== null) facts.refuse(brought);
  }
  if (kind === 'delete' || kind === 'update') cascade(context, relation, kind, new Set([relation.oid]));
}

/** Foreign keys may change rows of other relations: how many cannot be told. */
function cascade(
  context: Context,
  relation: CatalogRelation,
  kind: 'delete' | 'update',
  seen: Set<number>,
): void {
  for (const oid of kind === 'delete' ? relation.onDelete : relation.onUpdate) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    const other = context.view.relation(oid);
    if (other === undefined) continue;
    context.facts.writes.add(label(other));
    for (const each of descendants(context, other))
      if (each.partition) context.facts.within.writes.add(label(each));
    context.facts.rows = null;
    context.facts.keyed = false;
    // Which of it runs as the owner of that table hangs on when it runs.
    for (const path of new Set([context.callPath, pathAs(context.callPath, other.owner)]))
      for (const started of ['delete', 'update'] as const) {
        context.facts.absorb(implied(context.judge.writeFacts(other, started, path)));
        const brought = context.judge.bringsIn(other, started, path);
        if (brought !== null) context.facts.refuse(brought);
      }
    cascade(context, other, 'delete', seen);
    cascade(context, other, 'update', seen);
  }
}

/** What triggers and defaults do was not the statement's choice: it counts, but refuses nothing. */
function implied(found: Facts): Facts {
  return found.beside();
}

/** SELECT INTO, CREATE TABLE AS, CREATE MATERIALIZED VIEW: a new table from a query. */
export function intoTable(context: Context, select: Tree): void {
  const { facts } = context;
  const into = tree(select.intoClause);
  const rel = tree(into.rel);
  facts.does('ddl');
  facts.changesMeaning = true;
  makes(context, rel);
  comesToBe(context, rel);
  const refusal = launders(context, 'SelectStmt', select, []);
  if (refusal !== null) facts.refuse(refusal);
}

/** Reading a table whole, for COPY and the like. */
export function readNamed(context: Context, rel: Tree): readonly CatalogRelation[] {
  const found = resolve(context, rel);
  context.mentioned.add('*');
  for (const relation of found) readRelation(context, relation, '');
  if (found.length > 0) context.facts.keyed = false;
  return found;
}

/** True when the node is one of the data-modifying statements. */
export function isDml(value: unknown): boolean {
  return FIELDS.has(node(value)?.tag ?? '');
}
