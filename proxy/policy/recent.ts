/** A memory of bounded size that keeps what was asked for lately: two generations, of which the older is forgotten when the newer is full. */
export class Recent<K, V> {
  private readonly most: number;
  private young = new Map<K, V>();
  private old = new Map<K, V>();

  /** Between `most` and twice as many entries are kept. */
  constructor(most: number) {
    this.most = most;
  }

  get(key: K): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined || this.old.size === 0) return value;
    const older = this.old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    if (this.young.size >= this.most && !this.young.has(key)) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  clear(): void {
    if (this.young.size > 0) this.young = new Map();
    if (this.old.size > 0) this.old = new Map();
  }
}
