import type { Approvals, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { answerWithin } from './answer.ts';
import { proveAgain } from './prove.ts';
import type { Checked } from './standing.ts';

/** The end of a session must not wait for the record of who ended it. */
const VERIFY_MS = 1000;

/** A grant that ended while it was in use: why, and the decision that took it back, where one did. */
export interface Ended {
  readonly why: string;
  readonly revocation: Checked | null;
}

/**
 * Watches a grant in use, and calls back once when it is not one any more: revoked, removed, altered, or in any other state than
 * approved. Gives what stops watching.
 */
export function follow(
  approval: Approval,
  deps: {
    readonly approvals: Approvals;
    readonly verifier: DecisionVerifier;
    readonly groupsOf: (email: string) => readonly string[];
  },
  ended: (end: Ended) => void,
): () => void {
  const { id } = approval;
  let over = false;
  const stop = deps.approvals.watch(id, seen => {
    if (over) return;
    const why = whyEnded(approval, seen, deps.groupsOf);
    if (why === null) return;
    over = true;
    stop();
    const last = seen?.decisions.at(-1);
    const end = (revocation: Checked | null) => ended({ why: `approval ${id}: ${why}`, revocation });
    if (last === undefined || last.decision.verdict !== 'revoke') end(null);
    else
      answerWithin(deps.verifier.verify(last), 'the decision verifier', VERIFY_MS).then(
        verified => end({ signed: last, verified }),
        () => end({ signed: last, verified: false }),
      );
  });
  return () => {
    over = true;
    stop();
  };
}

function whyEnded(
  approval: Approval,
  seen: Approval | null,
  groupsOf: (email: string) => readonly string[],
): string | null {
  if (seen === null) return 'its record was removed or altered';
  if (seen.state !== 'approved') return seen.outcome === '' ? `it is ${seen.state}` : seen.outcome;
  try {
    // The signatures were checked when it was granted; they are over the very decisions that are counted here.
    const same = JSON.stringify(seen.decisions) === JSON.stringify(approval.decisions);
    const proven = proveAgain(
      { ...approval, requester: seen.requester, decisions: seen.decisions },
      approval.requester,
      groupsOf,
    );
    if (proven.state === 'withdrawn' || proven.state === 'denied') return proven.outcome;
    return same && proven.state === 'approved' ? null : 'its record was altered';
  } catch {
    return 'its record was altered';
  }
}
