import type {
  Analysis,
  Named,
  SessionAction,
  StatementAnalysis,
  Strings,
  Values,
  Within,
} from '#schemas/analysis.ts';
import type { CommandClass } from '#schemas/effects.ts';
import { calls } from './calls.ts';
import type { CatalogView } from './catalog-view.ts';
import { actionsOf, ownsTransaction } from './effects/actions.ts';
import { cleanOutputs } from './effects/clean.ts';
import { type Context, castTo, newContext, settle } from './effects/context.ts';
import { COUNTED } from './effects/counted.ts';
import { walk } from './effects/expression.ts';
import { Facts } from './effects/facts.ts';
import { judgeOf } from './effects/judge.ts';
import { argument } from './effects/literal.ts';
import { meaningOf } from './effects/meaning.ts';
import { meetings, NO_MEETINGS } from './effects/meetings.ts';
import { declaredTypes, newBinding, surelyTexts, takesParameters } from './effects/parameters.ts';
import { parse } from './effects/parse.ts';
import { estimate } from './effects/rows.ts';
import { soughtFirst } from './effects/sought.ts';
import { walkStatement } from './effects/statement.ts';
import { DEEP, isTooDeep, TOO_DEEP } from './effects/too-deep.ts';
import { is, list, node, type Tree, text, tree } from './effects/tree.ts';
import { declaredIn } from './effects/void-arguments.ts';
import { emptyStatement } from './empty-statement.ts';
import { UNKNOWN_PATH } from './search-path.ts';
import { STRAYS, strays } from './strays.ts';
import { awaitingBody } from './with-body.ts';

export { loadParser } from './effects/parse.ts';
export { withBody } from './with-body.ts';

/**
 * What each statement of a query string would do, from its syntax tree and the target's catalog. `searchPath` is the session's, with
 * `$user` expanded; an element `?` says that it is not known. Pure; never throws: what goes wrong inside becomes `unknown`.
 * `parameterTypes` are the type OIDs that Parse declares, 0 where it leaves one open: a value of a user's type runs the type's functions,
 * which nothing in the text shows. `strings`: how the session reads them.
 * `loadParser` must have resolved before the first call.
 */
export function analyse(
  sql: string,
  view: CatalogView,
  searchPath: readonly string[],
  parameterTypes?: readonly number[],
  strings: Strings = 'standard',
): Analysis {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(sql, strings === 'escapes');
  } catch (fault) {
    if (isTooDeep(fault)) return TOO_DEEP;
    return { kind: 'statements', statements: [failed(fault, view).analysis] };
  }
  if ('message' in parsed) return { kind: 'syntax-error', ...parsed };
  const statements = analyseTrees(parsed, view, searchPath, parameterTypes, strings);
  if (statements.some(s => s.effects.unknown.includes(DEEP))) return TOO_DEEP;
  return {
    kind: 'statements',
    statements: statements.length === 1 ? statements.map(withText(sql)) : statements,
  };
}

/** With a backslash in it, the text might be read otherwise the next time. */
function withText(sql: string): (statement: StatementAnalysis) => StatementAnalysis {
  return statement =>
    sql.includes('\\') || !statement.actions.some(names)
      ? statement
      : { ...statement, actions: statement.actions.map(a => (names(a) ? { ...a, text: sql } : a)) };
}

function names(action: SessionAction): action is SessionAction & Named {
  return action.kind === 'prepare' || action.kind === 'declare';
}

/** The same for statements that are parsed already. */
export function analyseTrees(
  parsed: readonly unknown[],
  view: CatalogView,
  searchPath: readonly string[],
  parameterTypes?: readonly number[],
  strings: Strings = 'standard',
): StatementAnalysis[] {
  if (parsed.length === 0) return [emptyStatement()];
  let path = searchPath;
  let moved = false;
  let rewired = false;
  const joined = new Set<string>();
  let late = false;
  let doubtful = strings !== 'standard';
  const statements: StatementAnalysis[] = [];
  for (const statement of parsed) {
    const { analysis, facts } = one(statement, {
      view,
      path,
      moved,
      rewired,
      joined,
      late,
      doubtful,
      parameters: null,
      types: parameterTypes,
      values: null,
    });
    statements.push(analysis);
    const ends = analysis.actions.some(a => a.kind === 'commit' || a.kind.startsWith('rollback'));
    if (analysis.rewires === true) rewired = true;
    for (const name of analysis.joins ?? []) joined.add(name);
    if (analysis.otherStrings === true) doubtful = true;
    // PREPARE runs nothing of it: what EXECUTE then does is for the session to say.
    if (node(statement)?.tag === 'PrepareStmt' && facts.unknown.size === 0 && !facts.parseRuns) continue;
    if (analysis.actions.some(a => a.kind === 'commit' || a.kind === 'rollback')) late = false;
    else if (facts.late.size > 0) late = true;
    if (facts.changesMeaning || (facts.unknown.size > 0 && !facts.readOnly)) moved = true;
    // A SET LOCAL before this text may end with the transaction.
    if (ends || facts.settings.size > 0) path = [UNKNOWN_PATH];
  }
  return statements;
}

/** Said of every statement behind one that rewires, until that is committed and the catalog read again. */
export const REWIRED =
  'an earlier statement of this transaction has changed what names mean around protected columns: commit it first';

const NONE: ReadonlySet<string> = new Set();

const MOVED = 'an earlier statement of the same text changes what this one means';

const LATE =
  'an earlier statement of the same text calls at the end of the transaction what this one changes';

interface Surroundings {
  readonly view: CatalogView;
  readonly path: readonly string[];
  readonly moved: boolean;
  readonly rewired: boolean;
  /** Names of relations that earlier statements of the same text have joined with protected ones. */
  readonly joined: ReadonlySet<string>;
  /** An earlier statement of the same text has left something to run at the end of the transaction. */
  readonly late: boolean;
  /** standard_conforming_strings is, was or may be off when a body is read. */
  readonly doubtful: boolean;
  /** TypeName nodes of PREPARE, for the statement under it; null for any other. */
  readonly parameters: unknown;
  /** Type OIDs of Parse. */
  readonly types: readonly number[] | undefined;
  /** Of its parameters; null before it is bound. */
  readonly values: Values | null;
  /** Names that lead nowhere count as nothing. */
  readonly lenient?: true;
}

function one(statement: unknown, around: Surroundings): { analysis: StatementAnalysis; facts: Facts } {
  const { view, path, moved } = around;
  try {
    const context = newContext(view, judgeOf(view), path);
    context.itself = true;
    context.root = statement;
    context.joined = around.joined;
    context.facts.lenient = around.lenient === true;
    const { types } = around;
    for (const oid of types ?? []) castTo(context, oid);
    context.parameters = types === undefined;
    if (types?.some(oid => oid !== 0) || list(around.parameters).length > 0) {
      context.computes = true;
      context.parameters = true;
    }
    context.declared = declaredIn(statement, around.parameters, types ?? []);
    walk(context, around.parameters);
    context.binding = bindingOf(context, statement, around);
    walkStatement(context, statement);
    if (context.binding !== null && !surelyTexts(context.binding, statement))
      context.facts.refuse('the type of a parameter on which it hangs what this does cannot be told');
    if (view.everywhere.length > 0 && !EXPRESSIONLESS.has(node(statement)?.tag ?? ''))
      context.facts.absorb(context.judge.everywhere(context.callPath));
    const facts = settle(context);
    if (moved && !EXPRESSIONLESS.has(node(statement)?.tag ?? '')) facts.cannotTell(MOVED);
    if (around.doubtful || facts.otherStrings)
      for (const body of facts.ambiguous)
        facts.cannotRead(`${body} says something else with standard_conforming_strings off`);
    if (around.rewired && !EXPRESSIONLESS.has(node(statement)?.tag ?? '') && !definesOnly(facts))
      facts.refuse(REWIRED);
    return { analysis: conclude(context, statement, facts, around), facts };
  } catch (fault) {
    return failed(fault, view);
  }
}

function bindingOf(context: Context, statement: unknown, around: Surroundings): Context['binding'] {
  const { tag, body } = node(statement) ?? { tag: '', body: tree(null) };
  if (!takesParameters(tag)) return null;
  if (tag === 'PrepareStmt') return newBinding(declaredTypes(context, body.argtypes), null);
  const types = around.parameters === null ? around.types : declaredTypes(context, around.parameters);
  return newBinding(types ?? [], around.values);
}

/** DDL that moves no values: more of the same is fine. */
function definesOnly(facts: Facts): boolean {
  const defines = [...facts.commands].every(c => c === 'ddl' || c === 'privilege');
  return defines && (facts.rewires || facts.reads.size + facts.functions.size === 0);
}

/** Something inside went wrong: nothing is known of the statement. */
function failed(fault: unknown, view: CatalogView): { analysis: StatementAnalysis; facts: Facts } {
  if (isTooDeep(fault)) return nothingKnown(DEEP, view);
  return nothingKnown(`the analysis failed: ${fault instanceof Error ? fault.message : String(fault)}`, view);
}

function nothingKnown(why: string, view: CatalogView): { analysis: StatementAnalysis; facts: Facts } {
  const facts = new Facts();
  facts.commands.add('unknown');
  facts.changesMeaning = true;
  facts.cannotTell(why);
  return { analysis: plain(facts, view), facts };
}

/** Of something that cannot be analysed, and why. */
export function unanalysed(why: string, view: CatalogView): StatementAnalysis {
  return nothingKnown(why, view).analysis;
}

/** Statements that mean the same whatever names mean. */
const EXPRESSIONLESS = new Set([
  'TransactionStmt',
  'VariableShowStmt',
  'DeallocateStmt',
  'ClosePortalStmt',
  'ListenStmt',
  'UnlistenStmt',
  'DiscardStmt',
  'VariableSetStmt',
]);

function conclude(
  context: Context,
  statement: unknown,
  facts: Facts,
  around: Surroundings,
): StatementAnalysis {
  const { view } = around;
  const { tag, body } = node(statement) ?? { tag: '', body: tree(null) };
  const touched = view.hasProtected && (facts.protected || facts.suspect);
  if (facts.commands.has('copy-out') && touched)
    facts.refuse('COPY would carry a protected relation out, where its rows cannot be masked');
  if (view.hasProtected && facts.protected && facts.carriers.size > 0)
    facts.refuse(
      `${[...facts.carriers][0]} could carry protected values out of a statement that has a protected relation in scope`,
    );
  const kept = facts.writes.size > 0 || [...facts.carriers].some(name => !facts.revealing.has(name));
  if (view.hasProtected && facts.revealing.size > 0 && kept)
    facts.refuse(`what ${[...facts.revealing][0]} tells would be kept where it is not masked`);
  if (strays([...facts.functions], [...facts.settings])) facts.cannotTell(STRAYS);
  if (around.late && (facts.otherStrings || meaningOf(context, tag, body) === 'changes'))
    facts.cannotTell(LATE);
  const meet = touched ? meetings(context) : NO_MEETINGS;
  if (meet.made || (meet.searched && facts.writes.size > 0)) facts.refuse(COUNTED);
  const select = tag === 'SelectStmt' ? body : is(body.query, 'SelectStmt');
  if (select !== null && tag !== 'CreateTableAsStmt' && tag !== 'ViewStmt') {
    const rows = estimate(context, 'SelectStmt', select);
    facts.rows = facts.rows === null || rows === null ? null : Math.max(rows, facts.rows);
  }
  const execute = executeOf(tag, body);
  const executes = execute === null ? null : text(execute.name);
  const asked = context.binding?.asked ?? new Set();
  const analysis = plain(facts, view);
  const whole: StatementAnalysis = {
    ...analysis,
    actions: actionsOf(statement, facts, (nested, parameters) => {
      const own = parameters === null ? around : { ...around, parameters, values: null };
      return one(nested, { ...own, moved: false, rewired: false, joined: NONE, late: false }).analysis;
    }),
    executes,
    ...(executes === null ? {} : { given: valuesGiven(context, execute) }),
    cursor: facts.cursor,
    // Behind one that joins it is not to be taken for one that knows nothing of that.
    ...(around.joined.size > 0 ? { joins: analysis.joins ?? [] } : {}),
    cleanOutputs: cleanOutputs(context, statement, meet.counted),
    ...(meet.met.size > 0 ? { met: [...meet.met].sort() } : {}),
    ownTransaction: ownsTransaction(statement, facts),
    ...soughtFirst(context, statement),
    ...(ANALYSED.has(tag) ? { namesAtParse: true, ...found(statement, facts, around) } : {}),
    meaning: meaningOf(context, tag, body),
    ...usersTypes(context),
  };
  const awaits = executes === null && facts.cursor === null ? whole : awaitingBody(whole);
  return asked.size === 0 ? awaits : hangingOnValues(awaits, statement, around);
}

/** Something that it does hangs on its parameters. Of PREPARE that is said of the statement under it. */
function hangingOnValues(
  analysis: StatementAnalysis,
  statement: unknown,
  around: Surroundings,
): StatementAnalysis {
  const typed = { ...analysis, typed: true };
  if (around.values !== null || node(statement)?.tag === 'PrepareStmt') return typed;
  const before = { ...typed, effects: { ...typed.effects, readOnly: false } };
  const by = (values: Values) => one(statement, { ...around, values }).analysis;
  return { ...before, refusal: before.refusal ?? UNBOUND, bound: { before, by } };
}

/** What the server's parse analysis goes into (transformStmt in analyze.c); of all else it looks at nothing before it runs it. */
const ANALYSED = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'ExplainStmt',
  'DeclareCursorStmt',
  'CreateTableAsStmt',
  'CallStmt',
]);

/** Where names that lead nowhere are all that is not known of it. */
function found(statement: unknown, facts: Facts, around: Surroundings): Pick<StatementAnalysis, 'found'> {
  const { missed, unknown, cursor } = facts;
  if (missed.size === 0 || cursor !== null || [...unknown].some(why => !missed.has(why))) return {};
  return around.lenient === true ? {} : { found: one(statement, { ...around, lenient: true }).analysis };
}

const UNBOUND = 'what it does hangs on the values of its parameters';

function usersTypes({ types, targets, view }: Context): { types?: number[] } {
  const found = [...new Set([...types, ...targets])].filter(oid => view.type(oid)?.system === false);
  return found.length === 0 ? {} : { types: found.sort(ascending) };
}

function executeOf(tag: string, body: Tree): Tree | null {
  return tag === 'ExecuteStmt' ? body : is(body.query, 'ExecuteStmt');
}

/** What EXECUTE gives, as far as that is there to be read: it has no parameters of its own. */
function valuesGiven(context: Context, execute: Tree | null): Values {
  return list(execute?.params).map(value => {
    const given = argument({ ...context, binding: null }, value);
    return given.kind === 'text' ? given.text : given.kind === 'null' ? null : undefined;
  });
}

/** Partitions stay out of the effects, which people read: a table can have thousands. A rule that allows calls allows no change of what is called. */
function within(facts: Facts): { within?: Within } {
  const { reads, writes, functions } = facts.within;
  return reads.size + writes.size + functions.size === 0
    ? {}
    : { within: { reads: [...reads].sort(), writes: [...writes].sort(), functions: [...functions].sort() } };
}

function ascending(a: number, b: number): number {
  return a - b;
}

export function plain(facts: Facts, view: CatalogView): StatementAnalysis {
  const commands: CommandClass[] = [...facts.commands];
  return {
    effects: {
      commands: commands.length > 0 ? commands : ['unknown'],
      reads: [...facts.reads].sort(),
      writes: [...facts.writes].sort(),
      functions: [...facts.functions].sort(),
      withoutWhere: facts.withoutWhere,
      keyed: facts.keyed,
      rows: facts.rows,
      outside: facts.outside,
      unknown: [...facts.unknown].sort(),
      readOnly: facts.readOnly && facts.unknown.size === 0 && commands.length > 0,
    },
    ...within(facts),
    actions: [],
    executes: null,
    cursor: null,
    touchesProtected: view.hasProtected && (facts.protected || facts.suspect),
    cleanOutputs: null,
    refusal: facts.refusal,
    ownTransaction: false,
    rewires: view.hasProtected && facts.rewires,
    ...(facts.joins.size > 0 ? { joins: [...facts.joins].sort() } : {}),
    ...(facts.about.size > 0 ? { about: [...facts.about].sort() } : {}),
    ...(facts.takes.size > 0 ? { takes: [...facts.takes].sort() } : {}),
    opaque: view.hasProtected && facts.opaque,
    meaning: facts.unknown.size > 0 && !facts.readOnly ? 'changes' : undefined,
    parseRuns: facts.parseRuns,
    otherEncoding: facts.otherEncoding,
    otherStrings: facts.otherStrings || facts.unknown.size > 0,
    ...(facts.opens === null ? {} : { opens: facts.opens }),
    ...calls(facts.called, view),
    ...(facts.late.size > 0 ? { late: [...facts.late].sort(ascending) } : {}),
  };
}
