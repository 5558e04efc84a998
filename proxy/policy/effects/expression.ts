import type { CatalogFunction } from '../catalog-view.ts';
import { ask, type Context, castTo, involve } from './context.ts';
import { Facts } from './facts.ts';
import { argument, textPlace } from './literal.ts';
import { findFunctions, findOperators, findRelations, findTypes } from './names.ts';
import { readOtherwise } from './newer-syntax.ts';
import { SHAPES } from './nodes.ts';
import { settingOf } from './pinned-setting.ts';
import { changeSetting } from './settings.ts';
import { is, list, names, node, present, type Tree, text, tree } from './tree.ts';
import { argumentsLeft } from './void-arguments.ts';

/** Walks any expression, list of expressions, or absent one. A node type that is not known makes the statement unknown. */
export function walk(context: Context, value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(context, item);
    return;
  }
  if (!present(value)) return;
  const found = node(value);
  if (found === null) {
    context.facts.cannotTell('the syntax tree has a part without a type');
    return;
  }
  walkTagged(context, found.tag, found.body);
}

/** Walks a node whose type is known from where it stands. */
export function walkTagged(context: Context, tag: string, body: Tree): void {
  if (!MEETS_NOTHING.has(tag)) context.computes = true;
  const otherwise = readOtherwise(context.view, tag, body);
  if (otherwise !== null) context.facts.cannotTell(otherwise);
  // Before Postgres 16 a column could have this name.
  if (body.op === 'SVFOP_SYSTEM_USER') context.mentioned.add('system_user');
  const special = SPECIAL.get(tag);
  if (special !== undefined) {
    special(context, body);
    return;
  }
  const shape = SHAPES.get(tag);
  if (shape === undefined) {
    context.facts.cannotTell(`${tag} is not a syntax that is understood`);
    return;
  }
  for (const [field, value] of Object.entries(body)) {
    if (shape.plain.has(field)) continue;
    const struct = shape.structs.get(field);
    if (struct !== undefined) walkTagged(context, struct, tree(value));
    else if (shape.nodes.has(field)) walk(context, value);
    else context.facts.cannotTell(`${tag}.${field} is not a syntax that is understood`);
  }
}

/** Nodes that hand values on as they are. */
const MEETS_NOTHING = new Set([
  'A_Const',
  'ParamRef',
  'ColumnRef',
  'ResTarget',
  'String',
  'A_Star',
  'SelectStmt',
  'TypeCast',
  'TypeName',
  'A_Indirection',
]);

type Handler = (context: Context, body: Tree) => void;

const SPECIAL: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['ColumnRef', columnRef],
  ['A_Expr', operatorExpression],
  ['A_Indirection', indirection],
  ['TypeCast', typeCast],
  ['TypeName', typeName],
  ['FuncCall', functionCall],
  ['SubLink', subLink],
  ['CaseExpr', caseExpression],
  ['SortBy', sortBy],
  ['CurrentOfExpr', cursorOf],
  ['SelectStmt', (c, b) => c.judge.grammar.query(c, b)],
  ['InsertStmt', (c, b) => c.judge.grammar.dml(c, 'InsertStmt', b)],
  ['UpdateStmt', (c, b) => c.judge.grammar.dml(c, 'UpdateStmt', b)],
  ['DeleteStmt', (c, b) => c.judge.grammar.dml(c, 'DeleteStmt', b)],
  ['MergeStmt', (c, b) => c.judge.grammar.dml(c, 'MergeStmt', b)],
]);

function typeCast(context: Context, body: Tree): void {
  walk(context, body.arg);
  const type = tree(body.typeName);
  const sources = sourcesOf(context, body.arg);
  for (const oid of typesNamed(context, type)) ask(context, oid, sources);
  typeName(context, type);
}

/** The types that the argument of a cast can have: an untyped literal or parameter has none, and takes that of the cast. */
function sourcesOf(context: Context, arg: unknown): readonly number[] | null {
  const found = node(arg);
  if (found?.tag === 'ParamRef') return context.parameters ? null : [];
  if (found?.tag === 'TypeCast') return typesNamed(context, tree(found.body.typeName));
  if (found?.tag === 'ColumnRef')
    return context.variables ? null : columnTypes(context, names(found.body.fields));
  if (found?.tag !== 'A_Const') return null;
  if (found.body.isnull === true || 'sval' in found.body) return [];
  return 'ival' in found.body ? [INT4] : 'fval' in found.body ? [INT8, NUMERIC] : null;
}

/** OIDs in pg_type.dat. */
const INT4 = 23;
const INT8 = 20;
const NUMERIC = 1700;

/** The types that a column may have, where every relation in scope is known; null otherwise. */
function columnTypes(context: Context, fields: readonly string[]): readonly number[] | null {
  if (fields.length > 2) return null;
  const name = fields.at(-1) ?? '';
  const types = new Set<number>();
  for (const scope of context.scopes) {
    const here = scope.typesOf(name);
    if (here === null) return null;
    for (const type of here) types.add(type);
  }
  return types.size > 0 ? [...types] : null;
}

function typesNamed(context: Context, type: Tree): number[] {
  const name = names(type.names);
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  const found = findTypes(context.view, schema, name.at(-1) ?? '', context.path);
  if (list(type.arrayBounds).length === 0) return found.map(t => t.oid);
  // The array's own type, and what its elements are cast to.
  return found.flatMap(t => [t.oid, ...context.view.typesNamed(`_${t.name}`).map(a => a.oid)]);
}

function cursorOf(context: Context, body: Tree): void {
  const name = text(body.cursor_name);
  if (name === '') context.facts.cannotTell('WHERE CURRENT OF names its cursor by a parameter');
  context.facts.cursor = name;
}

/** `CASE x WHEN y` compares by whatever `=` is in the path. */
function caseExpression(context: Context, body: Tree): void {
  for (const field of Object.keys(body))
    if (!['arg', 'args', 'defresult', 'location'].includes(field))
      context.facts.cannotTell(`CASE with ${field} is not understood`);
  walk(context, body.arg);
  walk(context, body.args);
  walk(context, body.defresult);
  if (present(body.arg)) equality(context);
}

function sortBy(context: Context, body: Tree): void {
  walk(context, body.node);
  if (present(body.useOp)) operator(context, names(body.useOp), true);
}

function subLink(context: Context, body: Tree): void {
  walk(context, body.testexpr);
  walk(context, body.subselect);
  if (present(body.operName)) operator(context, names(body.operName), true);
  else if (present(body.testexpr)) operator(context, ['='], true);
}

const BETWEEN = ['>=', '<=', '<', '>'];

function operatorExpression(context: Context, body: Tree): void {
  walk(context, body.lexpr);
  walk(context, body.rexpr);
  const kind = text(body.kind);
  const name = names(body.name);
  if (/^AEXPR_(NOT_)?BETWEEN(_SYM)?$/.test(kind)) {
    for (const op of BETWEEN) operator(context, [op], true);
  } else if (/^AEXPR_(OP|OP_ANY|OP_ALL|DISTINCT|NOT_DISTINCT|NULLIF|IN|LIKE|ILIKE|SIMILAR)$/.test(kind)) {
    if (/^AEXPR_((NOT_)?DISTINCT|NULLIF)$/.test(kind)) equality(context, name);
    else operator(context, name, present(body.lexpr));
  } else {
    context.facts.cannotTell(`${kind} is not a syntax that is understood`);
  }
}

/** What compares where a definition that the server has printed does not say which operator does: any of that name. */
export function equality(context: Context, name: readonly string[] = ['=']): void {
  operator(context.printed && name.length === 1 ? { ...context, path: null } : context, name, true);
  context.computes = true;
}

/** Every operator that a name may mean, with both sides or only the right one. */
export function operator(context: Context, name: readonly string[], binary: boolean): void {
  const { view, facts } = context;
  context.computes = true;
  const last = name.at(-1) ?? '';
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  const found = findOperators(view, schema, last, context.path, binary);
  if (found.length === 0) {
    facts.misses(`operator ${name.join('.')} is not in the catalog`);
    return;
  }
  const rivals = found.some(o => o.system);
  for (const o of found) {
    if (o.system) continue;
    const inputs = [o.left, o.right].filter(oid => oid !== 0);
    const effect = new Facts();
    for (const oid of o.functions) {
      const called = view.functionOf(oid);
      if (called === undefined) effect.cannotTell(`what operator ${last} calls is not in the catalog`);
      else effect.absorb(context.judge.callFacts(called, 2, context.callPath));
    }
    // A harmless one that most likely stands behind a built-in one is not worth telling.
    if (rivals && effect.readOnly && !effect.protected && !effect.suspect) effect.functions.clear();
    context.calls.push({ inputs, result: [o.result], facts: effect, rivals });
  }
}

function columnRef(context: Context, body: Tree): void {
  const fields = names(body.fields);
  const last = fields.at(-1) ?? '';
  context.mentioned.add(last);
  if (fields.length < 2 || last === '*') return;
  const columns = lookup(context, fields.at(-2) ?? '');
  if (columns?.has(last)) return;
  attribute(context, last);
}

/** The innermost alias of that name: its columns, null where they are not known, undefined where there is none. */
function lookup(context: Context, alias: string): ReadonlyMap<string, number> | null | undefined {
  for (let i = context.scopes.length - 1; i >= 0; i--) {
    const scope = context.scopes[i];
    if (scope?.has(alias)) return scope.get(alias);
  }
  return undefined;
}

/** `x.name` where `name` may be no column: then Postgres calls a function of that name with x (ParseFuncOrColumn in parse_func.c). */
function attribute(context: Context, name: string): void {
  const found = findFunctions(context.view, null, name, context.path, { count: 1, named: false });
  for (const f of found) {
    const facts = context.judge.callFacts(f, 1, context.callPath);
    if (facts.readOnly && !facts.protected && !facts.suspect) {
      context.facts.mayCome(facts);
      continue;
    }
    context.calls.push({ inputs: f.inputs, result: [f.result], facts, rivals: false });
  }
}

function indirection(context: Context, body: Tree): void {
  walk(context, body.arg);
  for (const step of list(body.indirection)) {
    const field = is(step, 'String');
    if (field !== null) attribute(context, text(field.sval));
    else walk(context, step);
  }
}

export function typeName(context: Context, body: Tree): void {
  const { facts, view } = context;
  walk(context, body.typmods);
  const name = names(body.names);
  const last = name.at(-1) ?? '';
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  if (body.pct_type === true) {
    const relation = name.slice(0, -1);
    const found = findRelations(
      view,
      relation.length > 1 ? (relation.at(-2) ?? '') : null,
      relation.at(-1) ?? '',
      context.path,
    );
    for (const r of found) castTo(context, r.columns.get(last) ?? 0);
    if (found.length === 0) facts.misses(`type ${name.join('.')} is not in the catalog`);
    return;
  }
  const otherwise = readOtherwise(view, 'TypeName', body);
  if (otherwise !== null) facts.cannotTell(otherwise);
  const found = findTypes(view, schema, last, context.path);
  if (found.length === 0) facts.misses(`type ${name.join('.')} is not in the catalog`);
  for (const t of found) castTo(context, t.oid);
}

function functionCall(context: Context, body: Tree): void {
  walk(context, body.args);
  walk(context, body.agg_order);
  walk(context, body.agg_filter);
  if (present(body.over)) walkTagged(context, 'WindowDef', tree(body.over));
  const args = list(body.args);
  const named = args.some(a => is(a, 'NamedArgExpr') !== null);
  if (body.agg_within_group === true) {
    call(context, names(body.funcname), { count: args.length + list(body.agg_order).length, named, args });
    return;
  }
  const { sure, fewest } = argumentsLeft(context.declared, args);
  call(context, names(body.funcname), { count: sure.length, fewest, named, args: sure });
}

/** Every function that a call may reach. */
export function call(
  context: Context,
  name: readonly string[],
  how: {
    readonly count: number;
    /** Where arguments may be dropped: the least that can be left. */
    readonly fewest?: number;
    readonly named: boolean;
    readonly args: readonly unknown[];
  },
): void {
  context.computes = true;
  let found = false;
  for (let count = how.count; count >= (how.fewest ?? how.count); count--) {
    // Which ones are left is not known: nothing hangs on their positions.
    const args = count === how.count ? how.args : [];
    if (reach(context, name, { count, named: how.named, args })) found = true;
  }
  if (!found) context.facts.misses(`function ${name.join('.')} is not in the catalog`);
}

/** With this number of arguments. False where nothing of that name takes them. */
function reach(
  context: Context,
  name: readonly string[],
  how: { readonly count: number; readonly named: boolean; readonly args: readonly unknown[] },
): boolean {
  const { view, facts } = context;
  const last = name.at(-1) ?? '';
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  const found = findFunctions(view, schema, last, context.path, how);
  if (how.count === 1) {
    // One argument: `name(x)` may also be a cast to a type of that name, unless that is a row's (FuncNameAsType in parse_func.c).
    for (const t of findTypes(view, schema, last, context.path)) {
      if (t.kind === 'c') continue;
      castTo(context, t.oid);
      if (found.length === 0) return true;
    }
  }
  if (found.length === 0 && how.count === 1 && context.rows.some(r => r.relation.columns.has(last))) {
    // `column(row)` reads a column.
    context.mentioned.add(last);
    return true;
  }
  if (found.length === 0) return false;
  if (/populate_record/.test(last)) context.populates = true;
  const rivals = found.some(f => f.system);
  for (const f of found) {
    const effect = context.judge.callFacts(f, how.count, context.callPath);
    if (!f.system) {
      // What the default arguments call, runs too.
      context.calls.push({ inputs: f.inputs, result: [f.result, ...f.allTypes], facts: effect, rivals });
      continue;
    }
    facts.absorb(effect);
    involve(context, f.result);
    builtinArguments(
      context,
      f,
      how.args,
      found.every(one => one.system),
    );
  }
  return true;
}

/** Built-in functions whose arguments decide what they do. `only`: whatever this call reaches, it is Postgres's own. */
function builtinArguments(
  context: Context,
  f: CatalogFunction,
  args: readonly unknown[],
  only: boolean,
): void {
  const { facts } = context;
  const sets = f.name === 'set_config';
  if (!sets && f.name !== 'pg_input_is_valid' && f.name !== 'pg_input_error_info') return;
  // Both of the first two are texts, whatever the server infers.
  if (only) for (const arg of args.slice(0, 2)) textPlace(context, arg);
  if (sets) {
    const named = argument(context, args[0]);
    const setting = named.kind === 'computed' ? settingOf(context, args[0]) : named;
    changeSetting(context, setting, () => argument(context, args[1]));
    if (setting.kind !== 'null')
      facts.settings.add(setting.kind === 'text' ? setting.text.toLowerCase() : null);
    return;
  }
  const type = argument(context, args[1]);
  // Both are strict; and while it is parsed, nothing of it runs.
  if (type.kind === 'null' || type.kind === 'later') return;
  const parsed = type.kind === 'text' ? context.judge.parseType(type.text) : null;
  if (parsed === null)
    facts.cannotTell(`${f.name} runs the input function of a type that the text does not name`);
  else typeName(context, parsed);
}
