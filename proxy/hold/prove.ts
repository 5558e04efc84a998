import type { Approval } from '#schemas/approval.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';
import type { Principal } from '#schemas/principal.ts';
import { mayDecide } from '#schemas/quorum.ts';

/**
 * What the decisions amount to, worked out anew from the approval as the proxy opened it: whatever the store says about state,
 * quorum or approvers does not enter. Pure. `decisions` are those whose signatures have verified, in the store's order; someone's
 * groups are the signed ones and the policy's (`groupsOf` a lower-case e-mail). Throws IllegalMove where the state machine would
 * not have let a decision happen: another approval or digest, too late, twice by one person, by the requester, not an approver.
 */
export function prove(
  opened: Approval,
  decisions: readonly SignedDecision[],
  groupsOf: (email: string) => readonly string[],
): Approval {
  const deadline = Date.parse(opened.deadline);
  const start: Approval = { ...opened, state: 'held', outcome: '', decisions: [] };
  return decisions.reduce((approval, signed) => {
    const { decision } = signed;
    // As points in time: as texts, stamps of different precision do not compare.
    if (decision.verdict !== 'revoke' && !(Date.parse(decision.at) <= deadline))
      throw new IllegalMove('the decision came after the deadline');
    const groups = [...new Set([...decision.groups, ...groupsOf(decision.by)])];
    return transition(approval, { kind: 'decide', signed: { ...signed, decision: { ...decision, groups } } });
  }, start);
}

/**
 * The same for whoever asks again, as `requester`, for what `found` has stood for. What was signed names who asked first: that has to be the
 * same principal, though their token is another one now. They may have been known by another e-mail: neither of the two may decide.
 */
export function proveAgain(
  found: Approval,
  requester: Principal,
  groupsOf: (email: string) => readonly string[],
): Approval {
  const { issuer, subject } = found.requester;
  if (issuer !== requester.issuer || subject !== requester.subject)
    throw new IllegalMove('its record was altered: it was asked for by somebody else');
  const proven = prove(found, found.decisions, groupsOf);
  for (const { decision } of found.decisions) {
    const groups = [...decision.groups, ...groupsOf(decision.by)];
    const refusal = mayDecide({ ...found, requester }, decision.by, groups);
    if (refusal !== null) throw new IllegalMove(refusal);
  }
  return { ...proven, requester };
}
