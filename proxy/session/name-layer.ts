/**
 * Values by the names of statements or portals. The one without a name has a place of its own: it comes and goes with each statement of
 * nearly every driver, and a Map that is emptied each time makes its table anew each time.
 */
export class NameLayer<V> {
  private unnamed: V | undefined;
  private readonly named = new Map<string, V>();

  get size(): number {
    return this.unnamed === undefined ? this.named.size : this.named.size + 1;
  }

  get(name: string): V | undefined {
    return name === '' ? this.unnamed : this.named.get(name);
  }

  set(name: string, value: V): void {
    if (name === '') this.unnamed = value;
    else this.named.set(name, value);
  }

  delete(name: string): void {
    if (name === '') this.unnamed = undefined;
    else this.named.delete(name);
  }

  clear(): void {
    this.unnamed = undefined;
    if (this.named.size > 0) this.named.clear();
  }

  /** `visit` may delete what it is given. */
  each(visit: (name: string, value: V) => void): void {
    if (this.unnamed !== undefined) visit('', this.unnamed);
    if (this.named.size > 0) for (const [name, value] of this.named) visit(name, value);
  }
}
