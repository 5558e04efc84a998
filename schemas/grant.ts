import type { Approval } from './approval.ts';
import { canonical, sha256 } from './canonical.ts';
import type { Principal } from './principal.ts';
import { askedDigest, type Statement } from './statement.ts';

/**
 * What a grant is found by: the statement and who may run it. Two people who ask for the same statement need two approvals. SHA-256, hex.
 */
export function grantKey(
  statement: Statement,
  { issuer, subject }: Pick<Principal, 'issuer' | 'subject'>,
): string {
  return sha256(canonical({ digest: askedDigest(statement), holdpoint: 'grant/v1', issuer, subject }));
}

/**
 * When the grant of an approved approval ends, in milliseconds since 1970; null when it is not approved. The time runs from the decision
 * that completed the quorum, as its signer stamped it, not from when anybody connected or looked.
 */
export function grantEnd(approval: Approval): number | null {
  if (approval.state !== 'approved') return null;
  const yes = approval.decisions.filter(d => d.decision.verdict === 'approve');
  if (yes.length === 0) return null;
  const last = Math.max(...yes.map(d => Date.parse(d.decision.at)));
  return last + Math.min(...approval.requirements.map(r => r.grantSeconds)) * 1000;
}

/**
 * Whether an approval still answers who asks for the same again, at `now` (ms since 1970). A denial does so until its deadline: asking
 * again does not ask its approvers again.
 */
export function standsFor(approval: Approval, now: number): boolean {
  switch (approval.state) {
    case 'held':
    case 'approved':
      return true;
    case 'denied':
      return now < Date.parse(approval.deadline);
    case 'expired':
    case 'withdrawn':
    case 'executed':
      return false;
  }
}
