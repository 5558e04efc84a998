import type { Statement } from '#schemas/statement.ts';
import { bindValue } from '../console/page/binds.ts';
import { pieces } from '../console/page/visible.ts';

export interface StatementText {
  readonly sql: string;
  /** One line for each value; empty when there are none. Apart from the text, which could otherwise end in lines that look like values. */
  readonly values: string;
  /** False where both together do not fit: then they are cut, and say so. */
  readonly whole: boolean;
}

/**
 * A statement and its values in which everything shows: a character that a screen hides or that moves its neighbours stands as ⟦U+202E RLO⟧.
 * `limit` is in characters, for both together.
 */
export function statementText(statement: Statement, limit: number): StatementText {
  const sql = visible(statement.text, false);
  const values = statement.parameters
    .map((parameter, i) => {
      const { kind, text, type } = bindValue(parameter);
      const value = visible(text, true);
      return `$${i + 1} = ${kind === 'text' ? `'${value.replaceAll("'", "''")}'` : value} (${type})`;
    })
    .join('\n');
  if (sql.length + values.length <= limit) return { sql: sql === '' ? '(empty)' : sql, values, whole: true };
  const half = Math.floor(limit / 2);
  return { sql: cut(sql, limit - Math.min(half, values.length)), values: cut(values, half), whole: false };
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = limit - 40;
  return `${text.slice(0, end)}\n… and ${text.length - end} more characters`;
}

function visible(text: string, oneLine: boolean): string {
  return pieces(text, oneLine)
    .map(piece => (piece.kind === 'text' ? piece.text : `⟦${piece.label}⟧`))
    .join('');
}
