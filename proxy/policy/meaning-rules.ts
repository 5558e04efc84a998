import { memberOf } from '#schemas/groups.ts';
import { type Access, type PolicyFile, type Rule, seconds } from '#schemas/policy.ts';
import { DEFAULT_DENY, INVARIANT } from '#schemas/verdict.ts';
import { groupPrefixes } from './group-prefixes.ts';
import { EMPTY_STATEMENT } from './judge.ts';
import { contradiction, patternFaults } from './meaning-match.ts';
import { longest } from './meaning-places.ts';
import type { Names } from './names.ts';
import { nearest } from './nearest.ts';
import type { Report } from './report.ts';
import type { Asking } from './requirement.ts';
import { minutes } from './window.ts';
import type { Path } from './yaml-source.ts';

const RESERVED = [INVARIANT, EMPTY_STATEMENT];

/** Faults of meaning in access entries and rules. */
export function ruleFaults(file: PolicyFile, names: Names, report: Report): void {
  file.access.forEach((entry, i) => {
    accessEntry(file, entry, ['access', i], names, report);
  });
  file.rules.forEach((rule, i) => {
    ruleEntry(file, rule, ['rules', i], names, report);
  });
}

function accessEntry(file: PolicyFile, entry: Access, path: Path, names: Names, report: Report): void {
  names.targets(entry.targets, [...path, 'targets'], report);
  names.roles(entry.roles, entry.targets, [...path, 'roles'], report);
  names.principals(entry.principals, [...path, 'principals'], report);
  longest(entry.maxSession, [...path, 'maxSession'], report);
  if (entry.approval !== undefined) approvers(file, entry.approval, [...path, 'approval'], report);
  if (entry.window === undefined) return;
  const { from, to, timeZone } = entry.window;
  if (minutes(from) === minutes(to)) report([...path, 'window'], 'begins and ends at the same minute');
  if (!isTimeZone(timeZone))
    report(
      [...path, 'window', 'timeZone'],
      `${JSON.stringify(timeZone)} is no time zone; write one like Europe/Berlin`,
    );
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function ruleEntry(file: PolicyFile, rule: Rule, path: Path, names: Names, report: Report): void {
  const { match } = rule;
  if (RESERVED.includes(rule.name))
    report([...path, 'name'], `${rule.name} is a name that Holdpoint gives its own verdicts`);
  // A last rule that denies everything may well be called so; one that does not would make the record lie.
  if (rule.name === DEFAULT_DENY && rule.verdict !== 'deny')
    report(
      [...path, 'name'],
      `${DEFAULT_DENY} is what Holdpoint calls its own denial; a rule of that name must deny`,
    );
  names.targets(match.targets, [...path, 'match', 'targets'], report);
  names.roles(match.roles, match.targets, [...path, 'match', 'roles'], report);
  if (match.principals !== undefined)
    names.principals(match.principals, [...path, 'match', 'principals'], report);
  if (match.effects !== undefined) {
    patternFaults(match.effects, [...path, 'match', 'effects'], report);
    const why = contradiction(match.effects);
    if (why !== null) report([...path, 'match', 'effects'], `can never match: ${why}`);
  }
  if (rule.verdict === 'hold') approvers(file, rule, path, report);
}

function approvers(file: PolicyFile, rule: Asking, path: Path, report: Report): void {
  longest(rule.deadline, [...path, 'deadline'], report);
  longest(rule.grant, [...path, 'grant'], report);
  if (rule.wait !== undefined) {
    if (rule.mode === 'return')
      report([...path, 'wait'], 'mode return does not wait: leave one of the two out');
    else if (seconds(rule.wait) > seconds(rule.deadline))
      report([...path, 'wait'], 'is longer than the deadline, at which every wait ends');
  }
  const prefixes = groupPrefixes(file)
    .map(({ prefix }) => prefix)
    .filter(prefix => prefix !== '');
  const people = new Set<string>();
  let countable = true;
  rule.approvers.forEach((approver, i) => {
    if (approver.startsWith('email:')) {
      const email = approver.slice(6).toLowerCase();
      if (!/^[^@\s*]+@[^@\s*]+$/.test(email)) report([...path, 'approvers', i], 'is no e-mail address');
      people.add(`email ${email}`);
    } else if (Object.hasOwn(file.groups, approver)) {
      for (const member of file.groups[approver] ?? []) {
        const { kind, value } = memberOf(member);
        people.add(`${kind} ${value}`);
      }
    } else {
      countable = false;
      if (prefixes.some(prefix => approver.startsWith(prefix))) return;
      const near = nearest(approver, Object.keys(file.groups));
      const hint = near === undefined ? '; write email:… for one person' : `; did you mean ${near}?`;
      report([...path, 'approvers', i], `there is no group ${JSON.stringify(approver)}${hint}`);
    }
  });
  if (countable && people.size < rule.quorum)
    report([...path, 'quorum'], `asks for ${rule.quorum} people, but its approvers are only ${people.size}`);
}
