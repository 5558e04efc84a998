import type { z } from 'zod';
import type { StatementAnalysis } from '#schemas/analysis.ts';
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

/** What a rule is asked about: the effects, and what is reached within what they name. */
type Judged = Pick<StatementAnalysis, 'effects' | 'within'>;
type Seen = Judged & { readonly inTransaction: boolean };
const anyOf = (wanted: readonly string[], named: readonly string[], within: readonly string[] = []) =>
  named.some(name => matchesAny(wanted, name)) || within.some(name => matchesAny(wanted, name));

type Matcher<K extends keyof EffectsMatch> = (wanted: NonNullable<EffectsMatch[K]>, seen: Seen) => boolean;

/**
 * One matcher per key of the schema: a key without one does not compile. A matcher that speaks of *all* or *at most* does not
 * match what it cannot see to the end.
 */
const MATCHERS: { readonly [K in keyof Required<EffectsMatch>]: Matcher<K> } = {
  readOnly: (wanted, { effects }) => wanted === provableRead(effects),
  commands: (wanted, { effects }) => effects.commands.every(command => wanted.includes(command)),
  anyCommand: (wanted, { effects }) => effects.commands.some(command => wanted.includes(command)),
  reads: (wanted, seen) => anyOf(wanted, seen.effects.reads, seen.within?.reads),
  writes: (wanted, seen) => anyOf(wanted, seen.effects.writes, seen.within?.writes),
  onlyRelations: (wanted, { effects }) =>
    !isUnknown(effects) &&
    [...effects.reads, ...effects.writes].every(relation => matchesAny(wanted, relation)),
  functions: (wanted, seen) => anyOf(wanted, seen.effects.functions, seen.within?.functions),
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
export function matchesRule(policy: Policy, rule: Rule, request: MatchRequest, judged: Judged): boolean {
  const { principals, targets, roles, effects: wanted } = rule.match;
  if (principals !== undefined && !matchesPrincipal(policy, principals, request.principal)) return false;
  if (targets !== undefined && !matchesAny(targets, request.target)) return false;
  if (roles !== undefined && !matchesAny(roles, request.role)) return false;
  const { effects } = judged;
  const allows = rule.verdict === 'allow';
  if (allows && isUnknown(effects)) {
    const named = wanted?.unknown === true || wanted?.commands?.includes('unknown') === true;
    if (!named) return false;
  }
  if (wanted === undefined) return true;
  // What a rule allows has to be named: a partition is not allowed by its name where its parent is what is touched, nor is a function
  // changed because it may be called.
  const within = allows || judged.within === undefined ? {} : { within: judged.within };
  const seen = { effects, ...within, inTransaction: request.inTransaction };
  return EFFECT_KEYS.every(key => matchesKey(key, wanted, seen));
}
