/**
 * Whether `text` matches `pattern`: `*` stands for any run of characters (also none, also dots), everything else for itself.
 * Anchored at both ends and case-sensitive. Linear in the worst case times the number of stars, so that neither a policy nor a
 * statement can make it slow (a translated regular expression could be).
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Whether any of the patterns matches the text. No patterns match nothing. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some(pattern => matchesPattern(pattern, text));
}
