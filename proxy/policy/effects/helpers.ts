import type { CatalogFunction, CatalogView } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { parseBody, parseStatements } from './parse.ts';
import { isLongBody } from './text-size.ts';
import { everything, tree } from './tree.ts';

const FOUND = new WeakMap<CatalogView, ReadonlySet<string>>();

/**
 * Every name that code beside protected columns may call by: what triggers, checks, policies, generated columns and indexes of their
 * tables run, and what that runs in turn, by its words. A function of such a name, in whatever schema, may be handed their values.
 */
export function namesBeside(view: CatalogView): ReadonlySet<string> {
  let found = FOUND.get(view);
  if (found === undefined) {
    found = collect(view);
    FOUND.set(view, found);
  }
  return found;
}

function collect(view: CatalogView): Set<string> {
  const found = new Set<string>();
  const read = new Set<CatalogFunction>();
  const open: CatalogFunction[] = [];
  const call = (f: CatalogFunction | undefined) => {
    if (f === undefined || f.system || read.has(f)) return;
    read.add(f);
    open.push(f);
  };
  const words = (text: string) => {
    for (const word of wordsOf(text)) {
      if (found.has(word)) continue;
      found.add(word);
      for (const f of view.functionsNamed(word)) call(f);
    }
  };
  for (const relation of view.guarded) {
    for (const t of relation.triggers) call(view.functionOf(t.function));
    for (const oid of relation.hidden) {
      call(view.functionOf(oid));
      words(view.functionOf(oid)?.name ?? '');
    }
    for (const text of [...relation.policies, ...relation.generated, ...relation.seesRows]) words(text);
    for (const type of relation.columns.values())
      for (const text of view.type(type)?.checks ?? []) words(text);
  }
  for (let f = open.pop(); f !== undefined; f = open.pop()) words(`${f.source} ${f.sqlBody}`);
  return found;
}

const EFFECTS =
  /\b(insert|update|delete|merge|truncate|execute|copy|notify|call|do|open|lock|create|alter|drop|grant|set)\b|\\|U&/i;

/** Whether a body, by its words, does nothing but compute: too strict rather than not. */
export function onlyComputes(context: Context, source: string): boolean {
  if (EFFECTS.test(source)) return false;
  const { view, judge, callPath } = context;
  for (const word of wordsOf(source))
    for (const f of view.functionsNamed(word)) {
      const facts = judge.callFacts(f, f.inputs.length, callPath);
      if (facts.carriers.size > 0 || facts.unknown.size > 0) return false;
    }
  return true;
}

/** Names of the relations in the statements of a trigger function in PL/pgSQL, and what they call in WITH aside; null where it does not parse. */
export function relationsRead(source: string): ReadonlySet<string> | null {
  const tag = `hp${'q'.repeat(source.length % 7)}x${source.length}`;
  if (source.includes(tag) || isLongBody(source)) return null;
  const body = parseBody(`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $${tag}$${source}$${tag}$`);
  if (typeof body === 'string') return null;
  const read = new Set<string>();
  for (const object of everything(body)) {
    const expr = tree(object.PLpgSQL_expr);
    if (typeof expr.query !== 'string') continue;
    const sides =
      Number(expr.parseMode ?? 0) === 0 ? expr.query : `SELECT ${expr.query.replace(/^[^=]*?:=/, '')}`;
    const parsed = parseStatements(sides);
    if (typeof parsed === 'string') return null;
    const named = [...everything(parsed)];
    const ctes = new Set(named.map(part => part.ctename));
    for (const { relname } of named) if (typeof relname === 'string' && !ctes.has(relname)) read.add(relname);
  }
  return read;
}

/** As they are written and as Postgres reads them, quoted ones too. */
export function wordsOf(source: string): Set<string> {
  const words = new Set<string>();
  for (const [word] of source.matchAll(/[\p{L}_][\p{L}\p{N}_$]*/gu)) {
    words.add(word);
    words.add(word.toLowerCase());
  }
  for (const [, quoted] of source.matchAll(/"((?:[^"]|"")+)"/g))
    words.add((quoted ?? '').replaceAll('""', '"'));
  return words;
}
