/** Whether an object in a JSON text, which has been parsed before, has one key twice, however it is spelled. */
export function repeatsKey(json: string): boolean {
  const open: Set<unknown>[] = [];
  for (const [found, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (found === '{') open.push(new Set());
    else if (found === '}') open.pop();
    else if (text !== undefined && colon !== undefined) {
      const key: unknown = JSON.parse(text);
      const keys = open.at(-1);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
  }
  return false;
}
