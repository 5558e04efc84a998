import type { Clock, GroupResolver } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Issuer } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { invalid, type VerifiedToken } from './claims.ts';

/** What a directory said of somebody: groups with their prefix. */
export interface DirectoryAnswer {
  readonly groups: readonly string[];
  readonly directory: NonNullable<Principal['directory']>;
}

/**
 * The groups that the directory of a token's issuer has for its e-mail; null where its entry names no directory. A session without groups
 * that a rule asks about would be judged wrongly, so without an answer there is none, unless the policy calls the groups optional. Rejects
 * with HoldpointError `token_invalid` (no e-mail that the issuer vouches for) or `groups_unavailable`.
 */
export async function askDirectory(
  issuer: Issuer | undefined,
  token: Pick<VerifiedToken, 'email'>,
  resolver: GroupResolver | undefined,
): Promise<DirectoryAnswer | null> {
  if (issuer?.directory === undefined) return null;
  const { prefix, optional } = issuer.directory;
  try {
    if (token.email === undefined)
      throw invalid('it has no verified e-mail, by which the groups of its holder are looked up');
    if (resolver === undefined)
      throw new HoldpointError('groups_unavailable', undefined, { detail: 'no directory is set up here' });
    const groups = await resolver.groupsOf(token.email);
    return { groups: groups.map(group => `${prefix}${group}`), directory: 'resolved' };
  } catch (error) {
    if (optional && error instanceof HoldpointError) return { groups: [], directory: 'unavailable' };
    throw error;
  }
}

/** At most five minutes: for so long somebody who has been taken out of a group can open sessions with it. */
const KEEP_MS = 5 * 60_000;
const MAX_PEOPLE = 10_000;

/** The same directory, asked once for each person in five minutes, however many of their connections come at once. Failures are not kept. */
export function rememberGroups(resolver: GroupResolver, clock: Clock, maxPeople = MAX_PEOPLE): GroupResolver {
  const kept = new Map<string, { readonly groups: readonly string[]; readonly at: number }>();
  const pending = new Map<string, Promise<readonly string[]>>();
  const ask = async (email: string): Promise<readonly string[]> => {
    // From before the question: an answer is as old as that.
    const at = clock();
    const groups = await resolver.groupsOf(email);
    const [oldest] = kept.keys();
    kept.delete(email);
    if (kept.size >= maxPeople && oldest !== undefined) kept.delete(oldest);
    kept.set(email, { groups, at });
    return groups;
  };
  return {
    groupsOf(email) {
      const found = kept.get(email);
      const age = found === undefined ? -1 : clock() - found.at;
      // A clock that was set back makes an age negative.
      if (found !== undefined && age >= 0 && age < KEEP_MS) return Promise.resolve(found.groups);
      const asking = pending.get(email) ?? ask(email).finally(() => pending.delete(email));
      pending.set(email, asking);
      return asking;
    },
  };
}
