import type { Approval } from './approval.ts';
import { lowerEmail, mailbox } from './email.ts';
import { namesOf } from './names-of.ts';

/** Null when `by` may decide; otherwise a sentence that says why not. */
export function mayDecide(approval: Approval, by: string, groups: readonly string[]): string | null {
  if (by !== lowerEmail(by) || by === '') return 'an approver is named by a lower-case e-mail';
  if (namesOf(approval.requester).some(own => mailbox(own) === mailbox(by)))
    return 'the requester cannot decide on their own statement';
  if (!approval.requirements.some(r => eligible(r.approvers, by, groups)))
    return `${by} is not among the approvers of ${approval.requirements.map(r => r.rule).join(', ')}`;
  return null;
}

/** How many more approvals the requirement that lacks most still needs; 0 when all are met. */
export function missing(approval: Approval): number {
  const yes = approval.decisions.filter(d => d.decision.verdict === 'approve');
  const lacks = approval.requirements.map(r => {
    const people = new Set(
      yes
        .filter(d => eligible(r.approvers, d.decision.by, d.decision.groups))
        .map(d => mailbox(d.decision.by)),
    );
    return r.quorum - people.size;
  });
  return Math.max(0, ...lacks);
}

function eligible(approvers: readonly string[], by: string, groups: readonly string[]): boolean {
  return approvers.some(a => (a.startsWith('email:') ? lowerEmail(a.slice(6)) === by : groups.includes(a)));
}
