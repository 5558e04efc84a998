import { type Access, type Policy, seconds } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { matchesPrincipal } from './match.ts';
import { matchesAny } from './pattern.ts';
import { isOpen, windowEnd } from './window.ts';

/** Who wants to open a session, where, and when (`now` in milliseconds since 1970). */
export interface AccessRequest {
  readonly principal: Principal;
  readonly target: string;
  readonly role: string;
  readonly now: number;
}

/** The first access entry that opens this session, its window included; null when none does: no session. */
export function openAccess(policy: Policy, request: AccessRequest): Access | null {
  const { principal, target, role, now } = request;
  return (
    policy.access.find(
      entry =>
        matchesPrincipal(policy, entry.principals, principal) &&
        matchesAny(entry.targets, target) &&
        matchesAny(entry.roles, role) &&
        (entry.window === undefined || isOpen(entry.window, now)),
    ) ?? null
  );
}

/** When a session opened at `openedAt` ends, in milliseconds since 1970: after `maxSession`, or when the window closes. */
export function accessEnds(access: Access, openedAt: number): number {
  const longest = openedAt + seconds(access.maxSession) * 1000;
  return access.window === undefined ? longest : windowEnd(access.window, openedAt, longest);
}
