import type { Policy } from '#schemas/policy.ts';
import { type MatchRequest, matchesPrincipal } from './match.ts';
import { matchesAny } from './pattern.ts';

/**
 * Whether the policy allows this seat whatever anybody could say, also what cannot be told: then nothing hangs on what a statement does. Said only
 * where it is plain: two rules that ask for nothing but that, or one for each, and none before them that does not allow.
 */
export function allowsAnything(policy: Policy, seat: Omit<MatchRequest, 'inTransaction'>): boolean {
  let [known, unknown] = [false, false];
  for (const { match, verdict } of policy.rules) {
    const { principals, targets, roles, effects = {} } = match;
    if (principals !== undefined && !matchesPrincipal(policy, principals, seat.principal)) continue;
    if (targets !== undefined && !matchesAny(targets, seat.target)) continue;
    if (roles !== undefined && !matchesAny(roles, seat.role)) continue;
    if (verdict !== 'allow') return false;
    const asked = Object.entries(effects).filter(([, wanted]) => wanted !== undefined);
    if (asked.length === 0) known = true;
    else if (asked.length === 1 && effects.unknown === true) unknown = true;
    if (known && unknown) return true;
  }
  return false;
}
