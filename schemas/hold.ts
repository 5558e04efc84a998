import type { Approval, ApprovalState } from './approval.ts';
import type { Decision, SignedDecision } from './decision.ts';
import { mailbox } from './email.ts';
import { mayDecide, missing } from './quorum.ts';
import { requestDigest } from './request.ts';

/** Everything that can happen to a hold. */
export type HoldEvent =
  | { readonly kind: 'decide'; readonly signed: SignedDecision }
  | { readonly kind: 'expire' }
  | { readonly kind: 'withdraw'; readonly why: string }
  | { readonly kind: 'execute' }
  | { readonly kind: 'ran' };

/** An event that the present state does not allow. The message is fit for the person who caused it. */
export class IllegalMove extends Error {
  override readonly name = 'IllegalMove';
}

/**
 * The one function that changes a hold's state. Pure: it checks the event against the state and against the approval's own
 * requirements, and throws IllegalMove where either forbids it. Signatures are the caller's to check (the console signs, the
 * proxy verifies); time is in the event's `at` and in the caller's hands for `expire`.
 */
export function transition(approval: Approval, event: HoldEvent): Approval {
  switch (event.kind) {
    case 'decide':
      return decide(approval, event.signed);
    case 'expire':
      // A grant that outlives its connection has an end of its own.
      if (approval.state === 'approved' && approval.releases !== 'parked')
        return { ...approval, state: 'expired', outcome: `${approval.outcome}, and its time is over` };
      if (approval.state !== 'held') throw moved(approval, 'expire');
      return { ...approval, state: 'expired', outcome: 'nobody decided before the deadline' };
    case 'withdraw':
      // From `executed` too: the proxy had claimed the grant and then sent nothing (its agent was gone, the ledger was down).
      // The grant stays spent; the record does not say that something ran.
      if (approval.state !== 'held' && approval.state !== 'approved' && approval.state !== 'executed')
        throw moved(approval, 'be withdrawn');
      return { ...approval, state: 'withdrawn', outcome: event.why };
    case 'execute':
      // A session grant is not used up by a session; only its time, or a revocation, ends it.
      if (approval.state !== 'approved' || approval.releases === 'session')
        throw moved(approval, 'be executed');
      return { ...approval, state: 'executed', outcome: `${approval.outcome}, then released to the server` };
    case 'ran':
      // The server has answered: a fact, whatever was said of its end before.
      if (approval.releases === 'session') throw moved(approval, 'run');
      return {
        ...approval,
        state: 'executed',
        outcome: `${approvedBy(approval)}, then released to the server`,
      };
  }
}

const DECIDED_FROM: { readonly [verdict in Decision['verdict']]: readonly ApprovalState[] } = {
  approve: ['held'],
  // A denial may have been signed in the moment in which somebody else completed the quorum: no, once said, counts.
  deny: ['held', 'approved'],
  revoke: ['approved'],
};

function decide(approval: Approval, signed: SignedDecision): Approval {
  const { decision } = signed;
  const revokes = decision.verdict === 'revoke';
  if (!DECIDED_FROM[decision.verdict].includes(approval.state))
    throw moved(approval, revokes ? 'be revoked' : 'be decided');
  if (decision.approval !== approval.id)
    throw new IllegalMove(`the decision is for ${decision.approval}, not for ${approval.id}`);
  if (decision.digest !== approval.digest)
    throw new IllegalMove('the decision covers another statement than the one that is held');
  if (decision.request !== requestDigest(approval))
    throw new IllegalMove('what was shown to who decided is not what was asked: the record was changed');
  if (!revokes && Date.parse(decision.at) > Date.parse(approval.deadline))
    throw new IllegalMove('the deadline has passed');
  const refusal = mayDecide(approval, decision.by, decision.groups);
  if (refusal !== null) throw new IllegalMove(refusal);
  const next = { ...approval, decisions: [...approval.decisions, signed] };
  const because = decision.reason === '' ? '' : `: ${decision.reason}`;
  if (revokes) return { ...next, state: 'withdrawn', outcome: `revoked by ${decision.by}${because}` };
  if (approval.decisions.some(d => samePerson(d.decision, decision)))
    throw new IllegalMove(`${decision.by} has already decided; each person counts once`);
  if (decision.verdict === 'deny')
    return { ...next, state: 'denied', outcome: `denied by ${decision.by}${because}` };
  if (missing(next) > 0) return next;
  return { ...next, state: 'approved', outcome: approvedBy(next) };
}

/** The outcome of what is approved. */
export function approvedBy(approval: Approval): string {
  const yes = approval.decisions.filter(d => d.decision.verdict === 'approve');
  return `approved by ${yes.map(d => d.decision.by).join(', ')}`;
}

function samePerson(a: Decision, b: Decision): boolean {
  return mailbox(a.by) === mailbox(b.by) || (a.account !== undefined && a.account === b.account);
}

function moved(approval: Approval, verb: string): IllegalMove {
  return new IllegalMove(`approval ${approval.id} is ${approval.state} and can no longer ${verb}`);
}
