import type { Approval } from '#schemas/approval.ts';
import { grantEnd } from '#schemas/grant.ts';
import type { HoldEvent } from '#schemas/hold.ts';
import { missing } from '#schemas/quorum.ts';

/** Beyond the deadline, a proxy that is still there has said itself how a parked hold ended. */
const GRACE_MS = 30_000;

const UNUSED = ', but its proxy did not use it';

/** The time (ms since 1970) after which the clock alone ends an approval as it is now; null when it has ended. */
export function dueAt(approval: Approval): number | null {
  if (approval.state !== 'held' && approval.state !== 'approved') return null;
  if (approval.releases === 'parked') return Date.parse(approval.deadline) + GRACE_MS;
  return approval.state === 'held' ? Date.parse(approval.deadline) : grantEnd(approval);
}

/** What the clock alone does to an approval. */
export function dueEvent(approval: Approval, now: number): HoldEvent | null {
  const at = dueAt(approval);
  if (at === null || now <= at) return null;
  return approval.state === 'approved' && approval.releases === 'parked'
    ? { kind: 'withdraw', why: `${approval.outcome}${UNUSED}` }
    : { kind: 'expire' };
}

/** Whether what it shows of its end may be the clock's alone: that nobody has used in time what was approved. */
export function isGuess(approval: Approval): boolean {
  if (approval.decisions.some(d => d.decision.verdict !== 'approve') || missing(approval) > 0) return false;
  return (
    approval.state === 'expired' || (approval.state === 'withdrawn' && approval.outcome.endsWith(UNUSED))
  );
}
