import type { Approvals, Clock, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval, Releases, Requirement } from '#schemas/approval.ts';
import { canonical, type Json } from '#schemas/canonical.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import type { Effects } from '#schemas/effects.ts';
import type { FaultCode } from '#schemas/errors.ts';
import { grantEnd, grantKey } from '#schemas/grant.ts';
import { type HoldEvent, IllegalMove } from '#schemas/hold.ts';
import type { Principal } from '#schemas/principal.ts';
import { askedDigest, type Statement, statementDigest } from '#schemas/statement.ts';
import { proveAgain } from './prove.ts';
import { termsOf } from './terms.ts';

/** What is asked for now, by whom, and what the policy says now that it needs. */
export interface Asked {
  readonly requester: Principal;
  readonly statement: Statement;
  readonly effects: readonly Effects[];
  readonly requirements: readonly Requirement[];
  readonly releases: Exclude<Releases, 'parked'>;
  /** True when nobody waits for the answer any more: then nothing is used up. */
  readonly gone: () => boolean;
}

/** A decision as it was found, and what its signature turned out to be. */
export interface Checked {
  readonly signed: SignedDecision;
  readonly verified: boolean;
}

/** What there is already for something that is asked for again. `approval` is as this proxy would have opened it. */
export type Standing =
  | { readonly kind: 'none' }
  /** Nobody has decided yet. */
  | { readonly kind: 'held'; readonly approval: Approval }
  /** Proven; what releases once is claimed by this caller and by no other, ever. `ends`: in milliseconds since 1970. */
  | {
      readonly kind: 'granted';
      readonly approval: Approval;
      readonly decisions: readonly Checked[];
      readonly ends: number;
    }
  | {
      readonly kind: 'refused';
      readonly approval: Approval;
      readonly decisions: readonly Checked[];
      readonly code: Extract<FaultCode, 'hold_denied' | 'decision_unverified'>;
      readonly why: string;
    };

export interface StandingDeps {
  readonly approvals: Approvals;
  readonly verifier: DecisionVerifier;
  readonly clock: Clock;
  readonly groupsOf: (email: string) => readonly string[];
  readonly trouble: (error: unknown, approval: Approval) => void;
  /** Gives what the store or the verifier has answered, or rejects when it takes too long. */
  readonly answer: <T>(asked: Promise<T>, whom: string) => Promise<T>;
}

const NONE: Standing = { kind: 'none' };

/**
 * Looks for an approval of the same by the same principal, and uses it. Of what is stored only signed decisions count: what was asked, by
 * whom, and what it needs are this proxy's own, of now. A record that says anything else of them was altered, or was asked for when they
 * were other; it is withdrawn, and whoever asks begins anew. Rejects as the ports do.
 */
export async function standing(asked: Asked, deps: StandingDeps): Promise<Standing> {
  const digest = statementDigest(asked.statement);
  const key = grantKey(asked.statement, asked.requester);
  const found = await deps.answer(deps.approvals.find(key), 'the approval store');
  if (found === null) return NONE;
  const other = otherThan(found, asked, digest);
  if (other !== null) return over(found, { kind: 'withdraw', why: other }, deps);
  const approval: Approval = {
    ...found,
    requester: asked.requester,
    statement: asked.statement,
    effects: [...asked.effects],
    requirements: [...asked.requirements],
  };
  const decisions: Checked[] = [];
  const refused = (code: 'hold_denied' | 'decision_unverified', why: string): Standing => ({
    kind: 'refused',
    approval,
    decisions,
    code,
    why,
  });
  const unverified = async (why: string): Promise<Standing> => {
    await over(found, { kind: 'withdraw', why }, deps);
    return refused('decision_unverified', why);
  };
  for (const signed of found.decisions) {
    const verified = await deps.answer(deps.verifier.verify(signed), 'the decision verifier');
    decisions.push({ signed, verified: verified === true });
    if (verified !== true) return unverified('the signature of a decision is wrong');
  }
  let proven: Approval;
  try {
    proven = proveAgain(found, asked.requester, deps.groupsOf);
  } catch (error) {
    if (!(error instanceof IllegalMove)) throw error;
    return unverified(error.message);
  }
  const now = deps.clock();
  if (proven.state === 'denied')
    return now < Date.parse(found.deadline) ? refused('hold_denied', proven.outcome) : NONE;
  // Revoked, and its record says otherwise.
  if (proven.state === 'withdrawn') return over(found, { kind: 'withdraw', why: proven.outcome }, deps);
  if (proven.state !== found.state)
    return unverified(`the store says ${found.state}, its decisions say ${proven.state}`);
  if (proven.state === 'held') {
    if (now < Date.parse(found.deadline)) return { kind: 'held', approval: proven };
    return over(found, { kind: 'expire' }, deps);
  }
  const ends = grantEnd(proven);
  if (ends === null) return NONE;
  if (now >= ends) return over(found, { kind: 'expire' }, deps);
  if (asked.releases === 'session') return { kind: 'granted', approval: proven, decisions, ends };
  if (asked.gone()) return { kind: 'held', approval: proven };
  const mine = await deps.answer(deps.approvals.claim(found.id, digest), 'the approval store');
  // Used by somebody else in this moment, or in the last one.
  if (mine !== true) return NONE;
  if (deps.clock() >= ends)
    return over(found, { kind: 'withdraw', why: 'its time was over before it could be used' }, deps);
  return { kind: 'granted', approval: proven, decisions, ends };
}

/** What was decided was decided about another meaning. */
export const DEFINED_ANEW = 'a definition that the statement reaches has changed since it was asked for';

/** Why what is stored cannot be about what is asked for now; null when it is. */
function otherThan(found: Approval, asked: Asked, digest: string): string | null {
  const same = (a: unknown, b: unknown) => canonical(a as Json) === canonical(b as Json);
  if (
    found.digest !== statementDigest(found.statement) ||
    askedDigest(found.statement) !== askedDigest(asked.statement) ||
    found.releases !== asked.releases
  )
    return 'its record was altered: it shows another statement than the one that it covers';
  if (!same(found.requirements, asked.requirements))
    return 'what it needs is not what the policy asks for now';
  const { deadlineSeconds } = termsOf(asked.requirements);
  if (Date.parse(found.deadline) - Date.parse(found.createdAt) !== deadlineSeconds * 1000)
    return 'its record was altered: it has another deadline than the rule';
  // The text is the same; what it reaches is another now: a view, a function, a trigger, a name in front of it.
  if (!same(found.effects, asked.effects))
    return 'what the statement would do has changed since it was asked for';
  return found.digest === digest ? null : DEFINED_ANEW;
}

/** It is of no more use. The store hears so, and if it does not, nothing depends on it. */
async function over(
  found: Approval,
  event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>,
  { approvals, trouble, answer }: StandingDeps,
): Promise<Standing> {
  try {
    await answer(approvals.end(found.id, event), 'the approval store');
  } catch (error) {
    if (!(error instanceof IllegalMove)) trouble(error, found);
  }
  return NONE;
}
