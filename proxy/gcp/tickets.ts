/** Which tickets are durable when acknowledgements come in any order: all up to `durable`, which only rises. The first ticket is 1. */
export class Tickets {
  #early = new Set<number>();
  /** The last one given. */
  last = 0;
  /** All up to this one are durable. */
  durable = 0;

  next(): number {
    this.last += 1;
    return this.last;
  }

  acknowledge(ticket: number): void {
    if (ticket !== this.durable + 1) {
      this.#early.add(ticket);
      return;
    }
    this.durable = ticket;
    while (this.#early.delete(this.durable + 1)) this.durable += 1;
  }
}
