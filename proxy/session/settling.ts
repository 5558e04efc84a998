import type { HoldpointError } from '#schemas/errors.ts';
import type { OwnChanges } from './changing.ts';
import type { Run } from './run.ts';
import { isLater, isLock } from './run-names.ts';
import type { WantedLock } from './wait-at-server.ts';
import type { Wait, Waits } from './waits.ts';

/** Why it is not sent: a fault, a sentence, or `AGAIN` where it has to be judged again. */
export type Obstacle = HoldpointError | string | typeof AGAIN;
export const AGAIN = Symbol('judged again');
const CHANGED = 'another session has changed what it means just now: try again';
const NOBODY: ReadonlySet<OwnChanges> = new Set();
/** Between two questions for a lock that does not keep this one away yet. */
const FIRST_MS = 50;
const MOST_MS = 2_000;

export interface Settling {
  /** It runs where the server refuses writes. */
  readonly shielded: () => boolean;
  /** People have approved it: nobody else could judge it again. */
  readonly approved: boolean;
  /** It runs in a transaction that goes on behind it, so that locks stay. */
  readonly keeps: boolean;
  /** It has to wait. */
  readonly begun: (wait: Pick<Wait, 'end'>) => void;
  /** Waits for locks at the server, and tells which of them the transaction has; false where that cannot be. */
  readonly lock: (
    locks: readonly WantedLock[],
    done: (fault: HoldpointError | null, got: readonly WantedLock[]) => void,
  ) => boolean;
}

/** One statement on its way past other sessions: at the server for locks, and otherwise in the proxy. */
export class Settlement implements Wait {
  readonly own: OwnChanges;
  readonly since = performance.now();
  readonly holds: boolean;
  on: ReadonlyMap<OwnChanges, boolean> = new Map();
  brief = false;
  there = false;
  private readonly run: Run;
  private readonly how: Settling;
  private readonly waits: Waits;
  private readonly orderMs: number;
  private readonly done: (why: Obstacle | null) => void;
  private over = false;
  private waiting = false;
  private claims = true;
  private inOrder = true;
  private order: NodeJS.Timeout | undefined;
  private delay = FIRST_MS;
  /** Those whose locks were waited for, and who have yet to be heard of. */
  private behind: ReadonlySet<OwnChanges> = NOBODY;

  constructor(
    own: OwnChanges,
    run: Run,
    how: Settling,
    { waits, orderMs }: { readonly waits: Waits; readonly orderMs: number },
    done: (why: Obstacle | null) => void,
  ) {
    this.own = own;
    this.holds = how.keeps;
    this.run = run;
    this.how = how;
    this.waits = waits;
    this.orderMs = orderMs;
    this.done = done;
  }

  look(): void {
    const { own, how } = this;
    if (this.over || this.there) return;
    this.on = own.blockers(this.run, how.shielded, this.inOrder, this.behind);
    if (this.on.size === 0) {
      if (how.shielded() || !own.overtaken(this.run)) this.finish(null);
      else this.finish(how.approved ? CHANGED : AGAIN);
      return;
    }
    if (!this.waiting) this.begin();
    const wanted = this.claims ? own.changes(this.run).filter(name => this.inOrder || !isLock(name)) : [];
    this.brief = wanted.every(isLater);
    own.wants(new Set(wanted));
  }

  yield(): void {
    this.claims = false;
    this.own.wants(new Set());
    this.waits.wake();
  }

  passes(other: OwnChanges): boolean {
    if (!this.behind.has(other)) return false;
    this.behind = new Set([...this.behind].filter(one => one !== other));
    this.look();
    return true;
  }

  end(fault: HoldpointError | string): void {
    if (!this.over) this.finish(fault);
  }

  private begin(): void {
    this.waiting = true;
    this.own.waiting = this;
    this.waits.add(this);
    this.order = setTimeout(() => {
      this.inOrder = false;
      this.look();
    }, this.orderMs);
    this.order.unref();
    if (!this.atServer()) this.how.begun(this);
  }

  private atServer(): boolean {
    const { own, how } = this;
    const locks = this.over || this.there ? [] : own.locks(this.run, this.on);
    if (locks.length === 0) return false;
    this.there = how.lock(locks, (fault, got) => {
      this.there = false;
      if (this.over) return;
      if (fault !== null) {
        this.finish(fault);
        return;
      }
      if (how.keeps && got.length > 0) {
        this.behind = new Set(this.on.keys());
        own.holds(got);
      } else if (how.keeps) how.begun(this);
      else {
        // The other's lock may come only now, or be none that keeps this one away.
        setTimeout(() => this.atServer(), this.delay).unref();
        this.delay = Math.min(this.delay * 2, MOST_MS);
      }
      this.look();
    });
    return this.there;
  }

  private finish(why: Obstacle | null): void {
    this.over = true;
    clearTimeout(this.order);
    if (this.waiting) {
      this.waits.delete(this);
      this.own.waiting = null;
      this.own.wants(new Set());
      this.waits.wake();
    }
    this.done(why);
  }
}
