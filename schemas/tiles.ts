import { Frontier } from './merkle.ts';

/** Hashes in a full tile, and entries in a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** Path of a tile or, for level `entries`, of an entry bundle: `tile/0/x001/067`, and `….p/12` where it is not full. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const elements = padded.match(/.{3}/g) ?? [];
  const last = elements.pop() ?? '000';
  const path = [...elements.map(e => `x${e}`), last].join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/**
 * Builds the tiles of a tree leaf by leaf and hands each out once it is full, the partial ones at `finish`. In memory it keeps one
 * tile per level.
 */
export class TileBuilder {
  #emit: (path: string, bytes: Buffer) => void;
  #levels: { index: number; hashes: Buffer[] }[] = [];
  #entries: Buffer[] = [];

  constructor(emit: (path: string, bytes: Buffer) => void) {
    this.#emit = emit;
  }

  /** One entry: its leaf data (at most 65,535 bytes) and leaf hash. */
  add(data: Buffer, leaf: Buffer): void {
    const entry = Buffer.alloc(2 + data.length);
    entry.writeUInt16BE(data.length);
    data.copy(entry, 2);
    this.#entries.push(entry);
    if (this.#entries.length === TILE_WIDTH) this.#bundle();
    this.#hash(0, leaf);
  }

  /** Hands out what is partial. */
  finish(): void {
    if (this.#entries.length > 0) this.#bundle();
    for (const [level, tile] of this.#levels.entries())
      if (tile.hashes.length > 0)
        this.#emit(tilePath(level, tile.index, tile.hashes.length), Buffer.concat(tile.hashes));
  }

  #bundle(): void {
    // Level 0 has as many hashes as there are entries before this leaf's: the bundle's index is the tile's.
    const index = this.#levels[0]?.index ?? 0;
    this.#emit(tilePath('entries', index, this.#entries.length), Buffer.concat(this.#entries));
    this.#entries = [];
  }

  #hash(level: number, hash: Buffer): void {
    this.#levels[level] ??= { index: 0, hashes: [] };
    const tile = this.#levels[level];
    tile.hashes.push(hash);
    if (tile.hashes.length < TILE_WIDTH) return;
    this.#emit(tilePath(level, tile.index, TILE_WIDTH), Buffer.concat(tile.hashes));
    const root = new Frontier();
    for (const h of tile.hashes) root.add(h);
    tile.index += 1;
    tile.hashes = [];
    this.#hash(level + 1, root.root());
  }
}
