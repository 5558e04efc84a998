import { lowerEmail } from './email.ts';
import type { PolicyFile } from './policy.ts';

/** What is known of somebody when their groups are looked up. `email` only where it is verified; `claimGroups` with their issuer's prefix. */
export interface Person {
  readonly subject?: string | undefined;
  readonly email?: string | undefined;
  readonly claimGroups?: readonly string[] | undefined;
}

/** All groups of somebody: those of their token and those of the policy's static map, sorted, each once. */
export function resolveGroups(groups: PolicyFile['groups'], person: Person): string[] {
  const email = person.email === undefined ? undefined : lowerEmail(person.email);
  const isPerson = (entry: string): boolean => {
    const member = memberOf(entry);
    switch (member.kind) {
      case 'email':
        return member.value === email;
      case 'subject':
        return member.value === person.subject;
    }
  };
  const fromMap = Object.entries(groups).filter(([, members]) => members.some(isPerson));
  return [...new Set([...(person.claimGroups ?? []), ...fromMap.map(([group]) => group)])].sort();
}

/**
 * Reads one entry of a group. With an `@` it is an e-mail, compared in lower case, and never a subject: some issuers let people
 * choose theirs, and nobody may choose their way into a group. Without, it is a subject of any issuer, compared as it is.
 */
export function memberOf(entry: string): { kind: 'email' | 'subject'; value: string } {
  return entry.includes('@')
    ? { kind: 'email', value: lowerEmail(entry) }
    : { kind: 'subject', value: entry };
}
