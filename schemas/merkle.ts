import { createHash, hash } from 'node:crypto';

/** Root of the empty tree: SHA-256 of nothing (RFC 6962, section 2.1). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

const LEAF = Buffer.of(0);

/** Hash of a leaf: SHA-256(0x00 ‖ data). */
export function leafHash(data: string | Uint8Array): Buffer {
  return digest(typeof data === 'string' ? `\0${data}` : Buffer.concat([LEAF, data]));
}

const pair = Buffer.alloc(65, 1);

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 33);
  return digest(pair);
}

/** By way of a string: Node makes one of 32 characters in half the time that it takes for a Buffer of its own. */
function digest(data: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'latin1');
}

/**
 * The right edge of an RFC 6962 tree: the roots of its perfect subtrees, largest first. Enough to append (one node hash per leaf on
 * average) and to give the root; proofs need the tiles.
 */
export class Frontier {
  #size = 0;
  #peaks: Buffer[] = [];

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Adds one leaf, given as its leaf hash. */
  add(leaf: Buffer): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2)
      node = nodeHash(this.#peaks.pop()!, node);
    this.#peaks.push(node);
    this.#size += 1;
  }

  root(): Buffer {
    let root = this.#peaks.at(-1);
    if (root === undefined) return EMPTY_ROOT;
    for (let i = this.#peaks.length - 2; i >= 0; i -= 1) root = nodeHash(this.#peaks[i]!, root);
    return root;
  }

  /** An independent copy: what is added to one is not in the other. */
  copy(): Frontier {
    const copy = new Frontier();
    copy.#size = this.#size;
    copy.#peaks = [...this.#peaks];
    return copy;
  }

  /** The peaks one after the other, 32 bytes each. */
  bytes(): Buffer {
    return Buffer.concat(this.#peaks);
  }

  /** The opposite of `bytes`. Throws a RangeError when the number of peaks is not what a tree of this size has. */
  static from(size: number, bytes: Uint8Array): Frontier {
    let peaks = 0;
    for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) peaks += rest % 2;
    if (bytes.length !== peaks * 32) throw new RangeError(`a tree of ${size} leaves has ${peaks} peaks`);
    const frontier = new Frontier();
    frontier.#size = size;
    for (let i = 0; i < bytes.length; i += 32) frontier.#peaks.push(Buffer.from(bytes.subarray(i, i + 32)));
    return frontier;
  }
}
