import { type FaultCode, HoldpointError } from '#schemas/errors.ts';
import type { Principal } from '#schemas/principal.ts';

/** How many there may be in all, and of one principal. */
export interface QuotaLimits {
  readonly all: number;
  readonly each: number;
}

/** What one session has of it, which grows and shrinks. */
export interface Share {
  /** Why there is no room for so many more; null where there is. */
  full(more: number): HoldpointError | null;
  /** It has so many more, or fewer. */
  add(more: number): void;
  /** It has none any more. */
  leave(): void;
}

/** Counts what principals have of one thing, be it connections, holds or bytes of memory: in all, and each of them. */
export class Quota {
  private readonly limits: QuotaLimits;
  private readonly codes: Readonly<Record<keyof QuotaLimits, FaultCode>>;
  private readonly counts = new Map<string, number>();
  private all = 0;

  /** `codes`: what is said when a limit is reached. */
  constructor(limits: QuotaLimits, codes: Readonly<Record<keyof QuotaLimits, FaultCode>>) {
    this.limits = limits;
    this.codes = codes;
  }

  /** Why there is no room for one more, or for `more`; null where there is. */
  full(principal: Principal, more = 1): HoldpointError | null {
    const { all, each } = this.limits;
    // Their own limit first: it is the one that they can do something about.
    if ((this.counts.get(keyOf(principal)) ?? 0) + more > each) return this.fault('each');
    return this.all + more > all ? this.fault('all') : null;
  }

  /** Gives what takes it out again. Throws what `full` says. */
  enter(principal: Principal): () => void {
    const full = this.full(principal);
    if (full !== null) throw full;
    const key = keyOf(principal);
    this.count(key, 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.count(key, -1);
    };
  }

  /** One session's share, counted in steps: what changes by less than `step` costs nothing, and is not seen. */
  share(principal: Principal, step: number): Share {
    const key = keyOf(principal);
    let has = 0;
    let counted = 0;
    let left = false;
    const settle = () => {
      this.count(key, has - counted);
      counted = has;
    };
    return {
      full: more => (has + more - counted < step ? null : this.full(principal, has + more - counted)),
      add: more => {
        if (left) return;
        has += more;
        if (Math.abs(has - counted) >= step) settle();
      },
      leave: () => {
        left = true;
        has = 0;
        settle();
      },
    };
  }

  private count(key: string, more: number): void {
    this.all += more;
    const now = (this.counts.get(key) ?? 0) + more;
    if (now > 0) this.counts.set(key, now);
    else this.counts.delete(key);
  }

  private fault(which: keyof QuotaLimits): HoldpointError {
    return new HoldpointError(this.codes[which], undefined, {
      detail: `The limit is ${this.limits[which]}.`,
    });
  }
}

function keyOf({ issuer, subject }: Principal): string {
  return `${issuer}\0${subject}`;
}
