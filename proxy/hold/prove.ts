import type { Approval } from '#schemas/approval.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';

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
    if (!(Date.parse(decision.at) <= deadline)) throw new IllegalMove('the decision came after the deadline');
    const groups = [...new Set([...decision.groups, ...groupsOf(decision.by)])];
    return transition(approval, { kind: 'decide', signed: { ...signed, decision: { ...decision, groups } } });
  }, start);
}
