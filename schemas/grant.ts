import type { Approval } from './approval.ts';
import { canonical, sha256 } from './canonical.ts';
import type { Principal } from './principal.ts';

/**
 * What a grant is found by: the digest of the statement and who may run it. Two people who ask for the same statement need two approvals.
 * SHA-256, hex.
 */
export function grantKey(digest: string, { issuer, subject }: Pick<Principal, 'issuer' | 'subject'>): string {
  return sha256(canonical({ digest, holdpoint: 'grant/v1', issuer, subject }));
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
