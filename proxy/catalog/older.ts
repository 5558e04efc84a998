/**
 * Where Postgres 13 lacks what the questions to the catalog use. What it has nothing of (bodies of functions in SQL standard form,
 * multiranges, subscripting by types) is asked for as nothing.
 */
const BEFORE_14: readonly (readonly [string, string])[] = [
  ['pg_get_function_sqlbody(p.oid)', 'null::text'],
  ['hash_record_extended(row(xmin, ctid), 0)', `hashtextextended(concat(xmin, ' ', ctid), 0)`],
  ['t.typsubscript::oid', '0::oid'],
  [' union all select rngmultitypid, * from pg_range', ''],
];

/** Asks the catalog's questions in the words that a server of this version understands. */
export function inWordsOf<Answer>(
  serverVersion: string,
  query: (text: string) => Promise<Answer>,
): (text: string) => Promise<Answer> {
  if (Number.parseInt(serverVersion, 10) >= 14) return query;
  return text => query(BEFORE_14.reduce((all, [newer, older]) => all.replaceAll(newer, older), text));
}
