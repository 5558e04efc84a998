const DRAWERS = 128;

/**
 * Values by OID (as text), in drawers: what is made of one with a few others put in shares all drawers but theirs, so that a catalog after
 * a change costs what has changed. Never changed itself.
 */
export class Drawers<V> {
  readonly drawers: readonly ReadonlyMap<string, V>[];
  readonly size: number;

  private constructor(drawers: readonly ReadonlyMap<string, V>[], size: number) {
    this.drawers = drawers;
    this.size = size;
  }

  static of<V>(all: Iterable<readonly [string, V]>): Drawers<V> {
    return new Drawers<V>(new Array<ReadonlyMap<string, V>>(DRAWERS).fill(new Map()), 0).with(all);
  }

  get(key: string): V | undefined {
    return this.drawers[drawerOf(key)]!.get(key);
  }

  has(key: string): boolean {
    return this.drawers[drawerOf(key)]!.has(key);
  }

  *[Symbol.iterator](): Iterator<[string, V]> {
    for (const drawer of this.drawers) yield* drawer;
  }

  /** With these in the place of what was there under their keys; `undefined` takes away. */
  with(changes: Iterable<readonly [string, V | undefined]>): Drawers<V> {
    const opened = new Map<number, Map<string, V>>();
    let { size } = this;
    for (const [key, value] of changes) {
      const at = drawerOf(key);
      let drawer = opened.get(at);
      if (drawer === undefined) {
        drawer = new Map(this.drawers[at]);
        opened.set(at, drawer);
      }
      size -= drawer.size;
      if (value === undefined) drawer.delete(key);
      else drawer.set(key, value);
      size += drawer.size;
    }
    if (opened.size === 0) return this;
    return new Drawers(
      this.drawers.map((drawer, at) => opened.get(at) ?? drawer),
      size,
    );
  }
}

function drawerOf(key: string): number {
  return Number(key) % DRAWERS;
}
