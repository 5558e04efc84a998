/** Longer ones are made anew each time (bytes). */
const LONGEST = 128;
/** A power of two. */
const SLOTS = 256;

const kept = new Array<string>(SLOTS).fill('');

/**
 * ASCII text as it was made before, where it is one of the last that were: names, tags and texts come again and again, and to compare bytes
 * costs less than to make a string, which has no hash yet when it is looked up. Undefined where it has to be made.
 */
export function recentText(buffer: Buffer, start: number, end: number): string | undefined {
  if (end - start > LONGEST || end <= start) return undefined;
  const text = kept[slotOf(buffer, start, end)]!;
  if (text.length !== end - start) return undefined;
  // From the end on: there texts of one template differ.
  for (let i = text.length - 1; i >= 0; i -= 1)
    if (text.charCodeAt(i) !== buffer[start + i]) return undefined;
  return text;
}

/** `text` is what stands there, and ASCII. */
export function keepText(text: string, buffer: Buffer, start: number, end: number): string {
  if (end - start <= LONGEST && end > start) kept[slotOf(buffer, start, end)] = text;
  return text;
}

function slotOf(buffer: Buffer, start: number, end: number): number {
  const length = end - start;
  const last = buffer[end - 1]! + (length > 1 ? buffer[end - 2]! * 5 : 0);
  return (length * 31 + last * 7 + buffer[start + (length >> 1)]!) & (SLOTS - 1);
}
