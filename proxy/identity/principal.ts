import type { PolicyFile } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import type { VerifiedToken } from './claims.ts';

/**
 * The principal of a verified token: its groups are those of its claims and those of the policy's static map (`policy.groups`).
 */
export function toPrincipal(verified: VerifiedToken, groups: PolicyFile['groups']): Principal {
  const all = new Set([...verified.claimGroups, ...staticGroups(groups, verified)]);
  return {
    issuer: verified.issuer,
    subject: verified.subject,
    groups: [...all].sort(),
    expires: verified.expires,
    ...(verified.email === undefined ? {} : { email: verified.email }),
    ...(verified.run === undefined ? {} : { run: verified.run }),
  };
}

/**
 * The names of the static groups that somebody is in, sorted. A member with an `@` is an e-mail and matches a verified e-mail
 * alone: a subject that merely looks like somebody's address joins nothing. Any other member is a subject, of any issuer.
 */
export function staticGroups(
  groups: PolicyFile['groups'],
  who: { readonly email?: string; readonly subject?: string },
): string[] {
  const email = who.email?.toLowerCase();
  return Object.entries(groups)
    .filter(([, members]) =>
      members.some(m => (m.includes('@') ? m.toLowerCase() === email : m === who.subject)),
    )
    .map(([name]) => name)
    .sort();
}
