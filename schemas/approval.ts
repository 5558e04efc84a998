import { z } from 'zod';
import { signedDecision } from './decision.ts';
import { effects } from './effects.ts';
import { principal } from './principal.ts';
import { statement } from './statement.ts';

/** What one hold rule asks for. A message that meets several hold rules needs all of them. */
export const requirement = z.strictObject({
  rule: z.string(),
  /** Group names of the policy, or `email:` entries. */
  approvers: z.array(z.string()).min(1),
  /** Distinct people. */
  quorum: z.int().min(1),
  /** Seconds from the hold's begin. */
  deadlineSeconds: z.int().min(1),
  mode: z.enum(['wait', 'return']),
  /** Seconds that the agent waits on its open connection; 0 in mode `return`. */
  waitSeconds: z.int().min(0),
  /** Seconds from the approval within which a grant that outlives its connection can be used. */
  grantSeconds: z.int().min(1),
  message: z.string(),
});
export type Requirement = z.infer<typeof requirement>;

/**
 * What an approval lets happen. `parked`: the statement that waits on its open connection, and nothing else. `once`: the same statement of
 * the same principal, once, until the grant's end. `session`: that principal's sessions on this target, until the grant's end.
 */
export const releases = z.enum(['parked', 'once', 'session']);
export type Releases = z.infer<typeof releases>;

export const approvalState = z.enum(['held', 'approved', 'denied', 'expired', 'withdrawn', 'executed']);
export type ApprovalState = z.infer<typeof approvalState>;

/** The record of one hold: everything that an approver sees, and what became of it. */
export const approval = z.strictObject({
  id: z.string(),
  state: approvalState,
  /** Why it ended as it did, for people; empty while held. */
  outcome: z.string(),
  session: z.string(),
  requester: principal,
  target: z.string(),
  releases,
  statement,
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  effects: z.array(effects),
  requirements: z.array(requirement).min(1),
  /** RFC 3339, UTC. */
  createdAt: z.iso.datetime(),
  deadline: z.iso.datetime(),
  decisions: z.array(signedDecision),
});
export type Approval = z.infer<typeof approval>;
