import type { CatalogFunction, CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { namesBeside, onlyComputes, relationsRead, wordsOf } from './helpers.ts';
import { findFunctions, findRelations } from './names.ts';
import { ancestors } from './query.ts';
import { unmasksStored } from './stored.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

/**
 * What DDL does around protected values: `rewires` where names lead to other things than before, `protected` where it computes with their
 * rows (an index, a check, a foreign key, a new type: errors and notices tell of them), a refusal where code would stand by and see
 * each value, or something known to be clean would turn into something that is not.
 */
export function rewire(context: Context, tag: string, body: Tree): void {
  const { facts, view } = context;
  if (!view.hasProtected) return;
  const near = named(context, body);
  const before = (name: string) => context.joined.has(name) || facts.joins.has(name);
  if (!joinsOnly(tag, body) && relnames(body).some(before)) facts.refuse(JOINED);
  if (near.length > 0 || EVERYWHERE.has(tag)) facts.protected = true;
  if (REWIRING.has(tag) && (near.length > 0 || facts.protected || facts.suspect)) facts.rewires = true;
  passesRows(context, tag, near);
  if (ANEW.has(tag)) handlesRows(context, body);
  const stored = unmasksStored(context, tag, body);
  if (stored !== null) facts.refuse(stored);
  switch (tag) {
    case 'RenameStmt':
      moveFunction(context, body, text(body.newname));
      return;
    case 'AlterObjectSchemaStmt':
      moveFunction(
        context,
        body,
        names((is(body.object, 'ObjectWithArgs') ?? tree(null)).objname).at(-1) ?? '',
      );
      return;
    case 'AlterTableStmt':
      if (!list(body.cmds).some(joins)) return;
      facts.rewires ||= facts.protected;
      if (near.length > 0) joined(context, body, near);
      if (facts.protected) for (const name of relnames(body)) facts.joins.add(name);
      return;
    case 'CreateStmt':
      if (!facts.protected || list(body.inhRelations).length === 0) return;
      facts.rewires = true;
      facts.joins.add(text(tree(body.relation).relname));
      return;
    case 'ViewStmt':
      if (body.replace === true && facts.protected)
        newMeaning(
          context,
          range(context, tree(body.view)).some(r =>
            bares(context, r, tree(is(body.query, 'SelectStmt') ?? {})),
          ),
        );
      return;
    case 'RuleStmt':
      if (facts.protected) facts.refuse('a rule could carry protected values where they are not protected');
      return;
    case 'CreateTrigStmt':
      trigger(context, body, range(context, tree(body.relation)));
      return;
    case 'CreateFunctionStmt':
      createFunction(context, body);
      return;
  }
}

const REWIRING = new Set(['ViewStmt', 'RenameStmt', 'AlterObjectSchemaStmt', 'RuleStmt']);

/** These may go over every table, also where they name something else or nothing. */
const EVERYWHERE = new Set(['VacuumStmt', 'ReindexStmt', 'ClusterStmt', 'AlterDomainStmt']);

/** These may go over every row. */
const ANEW = new Set(['AlterTableStmt', 'IndexStmt', 'CreateStatsStmt', ...EVERYWHERE]);

/** Why nothing but joining may be done with a relation in the transaction that joins it. */
export const JOINED =
  'what has just been joined with protected columns is not changed before that is committed';

function relnames(body: Tree): string[] {
  return [...everything(body)].flatMap(({ relname }) => (typeof relname === 'string' ? [relname] : []));
}

/** Of several tables, one after the other, each may become a part of the same one. */
function joinsOnly(tag: string, body: Tree): boolean {
  return tag === 'CreateStmt' || (tag === 'AlterTableStmt' && list(body.cmds).every(joins));
}

function joins(command: unknown): boolean {
  const subtype = text(tree(is(command, 'AlterTableCmd') ?? {}).subtype);
  return subtype === 'AT_AddInherit' || subtype === 'AT_AttachPartition';
}

/**
 * What stood beside a table whose rows were nobody's secret, and from now on sees protected ones: rules and triggers of a parent run for its
 * children's rows (those of rows become a partition's own), and its indexes are built on a partition.
 */
function joined(context: Context, body: Tree, near: readonly CatalogRelation[]): void {
  const { view, path, judge, callPath, facts } = context;
  for (const object of everything(body)) {
    if (typeof object.relname !== 'string') continue;
    const found = findRelations(view, text(object.schemaname) || null, object.relname, path);
    for (const r of found.flatMap(one => [one, ...ancestors(context, one)])) {
      if (r.reachesProtected) continue;
      const called = r.triggers.map(t => view.functionOf(t.function));
      if (r.rules.length > 0 || called.some(f => f === undefined || !isFine(context, f, near)))
        facts.refuse(BESIDE);
      for (const carrier of judge.besideRows(r, callPath).carriers) facts.carriers.add(carrier);
    }
  }
}

function isFine(context: Context, f: CatalogFunction, guarded: readonly CatalogRelation[]): boolean {
  return f.system || (f.language === 'plpgsql' && guarded.every(r => blindTo(context, f.source, r)));
}

function range(context: Context, rel: Tree): readonly CatalogRelation[] {
  return findRelations(context.view, text(rel.schemaname) || null, text(rel.relname), context.path);
}

function named(context: Context, body: Tree): CatalogRelation[] {
  const found: CatalogRelation[] = [];
  for (const object of everything(body))
    if (typeof object.relname === 'string')
      found.push(...range(context, object).filter(r => r.reachesProtected));
  return found;
}

/** Sessions that run just now have judged the name by what it meant until now. */
function newMeaning(context: Context, changes: boolean): void {
  if (changes)
    context.facts.refuse('what is known to hold nothing protected would begin to: give it another name');
}

/** Whether a view's column that holds nothing protected may do so after this: each such place has to be a plain column that is not. */
function bares(context: Context, before: CatalogRelation, select: Tree): boolean {
  const targets = list(select.targetList).map(item => tree(is(item, 'ResTarget') ?? {}).val);
  const masked = new Set([...context.exposed].flatMap(r => [...r.masked]));
  const plain = text(select.op) === 'SETOP_NONE' && [...everything(select.fromClause)].every(isPlain);
  const open = (value: unknown) => {
    if (![...everything(value)].some(part => 'ColumnRef' in part || 'SubLink' in part || 'FuncCall' in part))
      return false;
    const fields = names(tree(is(value, 'ColumnRef') ?? {}).fields);
    const last = fields.at(-1) ?? '*';
    return last === '*' || masked.has(last) || context.rows.some(r => r.alias === last);
  };
  if (select.withClause !== undefined || !plain) return before.masked.size < before.columns.size;
  return [...before.columns.keys()].some((column, i) => !before.masked.has(column) && open(targets[i]));
}

/** Nothing in FROM that names columns anew. */
function isPlain(part: Tree): boolean {
  return !('RangeSubselect' in part || 'RangeFunction' in part || 'colnames' in part);
}

const HELPER =
  'code beside protected columns calls functions of this name: it may do nothing but compute, as their values may be handed to it';

const BESIDE =
  'a rule, or a trigger function that touches them or the whole row, may not stand beside protected columns: their values could go anywhere';

function trigger(context: Context, body: Tree, relations: readonly CatalogRelation[]): void {
  const guarded = relations.filter(r => r.reachesProtected);
  if (guarded.length === 0) return;
  const name = names(body.funcname);
  const found = findFunctions(
    context.view,
    name.length > 1 ? (name.at(-2) ?? '') : null,
    name.at(-1) ?? '',
    context.path,
    { count: 0, named: false },
  );
  const given = list(body.args).map(arg => text(tree(is(arg, 'String') ?? {}).sval));
  const arranged = guarded.some(r => given.some(arg => r.masked.has(arg)));
  if (arranged || found.length === 0 || !found.every(f => isFine(context, f, guarded)))
    context.facts.refuse(BESIDE);
}

/** Back to where the row came from. */
const RETURNED = /\breturn\s+(?:new|old|coalesce\s*\(\s*(?:new|old)\s*,\s*(?:new|old)\s*\))\s*;/gi;

/** Whether anything of a row is changed, as WHEN may ask as well; operators of users' own are looked at wherever it is asked. */
const ROW = String.raw`(?:\b(?:new|old)\b(?:\s*\.\s*\*)?|\brow\s*\(\s*(?:new|old)\s*\.\s*\*\s*\))`;
const BEFORE = String.raw`(?<=\b(?:if|elsif|elseif|and|or|not)\s+|\(\s*)`;
const BEHIND = String.raw`(?=\s*\)|\s+(?:then|and|or)\b)`;
const COMPARED = new RegExp(
  String.raw`${BEFORE}${ROW}\s+is\s+(?:not\s+)?distinct\s+from\s+${ROW}${BEHIND}`,
  'gi',
);

/** Whether a trigger function's text provably leaves the protected columns of a row alone. By its words, so too strict rather than not. */
function blindTo(context: Context, source: string, relation: CatalogRelation): boolean {
  if (mentions(context, source)) return false;
  const words = wordsOf(source);
  if ([...relation.masked].some(column => words.has(column))) return false;
  // What is no relation of the catalog may be a transition table, which has all columns.
  const read = relationsRead(source);
  if (read === null || [...read].some(name => context.view.relationsNamed(name).length === 0)) return false;
  const handed = source.replace(RETURNED, '').replace(COMPARED, '');
  return !/\b(new|old)\b(?!\s*\.\s*[\p{L}_"])/iu.test(handed);
}

/** A relation that reaches protected columns, a function that reads one, or SQL from strings. */
function mentions(context: Context, source: string): boolean {
  const { view, judge } = context;
  if (/\bexecute\b|\\|U&/i.test(source)) return true;
  for (const word of wordsOf(source)) {
    if (view.relationsNamed(word).some(r => r.reachesProtected)) return true;
    if (
      view
        .functionsNamed(word)
        .some(f => !f.system && judge.callFacts(f, f.inputs.length, context.callPath).protected)
    )
      return true;
  }
  return false;
}

function createFunction(context: Context, body: Tree): void {
  const { facts, view } = context;
  const source = textOf(body);
  const reads = source === null || mentions(context, source);
  if (reads) facts.rewires = true;
  const name = names(body.funcname);
  const last = name.at(-1) ?? '';
  const plain =
    /^(sql|plpgsql)$/i.test(optionOf(body, 'language')) && source !== null && onlyComputes(context, source);
  // A trigger function is called by nothing else: those beside protected columns are looked at below.
  const returns = names(tree(body.returnType).names).at(-1);
  if (namesBeside(view).has(last) && !plain && returns !== 'trigger') facts.refuse(HELPER);
  if (body.replace !== true) return;
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  const before = findFunctions(view, schema, last, context.path, { count: null, named: true }).filter(
    f => !f.system,
  );
  if (reads)
    newMeaning(
      context,
      before.some(f => !context.judge.callFacts(f, f.inputs.length, context.callPath).protected),
    );
  for (const relation of view.guarded)
    if (before.some(f => attached(relation, f)) && (source === null || !blindTo(context, source, relation)))
      facts.refuse(BESIDE);
}

/** Whether the relation's triggers, indexes, checks, policies or defaults may run this function. */
function attached(relation: CatalogRelation, f: CatalogFunction): boolean {
  if (relation.triggers.some(t => t.function === f.oid) || relation.hidden.includes(f.oid)) return true;
  return [...relation.policies, ...relation.generated, ...relation.onWrite].some(text =>
    wordsOf(text).has(f.name),
  );
}

/** A function under another name, or in another schema: found by it by code that is there already. */
function moveFunction(context: Context, body: Tree, name: string): void {
  const { view, judge, callPath, facts } = context;
  if (!namesBeside(view).has(name)) return;
  const object = is(body.object, 'ObjectWithArgs') ?? tree(null);
  const before = view.functionsNamed(names(object.objname).at(-1) ?? '').filter(f => !f.system);
  for (const f of before) {
    const found = judge.callFacts(f, f.inputs.length, callPath);
    if (found.carriers.size > 0 || found.unknown.size > 0) facts.refuse(HELPER);
  }
}

/** What runs for each row while a table, its indexes or its statistics are made anew. */
function passesRows(context: Context, tag: string, near: readonly CatalogRelation[]): void {
  const { facts, judge, view, callPath } = context;
  if (!ANEW.has(tag)) return;
  const relations = near.length === 0 && EVERYWHERE.has(tag) ? view.guarded : near;
  for (const r of relations)
    if (r.kind !== 'v')
      for (const carrier of judge.besideRows(r, callPath).carriers) facts.carriers.add(carrier);
}

const HANDLES =
  'code of its indexes, checks or columns reads protected values, and what it gives would be told';

/** The same of any relation, whose code may have come to read protected values since it was made. */
function handlesRows({ view, judge, path, callPath, facts }: Context, body: Tree): void {
  for (const object of everything(body)) {
    if (typeof object.relname !== 'string') continue;
    for (const found of findRelations(view, text(object.schemaname) || null, object.relname, path))
      for (const r of [found, ...found.children.flatMap(oid => view.relation(oid) ?? [])])
        if (!r.system && r.kind !== 'v') {
          const { hands, breach } = judge.besideRows(r, callPath);
          if (hands || breach !== null) facts.refuse(HANDLES);
        }
  }
}

function optionOf(body: Tree, name: string): string {
  const option = list(body.options)
    .map(item => tree(is(item, 'DefElem') ?? {}))
    .find(o => o.defname === name);
  return text(tree(is(option?.arg, 'String') ?? {}).sval);
}

/** The text of its body; null where that is not given as text. */
function textOf(body: Tree): string | null {
  const option = list(body.options)
    .map(item => tree(is(item, 'DefElem') ?? {}))
    .find(o => o.defname === 'as');
  const parts = list(tree(is(option?.arg, 'List') ?? {}).items);
  if (parts.length !== 1) return null;
  return text(tree(is(parts[0], 'String') ?? {}).sval) || null;
}
