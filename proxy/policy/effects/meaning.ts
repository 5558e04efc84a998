import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { Context } from './context.ts';
import { findTypes } from './names.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

/** Change nothing that a name leads to. */
const NEUTRAL = new Set([
  'AlterSeqStmt',
  'CommentStmt',
  'CreateStatsStmt',
  'GrantRoleStmt',
  'GrantStmt',
  'IndexStmt',
]);
/** Of ALTER TABLE: what changes neither names nor what runs when a row is read or written, given types and functions of Postgres's own. */
const NEUTRAL_ALTERS = new Set([
  'AT_AddColumn',
  'AT_AddConstraint',
  'AT_AddIndex',
  'AT_AlterColumnType',
  'AT_ColumnDefault',
  'AT_DropConstraint',
  'AT_DropNotNull',
  'AT_SetNotNull',
  'AT_SetRelOptions',
  'AT_SetStatistics',
  'AT_SetStorage',
  'AT_ValidateConstraint',
]);
/** Stand for a type and a sequence. */
const SERIAL = /^(small|big)?serial[248]?$/;

/**
 * What a statement does to the meaning of those behind it in its transaction: `adds` new names alone, `changes` what is there, in ways that
 * the catalog will show only when it is committed. Undefined: neither.
 */
export function meaningOf(context: Context, tag: string, body: Tree): StatementAnalysis['meaning'] {
  const { facts } = context;
  if (facts.unknown.size > 0 && !facts.readOnly) return 'changes';
  if (!facts.commands.has('ddl') && !facts.commands.has('privilege')) return undefined;
  if (NEUTRAL.has(tag)) return undefined;
  const name = created(tag, body);
  // Nothing that the catalog shows can mention it; what mentions it directly is unknown because the catalog does not show it.
  if (name !== null && isNew(context, name)) return 'adds';
  const own = [...facts.functions].some(name => !name.startsWith('pg_catalog.'));
  if (own || !ownTypesOnly(context, body) || cascades(body)) return 'changes';
  if (tag === 'CreateSeqStmt') return 'adds';
  if (tag === 'CreateStmt') {
    const like = list(body.tableElts).some(item => is(item, 'TableLikeClause') !== null);
    return like || joins(body) ? 'changes' : 'adds';
  }
  if (tag !== 'AlterTableStmt' || body.objtype !== 'OBJECT_TABLE') return 'changes';
  const neutral = list(body.cmds).every(command =>
    NEUTRAL_ALTERS.has(text(tree(is(command, 'AlterTableCmd') ?? {}).subtype)),
  );
  return neutral ? undefined : 'changes';
}

function joins(body: Tree): boolean {
  return ['inhRelations', 'ofTypename', 'partbound'].some(key => key in body);
}

/** The simple name of what it makes; null where it makes none, or one by which something else is reached. */
function created(tag: string, body: Tree): string | null {
  switch (tag) {
    case 'CreateStmt':
      return joins(body) ? null : text(tree(body.relation).relname);
    case 'ViewStmt':
      return text(tree(body.view).relname);
    case 'CreateFunctionStmt':
      return names(body.funcname).at(-1) ?? null;
    case 'CreateDomainStmt':
      return names(body.domainname).at(-1) ?? null;
    case 'CompositeTypeStmt':
      return text(tree(body.typevar).relname);
    case 'CreateEnumStmt':
      return names(body.typeName).at(-1) ?? null;
    default:
      return null;
  }
}

function isNew({ view }: Context, name: string): boolean {
  const known = [view.functionsNamed(name), view.relationsNamed(name), view.typesNamed(name)];
  return name !== '' && known.every(found => found.length === 0);
}

/** Every type named in it is Postgres's own: one of a user brings functions along. */
function ownTypesOnly({ view, path }: Context, body: Tree): boolean {
  for (const object of everything(body)) {
    const type = object.TypeName ?? object.typeName ?? object.typename;
    if (type === undefined || type === null) continue;
    const words = names(tree(type).names);
    const name = words.at(-1);
    if (name === undefined || SERIAL.test(name)) continue;
    const found = findTypes(view, words.length > 1 ? words.at(-2)! : null, name, path);
    if (found.length === 0 || found.some(t => !t.system)) return false;
  }
  return true;
}

/** A foreign key by which a later DELETE or UPDATE writes another table. */
function cascades(body: Tree): boolean {
  for (const { Constraint } of everything(body)) {
    const { fk_del_action: onDelete, fk_upd_action: onUpdate } = tree(Constraint);
    if ([onDelete, onUpdate].some(action => action !== undefined && !['a', 'r', ''].includes(text(action))))
      return true;
  }
  return false;
}
