import type { Approvals, Clock } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';

/** setTimeout fires at once for anything longer. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Approvals that outlive their connections and are not decided, as far as this proxy has opened them: who asks again gets the same one,
 * also while the store does not show it yet, and until it is decided it takes the room of a held statement.
 */
export class Outstanding {
  readonly #approvals: Approvals;
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Approval>();

  constructor(approvals: Approvals, clock: Clock) {
    this.#approvals = approvals;
    this.#clock = clock;
  }

  /** What was opened for this grant key and digest and is not to be seen in the store yet. */
  get(key: string, digest: string): Approval | undefined {
    const there = this.#byKey.get(key);
    return there?.digest === digest ? there : undefined;
  }

  opened(key: string, approval: Approval): void {
    this.#byKey.set(key, approval);
  }

  /** It has ended on its connection. */
  ended(key: string, { id }: Approval): void {
    if (this.#byKey.get(key)?.id === id) this.#byKey.delete(key);
  }

  /** Its connection goes on without it; `leave` is called when it is decided, gone or past its deadline. */
  returned(key: string, approval: Approval, leave: () => void): void {
    const over = () => {
      clearTimeout(timer);
      unwatch();
      this.ended(key, approval);
      leave();
    };
    const left = Date.parse(approval.deadline) - this.#clock();
    const timer = setTimeout(over, Math.min(Math.max(left, 0), MAX_TIMER));
    timer.unref();
    const unwatch = this.#approvals.watch(approval.id, seen => {
      // From now on `find` finds it.
      this.ended(key, approval);
      if (seen?.state !== 'held') over();
    });
  }
}
