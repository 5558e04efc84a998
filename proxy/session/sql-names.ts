import { piecesOf } from '../policy/effects/pieces.ts';
import type { Encoding } from './encoding.ts';
import type { Judged } from './judgement.ts';
import { longName, MAX_NAME, MOST_BYTES } from './names.ts';

/** In a text without its literals and comments: dollar-quoted strings, quoted names, and words. */
const TOKEN =
  /\$(?:([A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*))?\$[\s\S]*?\$\1\$|(?:[uU]&)?"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/g;
const OR_PARAMETER = new RegExp(`${TOKEN.source}|\\$\\d+`, 'g');
/** Whatever stands between two quotes, and words: in a body, which may be a literal in a literal. */
const ANYWHERE = /(?<=")(?:[^"]|"")*(?=")|[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/g;

/**
 * The names of a text: the parser here cuts them at 63 bytes of UTF-8, and a server whose database is in another encoding elsewhere, or
 * not at all, so that it would find other relations than those that were judged.
 */
export function checkNamesOf(
  { text, escapes, statements }: Pick<Judged, 'text' | 'escapes' | 'statements'>,
  { cutsAsHere, widens }: Pick<Encoding, 'cutsAsHere' | 'widens'>,
): void {
  const escaped = /u&"/i.test(text);
  if (cutsAsHere || (!escaped && /^[\0-\x7f]*$/.test(text))) return;
  const each = widens ? MOST_BYTES : 0;
  const cut = (name: string) =>
    (escaped || !/^[\0-\x7f]*$/.test(name)) &&
    Math.max(Buffer.byteLength(name), name.length * each) > MAX_NAME;
  // It may hold the body of a function, or of DO.
  if (statements.some(s => s.effects.commands.some(c => c === 'ddl' || c === 'do'))) {
    for (const [name] of text.matchAll(ANYWHERE)) if (cut(name)) throw longName();
    return;
  }
  for (const [token] of withoutLiterals(text, escapes).matchAll(TOKEN))
    if (!token.startsWith('$') && cut(token.replace(/^([uU]&)?"|"$/g, ''))) throw longName();
}

/** The highest number of a parameter in a text. */
export function parametersIn(text: string, escapes: boolean): number {
  let most = 0;
  for (const [token] of withoutLiterals(text, escapes).matchAll(OR_PARAMETER))
    if (/^\$\d+$/.test(token)) most = Math.max(most, Number(token.slice(1)));
  return most;
}

function withoutLiterals(text: string, escapes: boolean): string {
  let rest = '';
  let from = 0;
  for (const piece of piecesOf(text, escapes).toSorted((a, b) => a.from - b.from)) {
    if (piece.to <= from) continue;
    rest += `${text.slice(from, Math.max(from, piece.from))} `;
    from = piece.to;
  }
  return rest + text.slice(from);
}
