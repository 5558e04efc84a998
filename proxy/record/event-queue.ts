/** Lines of events on their way to the ledger, in order, cut into batches that are written as one. */
export class EventQueue {
  #batches: { lines: string; last: number }[] = [];
  #open = '';
  #bytes = 0;

  /** The ticket of the last event taken; the first is 1. */
  last = 0;

  /** Characters in memory, those of batches under way with them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one event and gives its ticket. */
  push(line: string): number {
    this.#open += line;
    this.#bytes += line.length;
    this.last += 1;
    if (this.#open.length > BATCH) this.#cut();
    return this.last;
  }

  /** The oldest batch, which stays in the queue until `drop`; null when there is nothing. */
  peek(): { readonly lines: string; readonly last: number } | null {
    if (this.#batches.length === 0 && this.#open !== '') this.#cut();
    return this.#batches[0] ?? null;
  }

  /** Lets go of the batches whose events are all up to `ticket`. */
  drop(ticket: number): void {
    while (this.#batches[0] !== undefined && this.#batches[0].last <= ticket) {
      this.#bytes -= this.#batches[0].lines.length;
      this.#batches.shift();
    }
  }

  #cut(): void {
    this.#batches.push({ lines: this.#open, last: this.last });
    this.#open = '';
  }
}

/** Characters at which a batch is full: one transaction should not hold up its first events for long. */
const BATCH = 1 << 20;
