/** In a search path: what follows is not known. */
export const UNKNOWN_PATH = '?';
/**
 * In a search path: what follows stands where it says `$user`, and is the name of whoever runs the statement. What runs as somebody else looks
 * into another schema there. No schema is reached by this name itself.
 */
export const OWN_SCHEMA = '$user';

/** NAMEDATALEN - 1: the server cuts longer names. */
const MAX_NAME = 63;
const SPACE = '[ \\t\\n\\r\\f\\v]*';
const ITEM = new RegExp(`${SPACE}(?:"((?:[^"]|"")*)"|([^",]+?))${SPACE}(,|$)`, 'y');

/**
 * `"$user", public` → [`$user`, `public`]; the empty name, by which no schema is found, is left out. Null where it cannot be told what the server
 * makes of it: its white space and its lower case are those of ASCII, and long names are cut. Source: SplitIdentifierString of the server.
 */
export function splitIdentifiers(list: string): string[] | null {
  if (/^[ \t\n\r\f\v]*$/.test(list)) return [];
  const names: string[] = [];
  ITEM.lastIndex = 0;
  for (;;) {
    const match = ITEM.exec(list);
    if (match === null) return null;
    const [, quoted, plain, comma] = match;
    if (plain !== undefined && !/^[\x21-\x7e]+$/.test(plain)) return null;
    const name = quoted === undefined ? plain!.toLowerCase() : quoted.replaceAll('""', '"');
    if (Buffer.byteLength(name) > MAX_NAME) return null;
    if (name !== '') names.push(name);
    if (comma === '') return names;
  }
}

/** The schemas of a search_path as the server shows it, for a session or a statement of this user. */
export function pathFor(list: string, user: string): string[] {
  const names = splitIdentifiers(list) ?? [UNKNOWN_PATH];
  return names.flatMap(name => (name === OWN_SCHEMA ? [OWN_SCHEMA, user] : [name]));
}

/** The same path where somebody else runs; `user` null: nobody can tell who. */
export function pathAs(path: readonly string[], user: string | null): readonly string[] {
  if (!path.includes(OWN_SCHEMA)) return path;
  if (user === null) return [UNKNOWN_PATH];
  return path.map((schema, i) => (path[i - 1] === OWN_SCHEMA ? user : schema));
}
