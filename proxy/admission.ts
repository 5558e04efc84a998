import { HoldpointError } from '#schemas/errors.ts';
import type { Access, Policy, Role, Target } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { askDirectory } from './identity/directory.ts';
import { toPrincipal } from './identity/principal.ts';
import type { TokenVerifier } from './identity/verify.ts';
import { accessEnds, openAccess } from './policy/access.ts';
import { matchesPrincipal } from './policy/match.ts';
import type { GroupResolver } from './ports.ts';
import type { StartupParameters } from './session/parameters.ts';

/** Who was let in, to what, and until when. */
export interface Admitted {
  readonly principal: Principal;
  readonly target: Target;
  /** The target's name. */
  readonly name: string;
  readonly role: string;
  /** The database user behind the role. */
  readonly user: string;
  /** References of what it logs in with. */
  readonly references: Pick<Role, 'secret' | 'certificate' | 'key'>;
  readonly access: Access;
  /** Milliseconds since 1970. */
  readonly ends: number;
}

/**
 * Who asks? Rejects with HoldpointError `token_invalid`, `identity_unavailable` or `groups_unavailable`, and with `access_denied` when no access entry is for
 * them, whatever they will ask for.
 */
export async function identify(
  policy: Policy,
  verifier: TokenVerifier,
  directory: GroupResolver | undefined,
  token: string,
): Promise<Principal> {
  const verified = await verifier.verify(token);
  const issuer = policy.issuers.find(entry => entry.name === verified.issuerName);
  const principal = toPrincipal(verified, policy.groups, await askDirectory(issuer, verified, directory));
  if (!policy.access.some(entry => matchesPrincipal(policy, entry.principals, principal)))
    throw new HoldpointError('access_denied', 'no access rule is for the holder of this token');
  return principal;
}

/**
 * And may they? The token is looked at before the target: a stranger learns no names. Throws HoldpointError `unknown_target`,
 * `unknown_role` or `access_denied`. `now` in milliseconds since 1970.
 */
export function admit(policy: Policy, principal: Principal, asked: StartupParameters, now: number): Admitted {
  const { database: name, user: role } = asked;
  const target = policy.targets[name];
  if (target === undefined)
    // In the server's own words: tools look for them when they are to make a database that is not there.
    throw new HoldpointError('unknown_target', `database "${name.slice(0, 63)}" does not exist`, {
      hint: 'The database name of the connection names a target of the policy.',
    });
  const wanted = target.roles[role];
  if (wanted === undefined)
    throw new HoldpointError('unknown_role', `role "${role.slice(0, 63)}" does not exist`, {
      hint: 'The user name of the connection names one of the roles of the target.',
    });
  const access = openAccess(policy, { principal, target: name, role, now });
  if (access === null)
    throw new HoldpointError('access_denied', `no access rule opens a session on "${name}" as "${role}" now`);
  const { user = role, ...references } = wanted;
  return { principal, target, name, role, user, references, access, ends: accessEnds(access, now) };
}
