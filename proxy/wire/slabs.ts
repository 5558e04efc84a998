/** Bytes in a slab: what is read from a server in one go, and what masked rows are collected in. */
export const SLAB = 64 * 1024;
const MOST_SPARE = 32;
const spare: Buffer[] = [];

/**
 * Memory outside the heap is collected late, long after hundreds of mebibytes of it are garbage: who knows that nobody needs a slab any
 * more gives it back. Its bytes are those of its last use.
 */
export function takeSlab(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(SLAB);
}

/** The caller, and everybody it gave bytes of it to, is done with it. */
export function giveSlab(slab: Buffer): void {
  if (spare.length < MOST_SPARE) spare.push(slab);
}
