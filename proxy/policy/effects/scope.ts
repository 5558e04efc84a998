type Columns = ReadonlyMap<string, number>;

/** What the aliases of one query stand for: the columns of a relation, null where they are not known. */
export class Scope {
  private readonly aliases = new Map<string, Columns | null>();
  /** Of whatever an alias has stood for: one may be hidden behind that of a join, and its name stand for something else. */
  private readonly all = new Set<Columns>();
  private unknown = false;
  /** Of the columns of so many of `all`, by their names. */
  private readonly types = new Map<string, Set<number>>();
  private typed = 0;

  set(alias: string, columns: Columns | null): void {
    this.aliases.set(alias, columns);
    if (columns === null) this.unknown = true;
    else this.all.add(columns);
  }

  has(alias: string): boolean {
    return this.aliases.has(alias);
  }

  get(alias: string): Columns | null {
    return this.aliases.get(alias) ?? null;
  }

  /** The types that a column of this name may have; null where that cannot be told. */
  typesOf(name: string): ReadonlySet<number> | null {
    if (this.unknown) return null;
    if (this.typed < this.all.size)
      for (const columns of [...this.all].slice(this.typed))
        for (const [column, type] of columns)
          this.types.set(column, (this.types.get(column) ?? new Set()).add(type));
    this.typed = this.all.size;
    return this.types.get(name) ?? NONE;
  }
}

const NONE: ReadonlySet<number> = new Set();
