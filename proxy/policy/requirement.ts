import type { Requirement } from '#schemas/approval.ts';
import { type Access, type Rule, seconds } from '#schemas/policy.ts';

/** What a rule that holds, or an access entry that needs approval, asks of people. */
export type Asking = Pick<
  Extract<Rule, { verdict: 'hold' }> & NonNullable<Access['approval']>,
  'approvers' | 'quorum' | 'deadline' | 'grant' | 'mode' | 'wait' | 'message'
>;

/** The requirement by which an approval is counted; `rule` is what its approvers read as the reason. */
export function requirementOf(rule: string, asking: Asking): Requirement {
  const { approvers, quorum, mode, message } = asking;
  const deadlineSeconds = seconds(asking.deadline);
  const waits = asking.wait === undefined ? deadlineSeconds : seconds(asking.wait);
  return {
    rule,
    approvers,
    quorum,
    deadlineSeconds,
    mode,
    waitSeconds: mode === 'return' ? 0 : waits,
    grantSeconds: seconds(asking.grant),
    message,
  };
}
