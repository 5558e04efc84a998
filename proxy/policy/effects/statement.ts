import type { CommandClass } from '#schemas/effects.ts';
import type { CatalogRelation } from '../catalog-view.ts';
import { pathAs } from '../search-path.ts';
import { aboutOthers, comesToBe, locksOthers } from './about.ts';
import { actedOn, makes } from './acted.ts';
import { type Context, rooted } from './context.ts';
import { walkDefined } from './defined.ts';
import { intoTable, readNamed, walkDml, writeRelation } from './dml.ts';
import { doBlock } from './do-block.ts';
import { dropsCast } from './dropped-cast.ts';
import { call, walk } from './expression.ts';
import { HELD } from './facts.ts';
import { type Argument, COMPUTED } from './literal.ts';
import { maintained } from './maintained.ts';
import { AT_THE_END } from './names.ts';
import { descendants, label, resolve, walkQuery } from './query.ts';
import { rewire } from './rewiring.ts';
import { changeSetting } from './settings.ts';
import { constant, everything, is, list, names, node, present, type Tree, text, tree } from './tree.ts';
import { unprotects } from './unprotecting.ts';
import { UTILITY } from './utility.ts';

/** Walks a whole statement, at the top or in a body: what it does goes into the context's facts. */
export function walkStatement(context: Context, statement: unknown): void {
  const { facts } = context;
  const found = node(statement);
  if (found === null) {
    facts.cannotTell('the syntax tree has a statement without a type');
    return;
  }
  const { tag, body } = found;
  if (!context.itself) rooted(context, statement);
  const handler = HANDLERS.get(tag);
  if (handler !== undefined) handler(context, body);
  else if (!utility(context, tag, body)) {
    facts.commands.add('unknown');
    facts.cannotTell(`${tag} is not a statement that is understood`);
  }
}

type Handler = (context: Context, body: Tree) => void;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['SelectStmt', select],
  ['InsertStmt', (c, b) => walkDml(c, 'InsertStmt', b)],
  ['UpdateStmt', (c, b) => walkDml(c, 'UpdateStmt', b)],
  ['DeleteStmt', (c, b) => walkDml(c, 'DeleteStmt', b)],
  ['MergeStmt', (c, b) => walkDml(c, 'MergeStmt', b)],
  ['TruncateStmt', truncate],
  ['CopyStmt', copy],
  ['ExplainStmt', explain],
  ['DeclareCursorStmt', declare],
  ['ClosePortalStmt', only('cursor')],
  ['FetchStmt', fetchRows],
  ['PrepareStmt', prepare],
  ['ExecuteStmt', execute],
  ['DeallocateStmt', only('prepare')],
  ['DiscardStmt', discard],
  ['TransactionStmt', transaction],
  ['VariableSetStmt', set],
  ['VariableShowStmt', only('show')],
  ['CallStmt', callProcedure],
  ['DoStmt', doBlock],
  ['CreateTableAsStmt', createTableAs],
  ['ViewStmt', view],
  ['LockStmt', lock],
  ['RefreshMatViewStmt', refresh],
  ['AlterRoleSetStmt', settingOf('AlterRoleSetStmt')],
  ['AlterDatabaseSetStmt', settingOf('AlterDatabaseSetStmt')],
  ['AlterSystemStmt', settingOf('AlterSystemStmt')],
]);

/** A statement that does nothing but what its class says. */
function only(command: CommandClass): Handler {
  return context => {
    context.facts.commands.add(command);
  };
}

/** A setting that sessions will begin with. */
function settingOf(tag: string): Handler {
  return (context, body) => {
    utility(context, tag, body);
    blinds(context, tree(body.setstmt));
  };
}

function select(context: Context, body: Tree): void {
  context.facts.commands.add('select');
  walkQuery(context, body);
}

/** CURSOR_OPT_HOLD of the server's nodes/parsenodes.h. */
const HOLD = 0x20;

function declare(context: Context, body: Tree): void {
  const { facts } = context;
  const held = (Number(body.options ?? 0) & HOLD) !== 0;
  facts.commands.add('cursor');
  // Its own stand in its actions.
  if (!context.itself) facts.opens = held ? 'held' : (facts.opens ?? 'cursor');
  // COMMIT runs it to its end, and what it calls looks names up in the path of then.
  if (held) {
    context.callPath = AT_THE_END;
    facts.late.add(HELD);
  }
  nested(context, body.query);
}

function fetchRows(context: Context, body: Tree): void {
  const { facts } = context;
  facts.commands.add('cursor');
  facts.cursor = text(body.portalname);
  const many = Number(body.howMany ?? 0);
  facts.rows =
    /FORWARD|BACKWARD/.test(text(body.direction)) && many < 1e9 ? Math.abs(many) : many >= 1e9 ? null : 1;
}

/** In a body: what the session has prepared by that name when it runs, nobody knows. */
function byName(context: Context): void {
  if (!context.itself)
    context.facts.cannotRead('it executes a prepared statement of the session by its name');
}

function execute(context: Context, body: Tree): void {
  context.facts.commands.add('prepare');
  context.computes = true;
  byName(context);
  walk(context, body.params);
}

/** A query under a utility statement. Its class counts only when it does something. */
function nested(context: Context, query: unknown): void {
  const select = is(query, 'SelectStmt');
  if (select !== null) walkQuery(context, select);
  else walkStatement(context, query);
}

function truncate(context: Context, body: Tree): void {
  const { facts } = context;
  facts.does('truncate');
  locksOthers(context, body);
  facts.withoutWhere = true;
  facts.keyed = false;
  const seen = new Set<number>();
  const empty = (relation: CatalogRelation) => {
    if (seen.has(relation.oid)) return;
    seen.add(relation.oid);
    writeRelation(context, relation, 'truncate', true);
    facts.rows =
      facts.rows === null || relation.tuples === null ? null : facts.rows + Math.ceil(relation.tuples);
    if (body.behavior !== 'DROP_CASCADE') return;
    for (const oid of relation.referencing) {
      const other = context.view.relation(oid);
      if (other !== undefined) empty(other);
    }
  };
  for (const item of list(body.relations)) resolve(context, tree(is(item, 'RangeVar') ?? {})).forEach(empty);
}

function copy(context: Context, body: Tree): void {
  const { facts } = context;
  const file = text(body.filename);
  const from = body.is_from === true;
  facts.commands.add(from ? 'copy-in' : 'copy-out');
  facts.keyed = false;
  if (file !== '' || body.is_program === true) {
    facts.outside = true;
    facts.readOnly = false;
  }
  if (from) {
    facts.readOnly = false;
    facts.rows = null;
    // What stands in a file of the server, or a program of it says, may be anything that the server has.
    facts.opaque ||= facts.outside;
    for (const relation of resolve(context, tree(body.relation)))
      writeRelation(context, relation, 'insert', true);
    walk(context, body.whereClause);
    return;
  }
  if (present(body.relation)) readNamed(context, tree(body.relation));
  else nested(context, body.query);
}

/** With or without ANALYZE: planning runs functions too, and a plan of a change is not called a read. */
function explain(context: Context, body: Tree): void {
  const { facts } = context;
  facts.commands.add('explain');
  const query = is(body.query, 'SelectStmt');
  if (query !== null) walkQuery(context, query);
  else if (is(body.query, 'ExecuteStmt') !== null) {
    byName(context);
    walk(context, tree(is(body.query, 'ExecuteStmt') ?? {}).params);
  } else walkStatement(context, body.query);
}

function prepare(context: Context, body: Tree): void {
  context.facts.commands.add('prepare');
  // Of a name that a body takes in the session nobody would know that it stands for something else now.
  if (!context.itself) context.facts.cannotRead('it prepares a statement of the session');
  walk(context, body.argtypes);
  nested(context, body.query);
}

function discard(context: Context, body: Tree): void {
  context.facts.does('set');
  if (body.target === 'DISCARD_ALL') {
    context.facts.settings.add(null);
    context.facts.changesMeaning = true;
  }
}

const PLAIN_TRANSACTION = new Set(
  ['BEGIN', 'START', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE', 'ROLLBACK_TO'].map(k => `TRANS_STMT_${k}`),
);
const TWO_PHASE = new Set(['PREPARE', 'COMMIT_PREPARED', 'ROLLBACK_PREPARED'].map(k => `TRANS_STMT_${k}`));

function transaction(context: Context, body: Tree): void {
  const { facts } = context;
  const kind = text(body.kind);
  facts.commands.add('transaction');
  // What was prepared, by whomever, is not told here: names may mean something else from then on.
  if (kind === 'TRANS_STMT_COMMIT_PREPARED') facts.rewires = true;
  if (TWO_PHASE.has(kind)) facts.readOnly = false;
  else if (!PLAIN_TRANSACTION.has(kind)) facts.cannotTell(`${kind} is not understood`);
}

/** SET, RESET and their relatives. */
function set(context: Context, body: Tree): void {
  const { facts } = context;
  const kind = text(body.kind);
  const name = text(body.name).toLowerCase();
  facts.changesMeaning = true;
  if (kind === 'VAR_RESET_ALL') facts.settings.add(null);
  else if (kind === 'VAR_SET_MULTI') {
    const options = list(body.args).map(item => tree(is(item, 'DefElem') ?? {}));
    for (const option of options) facts.settings.add(text(option.defname));
    if (name === 'transaction' && options.every(o => harmlessMode(o))) {
      facts.commands.add('transaction');
      facts.changesMeaning = false;
      return;
    }
    if (name === 'transaction snapshot') facts.settings.add('transaction_snapshot');
  } else facts.settings.add(name);
  facts.does('set');
  blinds(context, body, true);
}

/** Isolation, DEFERRABLE and READ ONLY take nothing away from what the proxy relies on. */
function harmlessMode(option: Tree): boolean {
  if (option.defname === 'transaction_read_only') return constant(option.arg) === '1';
  return option.defname === 'transaction_isolation' || option.defname === 'transaction_deferrable';
}

function blinds(context: Context, body: Tree, forSession = false): void {
  const kind = text(body.kind);
  // What is reset gets the value of the session's start-up packet, which the proxy has written.
  if (kind.startsWith('VAR_RESET') || kind === 'VAR_SET_DEFAULT' || kind === 'VAR_SET_MULTI') return;
  const args = list(body.args);
  const value = kind === 'VAR_SET_VALUE' && args.length === 1 ? constant(args[0]) : null;
  const given: Argument = value === null ? COMPUTED : { kind: 'text', text: value };
  changeSetting(context, { kind: 'text', text: text(body.name) }, () => given, forSession);
}

function callProcedure(context: Context, body: Tree): void {
  const { facts } = context;
  facts.does('call');
  const called = tree(body.funccall);
  const args = list(called.args);
  walk(context, args);
  call(context, names(called.funcname), { count: args.length, named: true, args });
}

function createTableAs(context: Context, body: Tree): void {
  const { facts } = context;
  facts.does('ddl');
  const select = is(body.query, 'SelectStmt');
  if (select !== null) {
    walkQuery(context, select);
    intoTable(context, { ...select, intoClause: body.into });
    return;
  }
  makes(context, tree(tree(body.into).rel));
  comesToBe(context, tree(tree(body.into).rel));
  walkStatement(context, body.query);
  facts.changesMeaning = true;
  if (is(body.query, 'ExecuteStmt') !== null) facts.cannotTell('a prepared statement fills a new table');
}

function view(context: Context, body: Tree): void {
  context.facts.does('ddl');
  context.facts.changesMeaning = true;
  makes(context, tree(body.view));
  nested(context, body.query);
  rewire(context, 'ViewStmt', body);
  aboutOthers(context, 'ViewStmt', body);
}

function lock(context: Context, body: Tree): void {
  context.facts.does('lock');
  locksOthers(context, body);
  for (const item of list(body.relations))
    for (const relation of resolve(context, tree(is(item, 'RangeVar') ?? {}))) {
      context.facts.reads.add(label(relation));
      for (const child of descendants(context, relation))
        (child.partition ? context.facts.within : context.facts).reads.add(label(child));
    }
}

function refresh(context: Context, body: Tree): void {
  const { facts } = context;
  facts.does('maintenance');
  facts.firesEvents = true;
  for (const relation of resolve(context, tree(body.relation))) {
    facts.writes.add(label(relation));
    // What it stores stays there, whatever its functions read the next time.
    // As its owner, before Postgres 17 in the session's search_path.
    for (const path of new Set([context.callPath, pathAs(context.callPath, relation.owner)]))
      facts.absorb(context.judge.refreshFacts(relation, path));
  }
  facts.rows = null;
}

/** The many statements that are what their name says. False when the tag is none of them. */
function utility(context: Context, tag: string, body: Tree): boolean {
  const known = UTILITY.get(tag);
  if (known === undefined) return false;
  const { facts } = context;
  for (const command of known.commands) facts.does(command);
  if (known.outside) facts.outside = true;
  if (known.leadsIn) facts.opaque = true;
  if (known.changesMeaning) facts.changesMeaning = true;
  if (tag === 'ReindexStmt') facts.firesEvents = true;
  // Nobody's statement runs it later, only the next connection: it counts here.
  if (tag === 'CreateEventTrigStmt' && body.eventname === 'login')
    call(context, names(body.funcname), { count: 0, named: false, args: [] });
  facts.keyed = false;
  facts.rows = null;
  actedOn(context, tag, body);
  for (const object of everything(body)) {
    const subtype = object.subtype;
    if (typeof subtype === 'string' && /GenericOptions/.test(subtype)) facts.opaque = true;
    if (subtype === 'AT_ChangeOwner' || (typeof subtype === 'string' && /RowSecurity/.test(subtype)))
      facts.does('privilege');
    const defElem = object.DefElem;
    if (defElem !== undefined && (tag === 'CreateFunctionStmt' || tag === 'AlterFunctionStmt')) {
      const setting = is(tree(defElem).arg, 'VariableSetStmt');
      if (setting !== null) blinds(context, setting);
    }
  }
  walkDefined(context, tag, body);
  const refusal = unprotects(context, tag, body);
  if (refusal !== null) facts.refuse(refusal);
  rewire(context, tag, body);
  maintained(context, tag, body);
  dropsCast(context, tag, body);
  aboutOthers(context, tag, body);
  return true;
}
