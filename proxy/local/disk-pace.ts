/** A write that takes this long (ms) sends the next ones to the pool. */
const SLOW = 200;
/** So do many that take this long on average (ms): where the disk is far away, waiting for it is time that the thread could use. */
const MEAN = 4;
/** Of so many writes, about. */
const OF = 64;
/** First and longest time (ms) after a slow write in which none is made here, and good ones after which the next time is the first again. */
const PAUSE_FIRST = 1000;
const PAUSE_LONGEST = 60_000;
const GOOD = 1000;

/**
 * Whether the disk answers so fast that the proxy's own thread may wait for it. Learns from how long writes have taken; a disk that is slow
 * again and again is left alone for twice as long each time. Pure: the time comes as an argument (ms, monotonic).
 */
export class DiskPace {
  #until = Number.NEGATIVE_INFINITY;
  #pause = PAUSE_FIRST;
  #mean = 0;
  #good = 0;

  fast(now: number): boolean {
    return now >= this.#until;
  }

  /** A write has taken `ms`. `own`: on the proxy's own thread; in the pool, that thread's own work is part of the time. */
  took(ms: number, own: boolean, now: number): void {
    if (own) {
      this.#mean += (ms - this.#mean) / OF;
      this.#good += 1;
      if (this.#good >= GOOD) this.#pause = PAUSE_FIRST;
    }
    if (ms >= SLOW || this.#mean > MEAN) this.failed(now);
  }

  /** A write has failed, or was slow. */
  failed(now: number): void {
    // One incident is one, however many writes of the pool it slows.
    if (this.fast(now)) {
      this.#until = now + this.#pause;
      this.#pause = Math.min(this.#pause * 2, PAUSE_LONGEST);
    } else this.#until = Math.max(this.#until, now + PAUSE_FIRST);
    this.#mean = 0;
    this.#good = 0;
  }
}
