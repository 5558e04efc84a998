import type { ScanToken } from 'libpg-query';

const COMMENTS = new Set(['SQL_COMMENT', 'C_COMMENT']);
const OPENS = new Set([':=', '=', 'default']);

export function withoutComments(tokens: readonly ScanToken[]): readonly ScanToken[] {
  return tokens.filter(token => !COMMENTS.has(token.tokenName));
}

/**
 * Where the defaults of variables stand in a body without comments: behind the token `from`, up to the `;` at `to`. DECLARE may also be the name of a
 * column: a section is looked for behind each such word, so that none is missed whatever stands before it. One ends at a BEGIN that
 * stands where a declaration would.
 */
export function defaultsIn(tokens: readonly ScanToken[]): { readonly from: number; readonly to: number }[] {
  const words = tokens.map(token => token.text.toLowerCase());
  const nextEnd = nextOf(words, word => word === ';');
  const nextDefault = nextOf(words, word => OPENS.has(word));
  const found: { from: number; to: number }[] = [];
  const seen = new Set<number>();
  const known = new Set<number>();
  for (const [i, word] of words.entries()) {
    if (word !== 'declare') continue;
    let at = i + 1;
    while (at < words.length && words[at] !== 'begin' && !seen.has(at)) {
      seen.add(at);
      if (words[at] === 'declare') {
        at++;
        continue;
      }
      const to = nextEnd[at]!;
      const from = nextDefault[at]!;
      // Several such words in one declaration lead to the same default.
      if (from < to && !isCursor(words, at) && !known.has(from)) {
        found.push({ from, to });
        known.add(from);
      }
      at = to + 1;
    }
  }
  return found;
}

/** `c [[NO] SCROLL] CURSOR …`: its query stands in the tree, and may compare. */
function isCursor(words: readonly string[], at: number): boolean {
  const [first, second, third] = words.slice(at + 1, at + 4);
  if (first === 'cursor') return true;
  return first === 'scroll'
    ? second === 'cursor'
    : first === 'no' && second === 'scroll' && third === 'cursor';
}

/** Of each place the next one from it on that is such a word; the length where there is none. */
function nextOf(words: readonly string[], is: (word: string) => boolean): Uint32Array {
  const next = new Uint32Array(words.length + 1).fill(words.length);
  for (let i = words.length - 1; i >= 0; i--) next[i] = is(words[i]!) ? i : next[i + 1]!;
  return next;
}
