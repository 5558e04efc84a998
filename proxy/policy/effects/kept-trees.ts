import { Recent } from '../recent.ts';

const TEXTS = 10_000;
/** Of texts, twice; a tree takes some thirty bytes for each of them. */
const CHARACTERS = 1 << 19;
const LONGEST = 1 << 16;

/**
 * The same parser, which remembers: what it makes of a text hangs on nothing but the text, so that whatever catalog it stands in, and
 * whoever asks, may have the same tree. Nobody can change one. What did not parse (a string says why) is not kept: the parser itself may have failed.
 */
export function keeping<T extends object>(parser: (sql: string) => T | string): (sql: string) => T | string {
  const kept = new Recent<string, T>(TEXTS, CHARACTERS, sql => sql.length);
  return sql => {
    const known = kept.get(sql);
    if (known !== undefined) return known;
    const tree = parser(sql);
    if (typeof tree === 'string' || sql.length > LONGEST) return tree;
    freeze(tree);
    kept.set(sql, tree);
    return tree;
  };
}

/** Not by recursion: a chain of ten thousand operators is as deep as it is long. */
function freeze(root: object): void {
  const open: object[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next);
    for (const part of Object.values(next)) if (typeof part === 'object' && part !== null) open.push(part);
  }
}
