import { type Policy, type Rule, seconds } from '#schemas/policy.ts';
import { takesNames } from './shared-issuers.ts';

/** A policy that loads, and yet may not be what its author meant: one sentence each. Pure. */
export function adviseOn(policy: Policy): string[] {
  return [...issuerAdvice(policy), ...targetAdvice(policy), ...ruleAdvice(policy.rules)];
}

function issuerAdvice({ groups, issuers }: Policy): string[] {
  const advice = issuers
    .filter(takesNames)
    .map(
      ({ name }) =>
        `issuer ${name} is asked for names of GitHub, which others can take once they are given up: ask for repository_id or repository_owner_id`,
    );
  if (Object.keys(groups).length === 0 && issuers.length < 2) return advice;
  return issuers
    .filter(issuer => issuer.groupsClaim !== undefined && issuer.groupsPrefix === '')
    .map(({ name }) => `issuer ${name} can put people into the groups of this file: give it a groupsPrefix`)
    .concat(advice);
}

function targetAdvice(policy: Policy): string[] {
  return Object.entries(policy.targets).flatMap(([name, target]) => {
    const local = ['localhost', '127.0.0.1', '::1'].includes(target.host) || target.host.startsWith('/');
    const advice: string[] = [];
    if (!local && target.tls === 'disable')
      advice.push(`target ${name} is reached without encryption (tls: disable)`);
    if (!local && target.tls === 'require')
      advice.push(`target ${name} is encrypted, but anybody may answer for it (tls: require)`);
    if (!local && target.weakAuth.includes('cleartext') && target.tls !== 'verify-full')
      advice.push(`target ${name} may ask for its password in clear text`);
    return advice;
  });
}

function ruleAdvice(rules: readonly Rule[]): string[] {
  const advice: string[] = [];
  if (rules.length === 0) advice.push('there are no rules, so every statement is denied');
  let outsideStopped = false;
  let catchAll: string | null = null;
  for (const rule of rules) {
    const effects = rule.match.effects;
    if (catchAll !== null)
      advice.push(`rule ${rule.name} is never reached: ${catchAll} before it matches everything`);
    if (
      rule.verdict === 'allow' &&
      effects?.outside !== false &&
      effects?.readOnly !== true &&
      !outsideStopped
    )
      advice.push(
        `rule ${rule.name} also allows statements that reach programs and files of the server: say outside: false, or deny outside: true before it`,
      );
    if (rule.verdict === 'allow' && effects?.unknown === true)
      advice.push(`rule ${rule.name} allows statements of which something cannot be told`);
    if (rule.verdict === 'hold' && seconds(rule.deadline) > 3600 && rule.mode === 'wait')
      advice.push(
        `rule ${rule.name} lets a connection wait for ${rule.deadline}: sessions are shorter than that`,
      );
    if (rule.verdict !== 'allow' && isEverything(rule)) catchAll = rule.name;
    if (rule.verdict !== 'allow' && stopsOutside(rule)) outsideStopped = true;
  }
  return advice;
}

function isEverything({ match }: Rule): boolean {
  const whole = match.principals === undefined || Object.keys(match.principals).length === 0;
  const all = match.effects === undefined || Object.keys(match.effects).length === 0;
  return whole && all && match.targets === undefined && match.roles === undefined;
}

function stopsOutside(rule: Rule): boolean {
  if (isEverything(rule)) return true;
  const { principals, targets, roles, effects } = rule.match;
  const everywhere = principals === undefined && targets === undefined && roles === undefined;
  return everywhere && effects?.outside === true && Object.keys(effects).length === 1;
}
