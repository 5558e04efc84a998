import type { CatalogRelation } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { meaningOf } from './meaning.ts';
import { findRelations, isTemp } from './names.ts';
import { descendants, label } from './query.ts';
import { is, list, names, type Tree, text, tree } from './tree.ts';

/** The result type of trigger functions. */
const TRIGGER_OID = 2279;
/** AccessExclusiveLock, ExclusiveLock, ShareRowExclusiveLock and ShareLock of storage/lockdefs.h are those that keep writers out. */
const SHARE_LOCK = 5;

/** Give no name another meaning, and nothing that is there another behaviour; and take no lock that others would meet for long. */
const NOTHING = new Set(
  `CommentStmt SecLabelStmt GrantRoleStmt AlterDefaultPrivilegesStmt CreateStatsStmt AlterStatsStmt AlterSeqStmt
  CreatedbStmt DropdbStmt AlterDatabaseStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterSystemStmt CreateRoleStmt
  AlterRoleStmt AlterRoleSetStmt DropRoleStmt CreateTableSpaceStmt AlterTableSpaceOptionsStmt DropTableSpaceStmt AlterEnumStmt
  VacuumStmt ClusterStmt ReindexStmt CheckPointStmt ListenStmt UnlistenStmt NotifyStmt ConstraintsSetStmt
  LoadStmt CreatePublicationStmt AlterPublicationStmt CreateSubscriptionStmt AlterSubscriptionStmt
  DropSubscriptionStmt`.split(/\s+/),
);
/** Lock no relation that is there: what they change is seen when they are committed, and nobody waits for them before that. */
const UNLOCKED = new Set(
  `CreateDomainStmt CompositeTypeStmt CreateEnumStmt CreateRangeStmt CreateSchemaStmt CreateExtensionStmt CreateCastStmt
  CreateOpClassStmt CreateOpFamilyStmt AlterOpFamilyStmt CreateConversionStmt CreateTransformStmt CreatePLangStmt CreateAmStmt
  CreateFdwStmt CreateForeignServerStmt CreateUserMappingStmt DefineStmt AlterOperatorStmt`.split(/\s+/),
);
const RELATION = /^OBJECT_(TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE|INDEX)$/;
const PART = /^OBJECT_(COLUMN|TRIGGER|RULE|POLICY|TABCONSTRAINT|ATTRIBUTE)$/;
const FUNCTION = /^OBJECT_(FUNCTION|PROCEDURE|ROUTINE|AGGREGATE)$/;
/** Of ALTER TABLE: let others write meanwhile. */
const WEAK = new Set(['AT_ValidateConstraint', 'AT_SetStatistics', 'AT_SetRelOptions', 'AT_SetOptions']);

/** What a command of the catalog does to other sessions, as `StatementAnalysis.about` says it. */
export function aboutOthers(context: Context, tag: string, body: Tree): void {
  if (NOTHING.has(tag)) return;
  const relation = (rel: unknown, how: How = '') => named(context, tree(rel), how);
  for (const [rel, how] of referenced(body)) relation(rel, how);
  const meaning = meaningOf(context, tag, body);
  switch (tag) {
    case 'GrantStmt':
      closes(context, body);
      return;
    case 'CreateSeqStmt':
      comesToBe(context, tree(body.sequence));
      return;
    case 'CreateStmt':
      comesToBe(context, tree(body.relation));
      for (const parent of list(body.inhRelations)) joins(context, is(parent, 'RangeVar'));
      return;
    case 'CreateForeignTableStmt':
      comesToBe(context, tree(tree(body.base).relation));
      for (const parent of list(tree(body.base).inhRelations)) joins(context, is(parent, 'RangeVar'));
      return;
    case 'IndexStmt':
      // Built beside what others write, it has no lock that would keep them out.
      if (ownCode(context, body)) relation(body.relation, '>');
      else if (body.concurrent !== true) relation(body.relation, '=');
      return;
    case 'AlterTableStmt':
      altered(context, body, meaning === 'changes');
      return;
    case 'ViewStmt':
      if (meaning === 'adds') return;
      comesToBe(context, tree(body.view));
      relation(body.view);
      return;
    case 'CreateTrigStmt':
      relation(body.relation, '>');
      return;
    case 'RuleStmt':
      relation(body.relation);
      return;
    case 'CreatePolicyStmt':
    case 'AlterPolicyStmt':
      relation(body.table);
      return;
    case 'CreateFunctionStmt':
      if (meaning !== 'adds') called(context, names(body.funcname));
      return;
    case 'AlterFunctionStmt':
      called(context, names(tree(body.func).objname));
      return;
    case 'DropStmt':
      dropped(context, body);
      return;
    case 'RenameStmt':
    case 'AlterObjectSchemaStmt':
    case 'AlterOwnerStmt':
      moved(context, tag, body);
      return;
  }
  if (meaning === 'adds') return;
  if (tag === 'DefineStmt' && body.kind === 'OBJECT_AGGREGATE') called(context, names(body.defnames));
  else if (!UNLOCKED.has(tag)) context.facts.about.add('*');
  else if (tag !== 'CreateSchemaStmt' || list(body.schemaElts).length > 0) context.facts.about.add('?*');
}

/** LOCK and TRUNCATE keep others from writing until their transaction is over: whoever writes then waits. */
export function locksOthers(context: Context, body: Tree): void {
  if (body.mode !== undefined && Number(body.mode) < SHARE_LOCK) return;
  for (const item of list(body.relations)) named(context, tree(is(item, 'RangeVar')), '=');
}

/** A relation of that name may stand before those of other schemas that have it. */
export function comesToBe({ facts, view }: Context, rel: Tree): void {
  const name = text(rel.relname);
  const temporary = rel.relpersistence === 't' || rel.schemaname === 'pg_temp';
  if (!temporary && view.relationsNamed(name).length > 0) facts.about.add(`?.${name}`);
}

type How = '' | '>' | '=';

function called({ facts }: Context, words: readonly string[]): void {
  facts.about.add(`?.${words.at(-1) ?? ''}`);
}

/** A relation with what inherits from it; a temporary one is nobody else's, and what is not there is named by nobody. */
function named(context: Context, rel: Tree, how: How): readonly CatalogRelation[] {
  const { facts, path, view } = context;
  const name = text(rel.relname);
  const schema = text(rel.schemaname);
  if (name === '' || rel.relpersistence === 't' || schema === 'pg_temp') return [];
  const found = findRelations(view, schema || null, name, path);
  const all = [...new Set(found.flatMap(one => [one, ...descendants(context, one)]))];
  for (const one of all) if (!isTemp(one.schema)) facts.about.add(`${how}${label(one)}`);
  return all;
}

/** It becomes a part of another, or is none any more. That one is locked in a way that lets others read and write what it is without it. */
function joins(context: Context, rel: Tree | null): void {
  if (rel === null) return;
  named(context, rel, '>');
  context.facts.about.add(`?.${text(rel.relname)}`);
}

function altered(context: Context, body: Tree, changes: boolean): void {
  const commands = list(body.cmds).map(cmd => tree(is(cmd, 'AlterTableCmd')));
  if (!changes) {
    if (commands.some(({ subtype }) => !WEAK.has(text(subtype)))) named(context, tree(body.relation), '=');
    return;
  }
  if (commands.some(({ subtype }) => /Inherit$|Partition/.test(text(subtype)))) {
    joins(context, tree(body.relation));
    for (const { def } of commands) {
      joins(context, is(def, 'RangeVar'));
      joins(context, tree(tree(is(def, 'PartitionCmd')).name));
    }
    return;
  }
  // Readers have nothing to do with these.
  const forWriters = commands.every(({ def, subtype }) => /Trig/.test(text(subtype)) || isForeignKey(def));
  const all = named(context, tree(body.relation), forWriters ? '>' : '');
  if (commands.some(({ behavior }) => behavior === 'DROP_CASCADE')) cascades(context, all);
}

function dropped(context: Context, body: Tree): void {
  const { facts } = context;
  const kind = text(body.removeType);
  const cascade = body.behavior === 'DROP_CASCADE';
  for (const object of list(body.objects)) {
    if (FUNCTION.test(kind)) {
      const name = names(tree(is(object, 'ObjectWithArgs')).objname).at(-1) ?? '';
      // What its triggers stood on is locked.
      facts.about.add(`${cascade ? '!' : '?'}.${name}`);
      const trigger = context.view.functionsNamed(name).every(f => f.result === TRIGGER_OID);
      if (cascade && !trigger) facts.about.add('*');
      continue;
    }
    const all = names(tree(is(object, 'List')).items);
    const words = PART.test(kind) ? all.slice(0, -1) : all;
    if (kind === 'OBJECT_INDEX' || !(RELATION.test(kind) || PART.test(kind))) continue;
    const found = named(context, { relname: words.at(-1), schemaname: words.at(-2) }, '');
    if (cascade) cascades(context, found);
  }
  if (RELATION.test(kind) || PART.test(kind) || FUNCTION.test(kind)) return;
  if (cascade) facts.about.add('*');
  else if (kind !== 'OBJECT_SCHEMA') facts.about.add('?*');
}

/**
 * What depends on these goes with them. Whoever names a view over them names them, too; behind other things of its name, there may be another one.
 */
function cascades({ facts, view }: Context, relations: readonly CatalogRelation[]): void {
  for (const { referencing } of relations)
    for (const oid of referencing) {
      const other = view.relation(oid);
      if (other !== undefined) facts.about.add(`=${label(other)}`);
    }
}

function moved(context: Context, tag: string, body: Tree): void {
  const { facts } = context;
  const kind = text(body.renameType ?? body.objectType);
  const object = is(body.object, 'ObjectWithArgs');
  if (PART.test(kind) || (RELATION.test(kind) && body.relation !== undefined)) {
    const all = named(context, tree(body.relation), '');
    if (tag === 'AlterObjectSchemaStmt') for (const { name } of all) facts.about.add(`?.${name}`);
    if (tag === 'RenameStmt' && !PART.test(kind)) called(context, [text(body.newname)]);
  } else if (FUNCTION.test(kind) && object !== null) {
    called(context, names(object.objname));
    if (tag === 'RenameStmt') called(context, [text(body.newname)]);
  } else facts.about.add('?*');
}

/** Whoever may not use a schema any more finds what stands behind it. Where that was so for some, both was found before. */
function closes({ facts, view }: Context, body: Tree): void {
  if (body.objtype !== 'OBJECT_SCHEMA' || body.is_grant === true) return;
  const open = list(body.objects).some(one => view.schemas.get(text(tree(is(one, 'String')).sval)) === true);
  if (open) facts.about.add('?*');
}

/** What foreign keys refer to: it is locked, and a DELETE there may go on here. */
function referenced(body: Tree): [unknown, How][] {
  const elements = [
    ...list(body.tableElts),
    ...list(body.cmds).map(cmd => tree(is(cmd, 'AlterTableCmd')).def),
  ];
  return elements.flatMap(element => {
    const column = is(element, 'ColumnDef');
    const constraints = column === null ? [element] : list(column.constraints);
    return constraints.flatMap((one): [unknown, How][] => {
      const { fk_del_action: onDelete, fk_upd_action: onUpdate, pktable } = tree(is(one, 'Constraint'));
      if (pktable === undefined) return [];
      const goesOn = [onDelete, onUpdate].some(action => /^[cnd]$/.test(text(action)));
      return [[pktable, goesOn ? '>' : '=']];
    });
  });
}

function isForeignKey(def: unknown): boolean {
  return tree(is(def, 'Constraint')).contype === 'CONSTR_FOREIGN';
}

/** An index computes by it whenever others write. */
function ownCode({ facts }: Context, body: Tree): boolean {
  const classes = list(body.indexParams).some(part => list(tree(is(part, 'IndexElem')).opclass).length > 0);
  return classes || [...facts.functions].some(name => !name.startsWith('pg_catalog.'));
}
