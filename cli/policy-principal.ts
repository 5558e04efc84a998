import { resolveGroups } from '#schemas/groups.ts';
import type { Policy } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';

/** Somebody imagined, to ask a policy about. */
export interface Imagined {
  readonly as?: string | undefined;
  readonly email?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  /** Name of an issuer; default: the policy's first. */
  readonly issuer?: string | undefined;
}

/** The principal that a token of that somebody would make, with the groups of the policy's map. Throws where there is no such issuer. */
export function imaginePrincipal(policy: Policy, { as, email, groups, issuer }: Imagined): Principal {
  const found =
    issuer === undefined ? policy.issuers[0] : policy.issuers.find(candidate => candidate.name === issuer);
  if (found === undefined && issuer !== undefined) throw new Error(`the policy has no issuer ${issuer}`);
  const subject = as ?? 'agent';
  return {
    issuer: found?.issuer ?? '',
    subject,
    ...(email === undefined ? {} : { email: email.toLowerCase() }),
    groups: resolveGroups(policy.groups, { subject, email, claimGroups: groups ?? [] }),
    expires: Number.MAX_SAFE_INTEGER,
  };
}

/** Target and role to ask about where none is named: the policy's first, or the first role that an access entry names for it. */
export function imaginePlace(
  policy: Policy,
  asked: { readonly target?: string | undefined; readonly role?: string | undefined },
): { target: string; role: string } {
  const target = asked.target ?? Object.keys(policy.targets)[0];
  if (target === undefined) throw new Error('the policy has no target; name one with --target');
  const known = policy.targets[target];
  if (known === undefined)
    throw new Error(
      `the policy has no target ${target}; it has ${Object.keys(policy.targets).join(', ') || 'none'}`,
    );
  const named = policy.access.flatMap(entry => entry.roles).find(role => !role.includes('*'));
  const role = asked.role ?? Object.keys(known.roles)[0] ?? named ?? 'agent';
  return { target, role };
}
