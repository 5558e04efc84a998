import type { Approval } from '#schemas/approval.ts';
import { grantEnd } from '#schemas/grant.ts';
import type { HoldEvent } from '#schemas/hold.ts';
import { missing } from '#schemas/quorum.ts';

/** Beyond the deadline, a proxy that is still there has said itself how a parked hold ended. */
const GRACE_MS = 30_000;

const UNUSED = ', but its proxy did not use it';

/** What the clock alone does to an approval. */
export function dueEvent(approval: Approval, now: number): HoldEvent | null {
  if (approval.state === 'held') {
    const grace = approval.releases === 'parked' ? GRACE_MS : 0;
    return now > Date.parse(approval.deadline) + grace ? { kind: 'expire' } : null;
  }
  if (approval.state !== 'approved') return null;
  if (approval.releases !== 'parked') {
    const end = grantEnd(approval);
    return end !== null && now > end ? { kind: 'expire' } : null;
  }
  return now > Date.parse(approval.deadline) + GRACE_MS
    ? { kind: 'withdraw', why: `${approval.outcome}${UNUSED}` }
    : null;
}

/** Whether what it shows of its end may be the clock's alone: that nobody has used in time what was approved. */
export function isGuess(approval: Approval): boolean {
  if (approval.decisions.some(d => d.decision.verdict !== 'approve') || missing(approval) > 0) return false;
  return (
    approval.state === 'expired' || (approval.state === 'withdrawn' && approval.outcome.endsWith(UNUSED))
  );
}
