import type { Catalog } from './catalog.ts';
import { columnsOf } from './columns.ts';
import type { Answers, Question, Row } from './questions.ts';
import { oidIn } from './sql.ts';

/**
 * Relations that somebody's open transaction has locked whole, or waits to. Postgres cannot print a definition that mentions one until
 * the lock is gone, and nobody knows when: the transaction may even wait for a statement that waits for this catalog.
 */
export const LOCKED_RELATIONS = `
  select distinct relation from pg_locks
   where locktype = 'relation' and mode = 'AccessExclusiveLock' and relation >= 16384 and pid <> pg_backend_pid()
     and database = (select oid from pg_database where datname = current_database())`;

/** What stands for such a definition. It parses as nothing, so that what hangs on it cannot be told. */
/** Stands for a definition that could not be read. */
export const UNREADABLE = '(locked by another transaction:';

/** The question with every definition left out that mentions one of these relations. */
export function withoutLocked(name: Question, text: string, locked: readonly number[]): string {
  const depends = (catalog: string, object: string) =>
    `exists (select from pg_depend dd where dd.classid = '${catalog}'::regclass and dd.objid = ${object}
        and dd.refclassid = 'pg_class'::regclass and ${oidIn('dd.refobjid', locked)})`;
  const guard = (call: string, condition: string) =>
    text.replaceAll(call, `case when ${condition} then '${UNREADABLE}' else ${call} end`);
  const of = (column: string) => oidIn(column, locked);
  switch (name) {
    case 'views':
      return guard('pg_get_viewdef(c.oid)', `${of('c.oid')} or ${depends('pg_rewrite', 'r.oid')}`);
    case 'rules':
      return guard('pg_get_ruledef(oid)', `${of('ev_class')} or ${depends('pg_rewrite', 'pg_rewrite.oid')}`);
    case 'policies': {
      const condition = `${of('polrelid')} or ${depends('pg_policy', 'pg_policy.oid')}`;
      return ['polqual', 'polwithcheck'].reduce(
        (all, column) =>
          all.replace(
            `pg_get_expr(${column}, polrelid)`,
            `case when ${condition} then '${UNREADABLE}' else pg_get_expr(${column}, polrelid) end`,
          ),
        text,
      );
    }
    case 'defaults':
      return guard('pg_get_expr(d.adbin, d.adrelid)', of('d.adrelid'));
    case 'checks':
      return guard('pg_get_expr(conbin, conrelid)', of('conrelid'));
    case 'ownFunctions':
      return guard('pg_get_function_sqlbody(p.oid)', depends('pg_proc', 'p.oid'));
    default:
      return text;
  }
}

/** Where a definition stands in the rows of a question. */
const DEFINITIONS: Partial<Record<Question, readonly number[]>> = {
  views: [1],
  rules: [1],
  policies: [1, 2],
  defaults: [2],
  checks: [1],
  ownFunctions: [4],
};

/** More than this (characters) is not added to a catalog: its definitions are locked for too long, or too many of them. */
const MOST = 64 << 20;

/**
 * Adds words to each definition that was left out, as what is masked and refused is found by words too: those that it had in the last
 * catalog, or all that it could have where none was read before. Null where that would be too much to keep.
 */
export function withWords(answers: Answers, last: Catalog | null): Answers | null {
  const filled: Record<string, readonly Row[]> = { ...answers };
  const every = once(() => everyWord(answers));
  let added = 0;
  for (const [name, columns] of Object.entries(DEFINITIONS)) {
    const rows: Row[] = [];
    for (const row of filled[name] ?? []) {
      const out = columns.filter(column => row[column] === UNREADABLE);
      if (out.length === 0) {
        rows.push(row);
        continue;
      }
      const words = lastWords(name, Number(row[0]), last) ?? every();
      added += words.length;
      if (added > MOST) return null;
      rows.push(out.reduce<Row>((all, column) => all.with(column, `${UNREADABLE} ${words}`), row));
    }
    filled[name] = rows;
  }
  return filled as unknown as Answers;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function lastWords(question: string, oid: number, last: Catalog | null): string | null {
  const relation = last?.relation(oid);
  const texts =
    question === 'ownFunctions'
      ? [last?.functionOf(oid)?.sqlBody]
      : relation && [
          relation.view,
          ...relation.rules,
          ...relation.policies,
          ...relation.generated,
          ...relation.onWrite,
        ];
  if (texts === undefined || texts[0] === undefined) return null;
  return unique(texts.join(' ').match(WORD) ?? []);
}

const WORD = /[\p{L}_][\p{L}\p{N}_$]*/gu;

/** The names of all functions, relations and columns of users, each as it is and cut into words. */
function everyWord({ functions, relations }: Answers): string {
  const names = [
    ...functions.map(row => row[2] ?? ''),
    ...relations.flatMap(row => [row[2] ?? '', ...columnsOf(row[8]).numbers.keys()]),
  ];
  return unique(names.flatMap(name => [`"${name.replaceAll('"', '""')}"`, ...(name.match(WORD) ?? [])]));
}

function unique(words: readonly string[]): string {
  return [...new Set(words)].sort().join(' ');
}
