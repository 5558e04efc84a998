/** A run of ordinary text, or one character that would not show, or would reorder what stands around it. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'mark'; readonly text: string; readonly label: string };

/**
 * Everything that a screen hides, moves or draws over its neighbours: controls, format and bidirectional characters, odd spaces,
 * invisible letters, lone surrogates, private and unassigned code points, enclosing and overlaying marks. Space, tab and line feed
 * are what they look like. Unicode Standard Annex 9 (bidi) and 44 (properties); the attack is CVE-2021-42574.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{Me}\p{Default_Ignorable_Code_Point}\u2800]|[\u0334-\u0338]/u
    .source;
const ODD = new RegExp(`(?![ \\t\\n])(?:${HIDDEN})`, 'gu');
const ODD_OR_BREAK = new RegExp(`(?! )(?:${HIDDEN})`, 'gu');

const NAMES: Readonly<Record<number, string>> = {
  0: 'NUL',
  8: 'BS',
  9: 'TAB',
  10: 'LF',
  13: 'CR',
  27: 'ESC',
  127: 'DEL',
  160: 'NBSP',
  173: 'SHY',
  1564: 'ALM',
  8203: 'ZWSP',
  8204: 'ZWNJ',
  8205: 'ZWJ',
  8206: 'LRM',
  8207: 'RLM',
  8232: 'LS',
  8233: 'PS',
  8234: 'LRE',
  8235: 'RLE',
  8236: 'PDF',
  8237: 'LRO',
  8238: 'RLO',
  8288: 'WJ',
  8294: 'LRI',
  8295: 'RLI',
  8296: 'FSI',
  8297: 'PDI',
  65279: 'BOM',
};

/** `U+202E RLO`. */
export function label(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = NAMES[code];
  return name === undefined ? hex : `${hex} ${name}`;
}

/** Cuts text at its odd characters. The texts of all pieces, joined, are the text. With `oneLine`, line feeds and tabs are odd too. */
export function pieces(text: string, oneLine = false): Piece[] {
  const out: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(oneLine ? ODD_OR_BREAK : ODD)) {
    if (match.index > end) out.push({ kind: 'text', text: text.slice(end, match.index) });
    out.push({ kind: 'mark', text: match[0], label: label(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) out.push({ kind: 'text', text: text.slice(end) });
  return out;
}

/** For places that take only a string (an option, an aria-label): marks become `[U+202E RLO]`. */
export function plain(text: string): string {
  return pieces(text, true)
    .map(piece => (piece.kind === 'text' ? piece.text : `[${piece.label}]`))
    .join('');
}

/** How many odd characters there are; the CR of a CR LF line end is not one. */
export function oddCount(text: string): number {
  return pieces(text.replaceAll('\r\n', '\n')).filter(piece => piece.kind === 'mark').length;
}
