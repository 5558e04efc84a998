/** Who waits for which ticket to be durable, and until when. Pure: the time comes as an argument, in any one unit. */
export class Waiters {
  #queue: { ticket: number; until: number; done: (fault: Error | null) => void }[] = [];
  #head = 0;

  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** `done` is called once: by `settle` with null, or by `expire` or `fail` with their error. */
  add(ticket: number, until: number, done: (fault: Error | null) => void): void {
    let at = this.#queue.length;
    while (at > this.#head && this.#queue[at - 1]!.ticket > ticket) at -= 1;
    if (at === this.#queue.length) this.#queue.push({ ticket, until, done });
    else this.#queue.splice(at, 0, { ticket, until, done });
  }

  /** Everything up to `durable` is durable. Callbacks may add new waiters. Gives how many were called. */
  settle(durable: number): number {
    let settled = 0;
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.ticket <= durable) {
      const { done } = this.#queue[this.#head]!;
      this.#head += 1;
      settled += 1;
      call(done, null);
    }
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return settled;
  }

  /** Fails those whose time is up. Gives how many there were, and when the next is due (Infinity when nobody waits). */
  expire(now: number, fault: () => Error): { expired: number; next: number } {
    const waiting = this.#queue.slice(this.#head);
    const late = waiting.filter(w => w.until <= now);
    this.#queue = waiting.filter(w => w.until > now);
    this.#head = 0;
    const next = this.#queue.reduce((least, w) => Math.min(least, w.until), Number.POSITIVE_INFINITY);
    for (const { done } of late) call(done, fault());
    return { expired: late.length, next };
  }
}

/** A callback that throws is a defect of its own: it surfaces as an uncaught exception and keeps nobody else from being called. */
function call(done: (fault: Error | null) => void, fault: Error | null): void {
  try {
    done(fault);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
