import { resolveGroups } from '#schemas/groups.ts';
import type { PolicyFile } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import type { VerifiedToken } from './claims.ts';
import type { DirectoryAnswer } from './directory.ts';

/**
 * The principal of a verified token: its groups are those of its claims, of the policy's static map (`policy.groups`) and of a directory.
 */
export function toPrincipal(
  verified: VerifiedToken,
  groups: PolicyFile['groups'],
  answer: DirectoryAnswer | null = null,
): Principal {
  return {
    issuer: verified.issuer,
    subject: verified.subject,
    groups: resolveGroups(groups, {
      ...verified,
      claimGroups: [...verified.claimGroups, ...(answer?.groups ?? [])],
    }),
    ...(answer === null ? {} : { directory: answer.directory }),
    expires: verified.expires,
    ...(verified.email === undefined ? {} : { email: verified.email }),
    ...(verified.claimedEmails === undefined ? {} : { claimedEmails: [...verified.claimedEmails] }),
    ...(verified.run === undefined ? {} : { run: verified.run }),
  };
}
