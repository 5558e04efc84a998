import type { Approvals, Clock, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval, Requirement } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import type { Principal } from '#schemas/principal.ts';
import { type Statement, statementDigest } from '#schemas/statement.ts';
import { type ParkedCallbacks, type ParkedDeps, ParkedHold } from './parked.ts';

export interface ParkInput extends ParkedCallbacks {
  readonly session: string;
  readonly requester: Principal;
  /** What runs when released: the digest is computed from it here. */
  readonly statement: Statement;
  readonly effects: readonly Effects[];
  /** Of the verdict; at least one. The shortest deadline among them is the hold's. */
  readonly requirements: readonly Requirement[];
}

/** A parked statement. How it ended comes once, synchronously, to `ended` of its input; see `ParkedHold`. */
export type Hold = Pick<ParkedHold, 'approval' | 'withdraw' | 'notForwarded'>;

/** How many may be parked: in all, and of one principal. */
export interface Room {
  /** Why there is no room for one more; null where there is. */
  full(requester: Principal): HoldpointError | null;
  /** Gives what makes its room free again. */
  enter(requester: Principal): () => void;
}

export interface Holds {
  /** Why nothing more of this principal can be parked now; null where it can. */
  full(requester: Principal): HoldpointError | null;
  /** Parks one statement; the caller has asked `full`. Never throws for a store that is down: that is a hold that ends with `hold_unavailable`. */
  park(input: ParkInput): Hold;
  /** Statements parked now. */
  readonly size: number;
  /** Shutdown: every hold ends, and tells its agent `shutdown`. */
  withdrawAll(why: string): void;
}

/**
 * The hold stage: parks statements, and releases one only when the signed decisions, verified here, meet every requirement and the
 * grant could be claimed once. `groupsOf` gives the policy's static groups of a lower-case e-mail; `newId` an unused approval id.
 */
export function createHolds(options: {
  readonly approvals: Approvals;
  readonly verifier: DecisionVerifier;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly groupsOf: (email: string) => readonly string[];
  readonly trouble: ParkedDeps['trouble'];
  readonly answerMs?: number;
  readonly room: Room;
}): Holds {
  const { clock, newId, room } = options;
  const deps: ParkedDeps = { ...options, answerMs: options.answerMs ?? 10_000 };
  const parked = new Set<ParkedHold>();

  return {
    full: requester => room.full(requester),
    park(input) {
      const now = clock();
      const wait = Math.min(...input.requirements.map(r => r.deadlineSeconds));
      if (!Number.isFinite(wait)) throw new TypeError('a hold needs a requirement');
      const approval: Approval = {
        id: newId(),
        state: 'held',
        outcome: '',
        session: input.session,
        requester: input.requester,
        target: input.statement.target,
        releases: 'parked',
        statement: input.statement,
        digest: statementDigest(input.statement),
        effects: [...input.effects],
        requirements: [...input.requirements],
        createdAt: new Date(now).toISOString(),
        deadline: new Date(now + wait * 1000).toISOString(),
        decisions: [],
      };
      const leave = room.enter(input.requester);
      const hold: ParkedHold = new ParkedHold(approval, deps, {
        opened: input.opened,
        decided: input.decided,
        ended: result => {
          parked.delete(hold);
          leave();
          input.ended(result);
        },
      });
      parked.add(hold);
      return hold;
    },
    get size() {
      return parked.size;
    },
    withdrawAll(why) {
      for (const hold of [...parked]) hold.withdraw(why, 'shutdown');
    },
  };
}
