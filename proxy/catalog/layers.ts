/** What can be found by OID. */
export interface Lookup<T> {
  get(oid: number): T | undefined;
}

/** Objects by OID and by name. */
export class Index<T extends { readonly name: string }> implements Lookup<T> {
  readonly byOid: ReadonlyMap<number, T>;
  readonly #byName: ReadonlyMap<string, readonly T[]>;

  constructor(
    byOid: ReadonlyMap<number, T>,
    names: ReadonlyMap<string, readonly T[]> = byName(byOid.values()),
  ) {
    this.byOid = byOid;
    this.#byName = names;
  }

  /** With these objects as `make` has them now, where all others are the same. */
  after(changed: ReadonlySet<string>, make: (oid: string) => T | undefined): Index<T> {
    if (changed.size === 0) return this;
    const byOid = new Map(this.byOid);
    const names = new Map(this.#byName);
    const put = (name: string, items: readonly T[]) =>
      items.length === 0 ? names.delete(name) : names.set(name, items);
    for (const key of changed) {
      const oid = Number(key);
      const [before, now] = [byOid.get(oid), make(key)];
      if (before !== undefined) {
        const { name } = before;
        put(name, names.get(name)?.filter(item => item !== before) ?? []);
      }
      if (now === undefined) byOid.delete(oid);
      else {
        byOid.set(oid, now);
        put(now.name, [...(names.get(now.name) ?? []), now]);
      }
    }
    return new Index(byOid, names);
  }

  get(oid: number): T | undefined {
    return this.byOid.get(oid);
  }

  named(name: string): readonly T[] {
    return this.#byName.get(name) ?? [];
  }
}

/** One index over another: what is in both is as the upper one has it. Nothing of the lower one is ever missing. */
export class Layers<T extends { readonly name: string; readonly oid: number }> implements Lookup<T> {
  readonly #below: Index<T>;
  readonly #above: Index<T>;
  readonly #named = new Map<string, readonly T[]>();

  constructor(below: Index<T>, above: Index<T>) {
    this.#below = below;
    this.#above = above;
  }

  get(oid: number): T | undefined {
    return this.#above.byOid.get(oid) ?? this.#below.byOid.get(oid);
  }

  named(name: string): readonly T[] {
    const below = this.#below.named(name);
    const above = this.#above.named(name);
    if (below.length === 0) return above;
    let found = this.#named.get(name);
    if (found === undefined) {
      found = [...below.filter(item => !this.#above.byOid.has(item.oid)), ...above];
      this.#named.set(name, found);
    }
    return found;
  }

  /** Of the lower layer, those that the upper one does not replace. */
  left(items: Iterable<T>): T[] {
    return [...items].filter(item => !this.#above.byOid.has(item.oid));
  }
}

export function byName<T extends { readonly name: string }>(all: Iterable<T>): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of all) {
    const same = found.get(item.name);
    if (same === undefined) found.set(item.name, [item]);
    else same.push(item);
  }
  return found;
}
