import { z } from 'zod';
import { canonical } from './canonical.ts';

/** One human's yes or no on one approval; `revoke` takes back what was approved and is not used up. */
export const decision = z.strictObject({
  approval: z.string(),
  /** The statement digest that was shown. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** `requestDigest` of what was shown. Absent in records from before it was asked for: those release nothing. */
  request: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  verdict: z.enum(['approve', 'deny', 'revoke']),
  /** Lower-cased e-mail: one e-mail is one person. */
  by: z.string().min(1),
  /** The account that has decided, where that is more than the e-mail: `slack:T…/U…`. Its e-mail may change; it stays one person. */
  account: z.string().optional(),
  /** Groups that the signer has seen `by` to be a member of. */
  groups: z.array(z.string()),
  reason: z.string().max(2000),
  /** RFC 3339, UTC. */
  at: z.iso.datetime(),
});
export type Decision = z.infer<typeof decision>;

/** A decision and the signature over it by a key that the proxy cannot use. */
export const signedDecision = z.strictObject({
  decision,
  keyId: z.string(),
  algorithm: z.enum(['Ed25519', 'ES256']),
  /** base64 of the signature over `decisionBytes`. */
  signature: z.string(),
});
export type SignedDecision = z.infer<typeof signedDecision>;

/** The bytes that are signed: a domain line, so that the signature can mean nothing else, then the canonical JSON. */
export function decisionBytes(value: Decision): Buffer {
  return Buffer.from(`holdpoint decision v1\n${canonical(value)}`, 'utf8');
}
