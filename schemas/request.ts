import type { Approval } from './approval.ts';
import { sha256 } from './canonical.ts';
import { requestText } from './request-text.ts';

/**
 * SHA-256 (hex) over everything that an approver is shown of what is asked: who asks, on what, what it would do, what the rules want, until
 * when, and the statement. A decision carries it, so that nobody who can write where approvals are kept can show one thing and
 * have another decided, or hand one person's approval to another.
 */
export function requestDigest(approval: Approval): string {
  return sha256(requestText(approval));
}
