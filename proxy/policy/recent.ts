/** A memory of bounded size that keeps what was asked for lately: two generations, of which the older is forgotten when the newer is full. */
export class Recent<K, V> {
  private readonly most: number;
  private readonly mostWeight: number;
  private readonly weigh: (key: K, value: V) => number;
  private young = new Map<K, V>();
  private old = new Map<K, V>();
  private weight = 0;

  /** Between `most` and twice as many entries are kept; where they are weighed, no generation weighs more than `mostWeight` either, but for its last entry. */
  constructor(most: number, mostWeight = Infinity, weigh: (key: K, value: V) => number = () => 0) {
    this.most = most;
    this.mostWeight = mostWeight;
    this.weigh = weigh;
  }

  get(key: K): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined || this.old.size === 0) return value;
    const older = this.old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    if (this.weight >= this.mostWeight || (this.young.size >= this.most && !this.young.has(key))) {
      this.old = this.young;
      this.young = new Map();
      this.weight = 0;
    }
    // What is set anew counts twice: then a generation is full the sooner.
    this.weight += this.weigh(key, value);
    this.young.set(key, value);
  }

  clear(): void {
    this.weight = 0;
    if (this.young.size > 0) this.young = new Map();
    if (this.old.size > 0) this.old = new Map();
  }
}
