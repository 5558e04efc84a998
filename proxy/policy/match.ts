import type { z } from 'zod';
import type { Effects } from '#schemas/effects.ts';
import type { effectsMatch, Policy, principalMatch, Rule } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { matchesAny } from './pattern.ts';

type PrincipalMatch = z.infer<typeof principalMatch>;
type EffectsMatch = z.infer<typeof effectsMatch>;

/** Who asks, where. `inTransaction`: the agent's transaction block is open when the statement starts. */
export interface MatchRequest {
  readonly principal: Principal;
  readonly target: string;
  readonly role: string;
  readonly inTransaction: boolean;
}

/** Something about the statement cannot be told. */
export function isUnknown(effects: Effects): boolean {
  return effects.unknown.length > 0 || effects.commands.includes('unknown');
}

/**
 * A read that nothing in its own effects contradicts. `readOnly` is the analysis's word; the rest is asked again here, because a
 * rule that allows reads is what stands between a mistaken word and the database.
 */
function provableRead(effects: Effects): boolean {
  return effects.readOnly && !isUnknown(effects) && !effects.outside && effects.writes.length === 0;
}

type Seen = { readonly effects: Effects; readonly inTransaction: boolean };
type Matcher<K extends keyof EffectsMatch> = (wanted: NonNullable<EffectsMatch[K]>, seen: Seen) => boolean;

/**
 * One matcher per key of the schema: a key without one does not compile. A matcher that speaks of *all* or *at most* does not
 * match what it cannot see to the end.
 */
const MATCHERS: { readonly [K in keyof Required<EffectsMatch>]: Matcher<K> } = {
  readOnly: (wanted, { effects }) => wanted === provableRead(effects),
  commands: (wanted, { effects }) => effects.commands.every(command => wanted.includes(command)),
  anyCommand: (wanted, { effects }) => effects.commands.some(command => wanted.includes(command)),
  reads: (wanted, { effects }) => effects.reads.some(relation => matchesAny(wanted, relation)),
  writes: (wanted, { effects }) => effects.writes.some(relation => matchesAny(wanted, relation)),
  onlyRelations: (wanted, { effects }) =>
    !isUnknown(effects) &&
    [...effects.reads, ...effects.writes].every(relation => matchesAny(wanted, relation)),
  functions: (wanted, { effects }) => effects.functions.some(name => matchesAny(wanted, name)),
  onlyFunctions: (wanted, { effects }) =>
    !isUnknown(effects) && effects.functions.every(name => matchesAny(wanted, name)),
  withoutWhere: (wanted, { effects }) => wanted === effects.withoutWhere,
  keyed: (wanted, { effects }) => wanted === effects.keyed,
  maxRows: (wanted, { effects }) => effects.rows !== null && effects.rows <= wanted,
  moreRowsThan: (wanted, { effects }) => effects.rows === null || effects.rows > wanted,
  outside: (wanted, { effects }) => wanted === effects.outside,
  unknown: (wanted, { effects }) => wanted === isUnknown(effects),
  inTransaction: (wanted, seen) => wanted === seen.inTransaction,
};
const EFFECT_KEYS = Object.keys(MATCHERS) as (keyof EffectsMatch)[];

function matchesKey<K extends keyof EffectsMatch>(key: K, match: EffectsMatch, seen: Seen): boolean {
  const wanted = match[key];
  return wanted === undefined || MATCHERS[key](wanted as NonNullable<EffectsMatch[K]>, seen);
}

/** Whether the effects meet every key of the match; an empty match is met by all effects. */
export function matchesEffects(match: EffectsMatch, effects: Effects, inTransaction: boolean): boolean {
  const seen = { effects, inTransaction };
  return EFFECT_KEYS.every(key => matchesKey(key, match, seen));
}

/**
 * Whether the principal meets every key of the match. `issuers` speaks of the names of the policy's issuers, the principal
 * carries the `iss` claim. A principal without e-mail meets no match on e-mails.
 */
export function matchesPrincipal(policy: Policy, match: PrincipalMatch, principal: Principal): boolean {
  const { issuers, subjects, emails, groups } = match;
  if (issuers !== undefined) {
    const named = policy.issuers.filter(issuer => matchesAny(issuers, issuer.name));
    if (!named.some(issuer => issuer.issuer === principal.issuer)) return false;
  }
  if (subjects !== undefined && !matchesAny(subjects, principal.subject)) return false;
  if (emails !== undefined && (principal.email === undefined || !matchesAny(emails, principal.email)))
    return false;
  return groups === undefined || principal.groups.some(group => matchesAny(groups, group));
}

/**
 * Whether a rule speaks of this statement. A rule that allows does not speak of a statement of which something cannot be told,
 * unless it says so itself (`unknown: true`, or `unknown` among its `commands`): "cannot tell" is never allowed by silence.
 */
export function matchesRule(policy: Policy, rule: Rule, request: MatchRequest, effects: Effects): boolean {
  const { principals, targets, roles, effects: wanted } = rule.match;
  if (principals !== undefined && !matchesPrincipal(policy, principals, request.principal)) return false;
  if (targets !== undefined && !matchesAny(targets, request.target)) return false;
  if (roles !== undefined && !matchesAny(roles, request.role)) return false;
  if (rule.verdict === 'allow' && isUnknown(effects)) {
    const named = wanted?.unknown === true || wanted?.commands?.includes('unknown') === true;
    if (!named) return false;
  }
  return wanted === undefined || matchesEffects(wanted, effects, request.inTransaction);
}
