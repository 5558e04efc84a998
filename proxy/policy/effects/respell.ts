import type { ScanToken } from 'libpg-query';
import { scanSync } from './parser.ts';
import { piecesOf } from './pieces.ts';

/** A text in another spelling: it reads with standard_conforming_strings on as the original does with it off. */
export interface Respelling {
  readonly text: string;
  /** Where `text` has characters that the original has not, ascending. */
  readonly added: readonly { readonly at: number; readonly length: number }[];
  /** Where in `text` a U&'…' stood, at which the server stops; null where there is none. */
  readonly unsafe: number | null;
}

/**
 * With standard_conforming_strings off, a backslash in a plain '…' (and in N'…') means what it means in E'…', which may move the end of
 * the literal. Gives the text with those literals spelled as E'…'; null where it reads the same either way. What cannot be read with
 * the setting off, a U&'…' literal, becomes a literal without an end, so that the grammar stops there as the server does.
 */
export function respell(sql: string): Respelling | null {
  if (!/\\|[uU]&'/.test(sql)) return null;
  let text = '';
  const added: { at: number; length: number }[] = [];
  let taken = 0;
  for (const piece of piecesOf(sql, true)) {
    if (piece.kind === 'comment') continue;
    const { from, to, quote, prefix } = piece;
    if (prefix === 'u') {
      text += sql.slice(taken, from);
      added.push({ at: text.length, length: 1 });
      return { text: `${text} $U$`, added, unsafe: text.length + 1 };
    }
    if ((prefix !== '' && prefix !== 'n') || !sql.slice(from, to).includes('\\')) continue;
    text += sql.slice(taken, quote);
    taken = quote;
    // Behind a space, or it would be a part of a name that stands before it. N is a word of its own, and the literal is another.
    const more = prefix === 'n' ? 'CHAR E' : ' E';
    added.push({ at: text.length, length: more.length });
    text += more;
  }
  return added.length === 0 ? null : { text: text + sql.slice(taken), added, unsafe: null };
}

/**
 * The second witness: Postgres's own scanner, on the new spelling, finds an E'…' wherever one was written, and no backslash in a plain
 * literal. True also where it finds a fault: then the grammar does so too.
 */
export function holds({ text, added }: Respelling): boolean {
  let tokens: readonly ScanToken[];
  try {
    ({ tokens } = scanSync(text));
  } catch {
    return true;
  }
  const starts = new Set<number>();
  for (const token of tokens) {
    if (token.text.startsWith("'") && token.text.includes('\\')) return false;
    if (/^[eE]'/.test(token.text)) starts.add(token.start);
  }
  let [bytes, from] = [0, 0];
  return added.every(({ at, length }) => {
    const e = at + length - 1;
    bytes += Buffer.byteLength(text.slice(from, e));
    from = e;
    return starts.has(bytes);
  });
}

/** An index in the new spelling, as one in the original. */
export function originalIndex({ added }: Respelling, index: number): number {
  let more = 0;
  for (const { at, length } of added) if (at < index) more += Math.min(length, index - at);
  return index - more;
}
