import type { Statement } from '#schemas/statement.ts';
import { bindValue } from '../console/page/binds.ts';
import { EMPTY, visible } from './visible.ts';

/** What a number looks like that needs no quotes, and cannot be taken for NULL. */
const PLAIN = /^(?!null$)[-+.\w]+$/i;

export interface StatementText {
  readonly sql: string;
  /** One line for each value; empty when there are none. Apart from the text, which could otherwise end in lines that look like values. */
  readonly values: string;
  /** False where both together do not fit: then they are cut, and say so. */
  readonly whole: boolean;
}

/** A statement and its values in which everything shows. `limit` is in characters, for both together. */
export function statementText(statement: Statement, limit: number): StatementText {
  const sql = visible(statement.text) || EMPTY;
  const values = statement.parameters
    .map((parameter, i) => {
      const { kind, text, type } = bindValue(parameter);
      const value = visible(text, true);
      const bare = kind === 'number' ? PLAIN.test(text) : kind !== 'text';
      return `$${i + 1} = ${bare ? value : `'${value.replaceAll("'", "''")}'`} (${type})`;
    })
    .join('\n');
  if (sql.length + values.length <= limit) return { sql, values, whole: true };
  const half = Math.floor(limit / 2);
  return { sql: cut(sql, limit - Math.min(half, values.length)), values: cut(values, half), whole: false };
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = limit - 40;
  return `${text.slice(0, end)}\n… and ${text.length - end} more characters`;
}
