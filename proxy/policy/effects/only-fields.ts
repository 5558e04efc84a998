/** Words of a source, with the signs that may stand in one. */
const WORD = /[\w$]+/g;
const PLAIN = /^[a-z_][a-z0-9_]*$/;
/** Another spelling of a name: escaped, or with letters that are k and s to whoever does not mind their case. */
const OTHERWISE = /U&|[\u017f\u212a]/i;
const FIELD = /\s*\.\s*[\p{L}_"]/uy;
const IN = /\s+in\b/iy;
const DECLARED = /\s+[\w.%]+\s*;/y;
const SPACE = /\s/;
const PART = /\w/;

/**
 * Whether a record is read by its fields alone, wherever its name stands but where it is declared or filled. By the words of the source, in
 * one go for all records: too strict rather than not.
 */
export function onlyFields(source: string): (name: string) => boolean {
  if (OTHERWISE.test(source)) return () => false;
  const otherwise = new Set<string>();
  for (const { 0: word, index } of source.matchAll(WORD)) {
    const end = index + word.length;
    const before = source.charAt(index - 1);
    if (before === '"' && source.charAt(end) === '"') otherwise.add(word);
    if (before === '"' || before === '.' || otherwise.has(word.toLowerCase())) continue;
    if (at(FIELD, source, end) || filled(source, index, end)) continue;
    otherwise.add(word.toLowerCase());
  }
  return name => PLAIN.test(name) && !otherwise.has(name);
}

/** INTO r, INTO STRICT r, FOR r IN, or r in a DECLARE. */
function filled(source: string, from: number, end: number): boolean {
  const gap = behindSpace(source, from);
  if (source.charAt(gap - 1) === ';') return at(DECLARED, source, end);
  const word = wordBefore(source, gap);
  if (word === 'declare') return at(DECLARED, source, end);
  if (gap === from) return false;
  if (word === 'for') return at(IN, source, end);
  if (word === 'into') return true;
  if (word !== 'strict') return false;
  const into = gap - word.length;
  const space = behindSpace(source, into);
  return space < into && wordBefore(source, space) === 'into';
}

/** Where the white space begins that ends here. */
function behindSpace(source: string, at: number): number {
  let from = at;
  while (from > 0 && SPACE.test(source.charAt(from - 1))) from--;
  return from;
}

/** As long as any of those that are looked for; longer ones are none. */
const LONGEST = 8;

function wordBefore(source: string, to: number): string {
  let from = to;
  while (from > 0 && to - from < LONGEST && PART.test(source.charAt(from - 1))) from--;
  return source.slice(from, to).toLowerCase();
}

function at(pattern: RegExp, source: string, from: number): boolean {
  pattern.lastIndex = from;
  return pattern.test(source);
}
