import { piecesOf } from './pieces.ts';

/**
 * A text with spaces in place of its comments, character by character; null where there are none. Postgres's parser as a library takes comments
 * for tokens, which its server does not: there `NOT -- why` and `IN` on the next line belong together, and a literal goes on behind
 * a comment at the end of its line. A block comment between two literals stays where they would be one without it.
 */
export function blankComments(sql: string): string | null {
  if (!/--|\/\*/.test(sql)) return null;
  let text = '';
  let taken = 0;
  for (const piece of piecesOf(sql, false)) {
    if (piece.kind !== 'comment') continue;
    const { from, to, glues } = piece;
    if (glues) continue;
    text += sql.slice(taken, from) + ' '.repeat(to - from);
    taken = to;
  }
  return taken === 0 ? null : text + sql.slice(taken);
}
