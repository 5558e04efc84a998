import { z } from 'zod';

/** A verified identity. `issuer` and `subject` together are the key; everything else describes it. */
export const principal = z.strictObject({
  issuer: z.string(),
  subject: z.string(),
  /** Lower-cased, and only where the issuer says that it is verified (or its policy entry trusts its e-mails). */
  email: z.string().optional(),
  /**
   * Other addresses that its token names and nobody vouches for, lower-cased. They say who it is not to be somebody else than: the requester
   * does not decide on their own statement. They give no group, no right and no name.
   */
  claimedEmails: z.array(z.string()).optional(),
  /** From claims, from the policy's static map and from a directory, sorted, without duplicates. */
  groups: z.array(z.string()),
  /** Whether a directory was asked for groups, and answered; absent where the policy names none. */
  directory: z.enum(['resolved', 'unavailable']).optional(),
  /** Unix seconds at which the token ends. */
  expires: z.int(),
  /** Link to the run that holds the token, where its claims have one (CI). */
  run: z.string().optional(),
});
export type Principal = z.infer<typeof principal>;
