import type { CatalogFunction, CatalogView } from '../catalog-view.ts';
import { OWN_SCHEMA, pathAs, splitIdentifiers, UNKNOWN_PATH } from '../search-path.ts';
import { type Context, castTo, newContext, settle } from './context.ts';
import type { Facts } from './facts.ts';
import { hands } from './handing.ts';
import type { Judge } from './judge.ts';
import { parseStatements } from './parse.ts';
import { walkPlpgsql } from './plpgsql.ts';
import { respell } from './respell.ts';
import { changesStrings, isKept } from './settings.ts';
import { walkStatement } from './statement.ts';
import { is, list, node, tree } from './tree.ts';

/** What running a user function's body would do. Languages other than SQL and PL/pgSQL cannot be told. */
export function functionBody(
  view: CatalogView,
  judge: Judge,
  f: CatalogFunction,
  sessionPath: readonly string[],
): Facts {
  const path = pathIn(f, sessionPath);
  const context = newContext(view, judge, f.sqlBody !== '' ? [] : path, path);
  const name = `${f.schema}.${f.name}`;
  context.open = f.inputs.some(oid => view.type(oid)?.kind === 'p');
  // Arguments and results are assigned.
  context.computes = true;
  context.parameters = true;
  context.variables = true;
  for (const type of [...f.inputs, ...f.allTypes, f.result]) castTo(context, type);
  const configured = f.config.map(c => c.split('=', 1)[0] ?? '');
  if (configured.some(isKept)) context.facts.cannotTell(`${name} changes how text is read`);
  if (configured.some(changesStrings)) context.facts.otherStrings = true;
  if (f.sqlBody === '' && respell(f.source) !== null) context.facts.ambiguous.add(name);
  if (f.language === 'plpgsql') walkPlpgsql(context, name, f.definition, f.source);
  else if (f.language === 'sql') sqlBody(context, name, f);
  else context.facts.cannotRead(`${name} is written in ${f.language}, which is not read`);
  if (context.facts.changesMeaning) context.facts.cannotTell(`${name} changes what names mean while it runs`);
  const facts = settle(context);
  if (facts.cursor !== null && f.language !== 'plpgsql')
    facts.cannotTell(`${name} stands on a cursor of the session`);
  facts.cursor = null;
  // Only what a body changes is a class of its own.
  facts.commands.delete('select');
  return facts;
}

function sqlBody(context: Context, name: string, f: CatalogFunction): void {
  const statements = f.sqlBody === '' ? parseStatements(f.source) : atomicBody(f.sqlBody);
  if (typeof statements === 'string') {
    context.facts.cannotRead(`the body of ${name} does not parse`);
    return;
  }
  for (const statement of statements) {
    const returned = is(statement, 'ReturnStmt');
    const shown =
      returned === null
        ? statement
        : { SelectStmt: { targetList: [{ ResTarget: { val: returned.returnval } }] } };
    walkStatement(context, shown);
    context.facts.hands ||= hands(context, shown, false);
  }
}

/** BEGIN ATOMIC … END or RETURN …, as pg_get_function_sqlbody prints it. */
function atomicBody(text: string): readonly unknown[] | string {
  const parsed = parseStatements(`CREATE FUNCTION f() RETURNS int LANGUAGE sql ${text}`);
  if (typeof parsed === 'string') return parsed;
  const body = tree(is(parsed[0], 'CreateFunctionStmt') ?? {}).sql_body;
  const found = node(body);
  if (found === null) return 'no body';
  if (found.tag !== 'List') return [body];
  return list(found.body.items).flatMap(item => list(tree(is(item, 'List') ?? {}).items));
}

/** Where names in its body are looked up. `$user` depends on who runs: where that may be anybody, nothing is known. */
function pathIn(f: CatalogFunction, sessionPath: readonly string[]): readonly string[] {
  const set = f.config.find(c => c.startsWith('search_path='));
  if (set !== undefined) {
    const names = splitIdentifiers(set.slice('search_path='.length));
    if (names === null || names.includes(OWN_SCHEMA)) return [UNKNOWN_PATH];
    return names.filter(name => name !== 'pg_temp');
  }
  if (f.config.some(c => c.startsWith('role='))) return pathAs(sessionPath, null);
  return f.definer === '' ? sessionPath : pathAs(sessionPath, f.definer);
}
