/**
 * Client encodings of Postgres in which a byte below 0x80 is always the ASCII character, by the server's name for each. In the others
 * (SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004) the second byte of a character may be a backslash or a letter, so that whoever
 * takes the encoding for another one reads another structure. Source: src/common/encnames.c and wchar.c of the server.
 */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  UTF8: ['unicode'],
  SQL_ASCII: [],
  EUC_CN: [],
  EUC_JP: [],
  EUC_JIS_2004: [],
  EUC_KR: [],
  EUC_TW: [],
  MULE_INTERNAL: [],
  LATIN1: ['iso88591'],
  LATIN2: ['iso88592'],
  LATIN3: ['iso88593'],
  LATIN4: ['iso88594'],
  LATIN5: ['iso88599'],
  LATIN6: ['iso885910'],
  LATIN7: ['iso885913'],
  LATIN8: ['iso885914'],
  LATIN9: ['iso885915'],
  LATIN10: ['iso885916'],
  ISO_8859_5: [],
  ISO_8859_6: [],
  ISO_8859_7: [],
  ISO_8859_8: [],
  KOI8R: ['koi8'],
  KOI8U: [],
  WIN866: ['windows866', 'alt'],
  WIN874: ['windows874'],
  WIN1250: ['windows1250'],
  WIN1251: ['windows1251', 'win'],
  WIN1252: ['windows1252'],
  WIN1253: ['windows1253'],
  WIN1254: ['windows1254'],
  WIN1255: ['windows1255'],
  WIN1256: ['windows1256'],
  WIN1257: ['windows1257'],
  WIN1258: ['windows1258', 'abc', 'tcvn', 'tcvn5712', 'vscii'],
};

/** The server compares names by their ASCII letters and digits alone: before case is folded, which makes an ASCII `k` of the Kelvin sign. */
const clean = (name: string) => name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();

const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(ALIASES).flatMap(([name, aliases]) =>
    [clean(name), ...aliases].map(alias => [alias, name] as const),
  ),
);

/** Names of those that a session may not have, and their other names. */
const REFUSED: ReadonlySet<string> = new Set([
  ...['sjis', 'mskanji', 'shiftjis', 'win932', 'windows932', 'shiftjis2004'],
  ...['big5', 'win950', 'windows950', 'gbk', 'win936', 'windows936', 'gb18030'],
  ...['uhc', 'win949', 'windows949', 'johab'],
]);

/** The server's own name for the encoding that `name` means to it; null where a session may not have it, or there is none such. */
export function clientEncoding(name: string): string | null {
  return NAMES.get(clean(name)) ?? null;
}

/** A name that no server has an encoding for: it refuses to change to it. */
export function isNoEncoding(name: string): boolean {
  return clientEncoding(name) === null && !REFUSED.has(clean(name));
}
