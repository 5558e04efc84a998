import type { Approvals, Clock, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval, Requirement } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import { grantKey } from '#schemas/grant.ts';
import type { Principal } from '#schemas/principal.ts';
import { type Statement, statementDigest } from '#schemas/statement.ts';
import { answerWithin } from './answer.ts';
import { type Ended, follow } from './follow.ts';
import { Outstanding } from './outstanding.ts';
import { type ParkedCallbacks, type ParkedDeps, ParkedHold } from './parked.ts';
import { type Asked, type Standing, standing } from './standing.ts';
import { termsOf } from './terms.ts';

export interface ParkInput extends ParkedCallbacks {
  readonly session: string;
  readonly requester: Principal;
  /** What runs when released: the digest is computed from it here. */
  readonly statement: Statement;
  readonly effects: readonly Effects[];
  /** Of the verdict; at least one. The shortest deadline among them is the hold's. */
  readonly requirements: readonly Requirement[];
  /** The statement means something in its own session alone: its approval dies with the connection. */
  readonly bound?: boolean;
  /** Opening a session; what is approved then is not used up. */
  readonly opensSession?: boolean;
  /** Whether the statement still means what it meant when it was described; asked behind the claim. */
  readonly unchanged?: (() => Promise<boolean>) | undefined;
  /** It is held already (`standing`): nothing is opened, and leaving withdraws nothing. */
  readonly attach?: Approval | undefined;
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
  /** What there is already for something whose approval outlives its connection; where that is a grant, it is used now. Rejects as the ports do. */
  standing(asked: Asked): Promise<Standing>;
  /** A grant that was claimed, and of which nothing was sent to the server after all. */
  notUsed(approval: Approval, why: string): void;
  /** Watches a grant in use; see `follow`. */
  follow(approval: Approval, ended: (end: Ended) => void): () => void;
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
  const { approvals, trouble } = options;
  const answerMs = options.answerMs ?? 10_000;
  const deps: ParkedDeps = { ...options, answerMs };
  const parked = new Set<ParkedHold>();
  const outstanding = new Outstanding(approvals, clock);

  return {
    full: requester => room.full(requester),
    standing: asked =>
      standing(asked, { ...options, answer: (answered, whom) => answerWithin(answered, whom, answerMs) }),
    follow: (approval, ended) => follow(approval, options, ended),
    notUsed(approval, why) {
      void approvals
        .end(approval.id, { kind: 'withdraw', why })
        .catch((error: unknown) => trouble(error, approval));
    },
    park(input) {
      const now = clock();
      if (input.requirements.length === 0) throw new TypeError('a hold needs a requirement');
      const terms = termsOf(input.requirements, input.bound);
      const releases = input.opensSession === true ? 'session' : terms.releases;
      const digest = statementDigest(input.statement);
      const key = releases === 'parked' ? null : grantKey(input.statement, input.requester);
      // Two sessions of one principal that ask for the same in one moment ask once.
      const there = key === null ? undefined : (input.attach ?? outstanding.get(key, digest));
      const approval: Approval = {
        id: there?.id ?? newId(),
        state: 'held',
        outcome: '',
        session: there?.session ?? input.session,
        requester: input.requester,
        target: input.statement.target,
        releases,
        statement: input.statement,
        digest,
        effects: [...input.effects],
        requirements: [...input.requirements],
        createdAt: there?.createdAt ?? new Date(now).toISOString(),
        deadline: there?.deadline ?? new Date(now + terms.deadlineSeconds * 1000).toISOString(),
        decisions: [],
      };
      const waits = terms.waitSeconds > 0;
      const leave = there !== undefined && !waits ? () => {} : room.enter(input.requester);
      const { unchanged } = input;
      const how = { attached: there !== undefined, waitMs: terms.waitSeconds * 1000, unchanged };
      const hold: ParkedHold = new ParkedHold(approval, deps, how, {
        opened: input.opened,
        decided: input.decided,
        ended: result => {
          parked.delete(hold);
          if (key !== null && result.kind === 'returned' && there === undefined)
            outstanding.returned(key, approval, leave);
          else {
            if (key !== null && there === undefined) outstanding.ended(key, approval);
            leave();
          }
          input.ended(result);
        },
      });
      if (key !== null && there === undefined) outstanding.opened(key, approval);
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
