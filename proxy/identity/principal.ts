import { resolveGroups } from '#schemas/groups.ts';
import type { PolicyFile } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import type { VerifiedToken } from './claims.ts';

/**
 * The principal of a verified token: its groups are those of its claims and those of the policy's static map (`policy.groups`).
 */
export function toPrincipal(verified: VerifiedToken, groups: PolicyFile['groups']): Principal {
  return {
    issuer: verified.issuer,
    subject: verified.subject,
    groups: resolveGroups(groups, verified),
    expires: verified.expires,
    ...(verified.email === undefined ? {} : { email: verified.email }),
    ...(verified.run === undefined ? {} : { run: verified.run }),
  };
}
