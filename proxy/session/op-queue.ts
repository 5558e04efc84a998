import type { Op } from './op.ts';

/** What can take long at the server. */
export const RUNS: ReadonlySet<Op['kind']> = new Set(['query', 'function', 'execute']);

/** What most agents have under way at once; a power of two. */
const USUAL = 16;
/** A larger ring is given back when it is empty. */
const LARGE = 1024;

/** Messages under way, in the order in which they are answered: a ring, because moving what is behind the first one costs more than all else. */
export class OpQueue {
  private ring = empty(USUAL);
  private first = 0;
  private count = 0;
  /** How many that run something have been sent, ever. */
  runs = 0;

  get length(): number {
    return this.count;
  }

  /** The oldest one. */
  get head(): Op | undefined {
    return this.ring[this.first];
  }

  /** The one behind it. */
  get next(): Op | undefined {
    return this.count > 1 ? this.ring[(this.first + 1) & (this.ring.length - 1)] : undefined;
  }

  push(op: Op): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.first + this.count) & (this.ring.length - 1)] = op;
    this.count += 1;
    if (RUNS.has(op.kind)) this.runs += 1;
  }

  /** Takes out the oldest one. */
  shift(): void {
    if (this.count === 0) return;
    this.ring[this.first] = undefined;
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.count -= 1;
    if (this.count === 0 && this.ring.length > LARGE) this.ring = empty(USUAL);
    if (this.count === 0) this.first = 0;
  }

  /** Takes out all up to the first one of this kind, which stays; all of them where there is none. */
  takeUntil(kind: Op['kind'] | null): Op[] {
    const taken: Op[] = [];
    for (let op = this.head; op !== undefined && op.kind !== kind; op = this.head) {
      taken.push(op);
      this.shift();
    }
    return taken;
  }

  private grow(): void {
    const { ring, first } = this;
    this.ring = [...ring.slice(first), ...ring.slice(0, first), ...empty(ring.length)];
    this.first = 0;
  }
}

function empty(length: number): (Op | undefined)[] {
  return new Array<undefined>(length).fill(undefined);
}
