import type { ScanToken } from 'libpg-query';
import { type Context, rooted } from './context.ts';
import { typeName, walk } from './expression.ts';
import { hands, readByField } from './handing.ts';
import { parseBody, parseStatements } from './parse.ts';
import { scanSync } from './parser.ts';
import { fetchesByName } from './plpgsql-cursors.ts';
import { defaultsIn, withoutComments } from './plpgsql-defaults.ts';
import { ShownWords } from './shown-words.ts';
import { isLongBody } from './text-size.ts';
import { everything, is, list, names, type Tree, text, tree } from './tree.ts';

const prefixed = (names: string) =>
  names
    .split(/\s+/)
    .filter(n => n !== '')
    .map(n => `PLpgSQL_${n}`);

/** Every part of libpg-query's tree of a PL/pgSQL function. What is not here is unknown. */
const KNOWN = new Set(
  prefixed(`function var rec row recfield type expr exception_block exception condition diag_item raise_option
  case_when if_elsif stmt_block stmt_assign stmt_if stmt_case stmt_loop stmt_while stmt_fori stmt_fors stmt_forc
  stmt_foreach_a stmt_exit stmt_return stmt_return_next stmt_return_query stmt_raise stmt_assert stmt_execsql stmt_getdiag
  stmt_open stmt_fetch stmt_close stmt_perform stmt_call stmt_commit stmt_rollback`),
);

const RUNS_STRINGS = new Set(prefixed('stmt_dynexecute stmt_dynfors'));

/** Words of PL/pgSQL that leave no trace in the tree. */
const WORDS = new Set(
  `absolute alias all and array as assert backward begin by call case chain close collate column commit constant constraint
  constraint_name continue current cursor datatype debug declare default detail diagnostics do dump else elseif elsif end
  errcode error exception execute exit fetch first for foreach forward from get hint if import in info insert into is last
  log loop merge message message_text move next no not notice null of open option or perform pg_context pg_datatype_name
  pg_exception_context pg_exception_detail pg_exception_hint pg_routine_oid print_strict_params prior query raise record relative
  return returned_sqlstate reverse rollback row_count rowtype schema schema_name scroll select set slice sqlstate stacked
  strict table table_name then to true false type update use_column use_variable using variable_conflict warning when while
  column_name delete values int integer text found not on off plpgsql numeric boolean bigint date timestamp timestamptz time`.split(
    /\s+/,
  ),
);

/** A function body or DO block. `whole` is the CREATE FUNCTION or DO, `source` the text between its quotes. */
export function walkPlpgsql(context: Context, name: string, whole: string, source: string): void {
  const { facts } = context;
  // Its parameters stand around it, with a comma between each two.
  if (isLongBody(source, whole.split(',').length - source.split(',').length + 1)) {
    facts.cannotRead(`the body of ${name} is too long to be read`);
    return;
  }
  const body = parseBody(whole);
  if (typeof body === 'string') {
    facts.cannotRead(`the body of ${name} does not parse`);
    return;
  }
  if (fetchesByName(body)) {
    facts.fetches = true;
    facts.protected ||= context.view.hasProtected;
  }
  context.fields = true;
  const byField = readByField(body, source);
  for (const object of everything(body)) {
    for (const [key, value] of Object.entries(object)) {
      if (!key.startsWith('PLpgSQL_')) {
        if (key === 'dynquery') facts.cannotRead(`${name} runs SQL from a string`);
        continue;
      }
      if (RUNS_STRINGS.has(key)) facts.cannotRead(`${name} runs SQL from a string`);
      else if (!KNOWN.has(key))
        facts.cannotTell(`${name} uses ${key.slice('PLpgSQL_'.length)}, which is not understood`);
      // A cursor may be named by a value, and names stand in pg_cursors.
      if (key === 'PLpgSQL_stmt_open') {
        facts.carriers.add(`${name}, which opens a cursor,`);
        facts.opens ??= 'cursor';
      }
      if (key === 'PLpgSQL_stmt_commit' || key === 'PLpgSQL_stmt_rollback') facts.endsTransaction = true;
      if (key === 'PLpgSQL_expr') expression(context, name, tree(value), byField.has(tree(value)));
      if (key === 'PLpgSQL_type') declared(context, name, text(tree(value).typname));
    }
  }
  if (!complete(context, body, source))
    facts.cannotRead(`${name} has a part that its syntax tree does not show`);
}

function expression(context: Context, name: string, expr: Tree, byField: boolean): void {
  const { facts } = context;
  const query = text(expr.query);
  const mode = Number(expr.parseMode ?? 0);
  if (mode === 0) {
    const parsed = parseStatements(query);
    if (typeof parsed === 'string') facts.cannotTell(`a statement of ${name} does not parse`);
    else
      for (const statement of parsed) {
        context.judge.grammar.statement(context, statement);
        facts.hands ||= hands(context, statement, byField);
      }
    return;
  }
  for (const part of mode === 2 ? [query] : sides(query))
    if (!computes(context, part)) facts.cannotTell(`an expression of ${name} does not parse`);
}

/** False where it does not parse. */
function computes(context: Context, part: string): boolean {
  const parsed = parseStatements(`SELECT ${part}`);
  if (typeof parsed === 'string' || parsed.length !== 1) return false;
  rooted(context, parsed[0]);
  walk(context, parsed[0]);
  context.facts.hands ||= hands(context, parsed[0], false);
  return true;
}

/** Both sides of an assignment: subscripts on the left may call functions too. */
function sides(assignment: string): string[] {
  const bytes = Buffer.from(assignment, 'utf8');
  let depth = 0;
  for (const token of scanSync(assignment).tokens) {
    if (token.text === '[' || token.text === '(') depth++;
    else if (token.text === ']' || token.text === ')') depth--;
    else if (depth === 0 && (token.text === ':=' || token.text === '='))
      return [bytes.subarray(0, token.start).toString('utf8'), bytes.subarray(token.end).toString('utf8')];
  }
  return [assignment];
}

function declared(context: Context, name: string, type: string): void {
  if (type === '' || type === 'record') return;
  const plain = type.replace(/%rowtype$/i, '');
  const parsed = parseStatements(`CREATE FUNCTION f(a ${plain}) RETURNS int LANGUAGE sql AS ''`);
  const parameter =
    typeof parsed === 'string'
      ? null
      : is(list(tree(is(parsed[0], 'CreateFunctionStmt') ?? {}).parameters)[0], 'FunctionParameter');
  if (parameter === null) context.facts.cannotTell(`a type in ${name} does not parse`);
  else {
    // It stays what it was when the session first ran the body, whatever the path is now or has come to stand in front of it since.
    const anywhere = { ...context, path: null };
    typeName(anywhere, tree(parameter.argType));
    context.computes ||= anywhere.computes;
    if (!builtin(context, names(tree(parameter.argType).names))) renamed(context);
  }
}

/** Postgres's own types have no other names. */
function builtin({ view }: Context, words: readonly string[]): boolean {
  const [name = '', schema = 'pg_catalog'] = words.toReversed();
  return schema === 'pg_catalog' && view.typesNamed(name).some(type => type.system);
}

/** Its type may have another name by now: whatever domain may check what it is given, so far as that does more than compute. */
function renamed({ callPath, facts, judge, view }: Context): void {
  for (const oid of view.lively) {
    const found = judge.typeFacts(oid, 'checks', callPath);
    if (found.readOnly && !found.protected && !found.suspect && found.unknown.size === 0)
      facts.mayCome(found);
    else facts.absorb(found);
  }
}

/**
 * libpg-query's tree leaves the defaults of record variables out, and takes every variable of a row type for one: they are read
 * from the source. Every other name of the source must turn up in the tree; false when one does not.
 */
function complete(context: Context, body: Tree, source: string): boolean {
  const shown = new ShownWords(body);
  const records = [...everything(body)].some(object => 'PLpgSQL_rec' in object);
  if (records) context.records = true;
  let tokens: readonly ScanToken[];
  try {
    tokens = withoutComments(scanSync(source).tokens);
  } catch {
    return false;
  }
  const bytes = Buffer.from(source, 'utf8');
  const read = new Set<ScanToken>();
  for (const { from, to } of records ? defaultsIn(tokens) : []) {
    const text = bytes.subarray(tokens[from]?.end, tokens[to]?.start).toString('utf8');
    if (!computes(context, text)) return false;
    for (const token of tokens.slice(from, to)) read.add(token);
  }
  const checked = new Set<string>();
  for (const token of tokens) {
    const word = wordOf(token);
    if ((token.tokenName !== 'IDENT' && token.keywordKind !== 1) || checked.has(word)) continue;
    if (read.has(token)) continue;
    checked.add(word);
    if (shown.has(word)) continue;
    if (!WORDS.has(word) || context.view.functionsNamed(word).some(f => !f.system)) return false;
  }
  return true;
}

function wordOf(token: ScanToken): string {
  return token.text.startsWith('"')
    ? token.text.slice(1, -1).replaceAll('""', '"')
    : token.text.toLowerCase();
}
