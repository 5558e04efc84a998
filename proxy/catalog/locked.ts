import type { Catalog } from './catalog.ts';
import type { Answers, Question, Row } from './load.ts';
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
const UNREADABLE = '(locked by another transaction:';

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

/**
 * Adds to each definition that was left out the words that it had in the last catalog: what is masked and refused is found by words too.
 * Null where there is one without such words.
 */
export function withLastWords(answers: Answers, last: Catalog | null): Answers | null {
  const filled: Record<string, readonly Row[]> = { ...answers };
  for (const [name, columns] of Object.entries(DEFINITIONS)) {
    const rows: Row[] = [];
    for (const row of filled[name] ?? []) {
      const out = columns.filter(column => row[column] === UNREADABLE);
      const words = out.length === 0 ? '' : wordsOf(name, Number(row[0]), last);
      if (words === null) return null;
      rows.push(out.reduce<Row>((all, column) => all.with(column, `${UNREADABLE} ${words}`), row));
    }
    filled[name] = rows;
  }
  return filled as unknown as Answers;
}

function wordsOf(question: string, oid: number, last: Catalog | null): string | null {
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
  return [...new Set(texts.join(' ').match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? [])].sort().join(' ');
}
