/**
 * Text from agents for a terminal: control characters (escape sequences), bidirectional marks and other invisible or look-alike spaces
 * appear as `\u{…}`, so that what a person reads is what is there. `lines` keeps line feeds.
 */
export function visible(text: string, { lines = false }: { lines?: boolean } = {}): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, char =>
    lines && (char === '\n' || char === '\t') ? char : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}
