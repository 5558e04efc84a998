import { type FaultCode, HoldpointError } from '#schemas/errors.ts';
import type { Principal } from '#schemas/principal.ts';

/** How many there may be in all, and of one principal. */
export interface HeadLimits {
  readonly all: number;
  readonly each: number;
}

/** Counts what principals have of one thing, connections or holds: in all, and each of them. */
export class Headcount {
  private readonly limits: HeadLimits;
  private readonly codes: Readonly<Record<keyof HeadLimits, FaultCode>>;
  private readonly counts = new Map<string, number>();
  private all = 0;

  /** `codes`: what is said when a limit is reached. */
  constructor(limits: HeadLimits, codes: Readonly<Record<keyof HeadLimits, FaultCode>>) {
    this.limits = limits;
    this.codes = codes;
  }

  /** Why there is no room for one more; null where there is. */
  full(principal: Principal): HoldpointError | null {
    const { all, each } = this.limits;
    // Their own limit first: it is the one that they can do something about.
    if ((this.counts.get(keyOf(principal)) ?? 0) >= each) return this.fault('each');
    return this.all >= all ? this.fault('all') : null;
  }

  /** Gives what takes it out again. Throws what `full` says. */
  enter(principal: Principal): () => void {
    const full = this.full(principal);
    if (full !== null) throw full;
    const key = keyOf(principal);
    this.all += 1;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.all -= 1;
      const left = (this.counts.get(key) ?? 1) - 1;
      if (left > 0) this.counts.set(key, left);
      else this.counts.delete(key);
    };
  }

  private fault(which: keyof HeadLimits): HoldpointError {
    return new HoldpointError(this.codes[which], undefined, {
      detail: `The limit is ${this.limits[which]}.`,
    });
  }
}

function keyOf({ issuer, subject }: Principal): string {
  return `${issuer}\0${subject}`;
}
