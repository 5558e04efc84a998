import { type Access, type PolicyFile, type Rule, seconds } from '#schemas/policy.ts';
import { DEFAULT_DENY, INVARIANT } from '#schemas/verdict.ts';
import { memberOf } from './groups.ts';
import { EMPTY_STATEMENT } from './judge.ts';
import type { LoadOptions } from './load.ts';
import { contradiction, patternFaults } from './meaning-match.ts';
import { Names } from './names.ts';
import { nearest } from './shape.ts';
import { minutes } from './window.ts';
import type { Path } from './yaml-source.ts';

/** Something that the form allows and that cannot be meant. */
export interface MeaningFault {
  readonly path: Path;
  readonly message: string;
}
type Report = (path: Path, message: string) => void;

const LONGEST_SECONDS = 7 * 24 * 3600;
const RESERVED = [INVARIANT, DEFAULT_DENY, EMPTY_STATEMENT];

/** Every fault of meaning in a policy file whose form is right. Pure. */
export function meaningFaults(file: PolicyFile, options: LoadOptions): MeaningFault[] {
  const faults: MeaningFault[] = [];
  const report: Report = (path, message) => faults.push({ path, message });
  const names = new Names(file, options);

  controlCharacters(file, [], report);
  emptyLists(file, [], report);
  duplicates(file.issuers, 'issuers', 'issuer', report);
  duplicates(file.access, 'access', 'access entry', report);
  duplicates(file.rules, 'rules', 'rule', report);
  issuers(file, report);
  groups(file, report);
  targets(file, report);
  protectedColumns(file, names, report);
  file.access.forEach((entry, i) => {
    accessEntry(entry, ['access', i], names, report);
  });
  file.rules.forEach((rule, i) => {
    ruleEntry(file, rule, ['rules', i], names, report);
  });
  return faults;
}

function controlCharacters(value: unknown, path: Path, report: Report): void {
  if (typeof value === 'string') {
    const allowed =
      path.at(-1) === 'message' ? /[\u0000-\u0009\u000b-\u001f\u007f]/ : /[\u0000-\u001f\u007f]/;
    if (allowed.test(value)) report(path, 'contains a control character');
  } else if (Array.isArray(value))
    value.forEach((item, i) => {
      controlCharacters(item, [...path, i], report);
    });
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) {
      controlCharacters(key, [...path, key], report);
      controlCharacters(item, [...path, key], report);
    }
}

/** An empty list matches nobody and nothing. Whoever writes one usually wants the opposite. */
function emptyLists(value: unknown, path: Path, report: Report): void {
  if (Array.isArray(value)) {
    const mayBeEmpty = path.length === 1 || path.at(-1) === 'weakAuth';
    if (value.length === 0 && !mayBeEmpty)
      report(path, 'is an empty list, which matches nothing; leave the key out, or name something');
    const seen = new Set<unknown>();
    value.forEach((item, i) => {
      emptyLists(item, [...path, i], report);
      if (typeof item === 'string' && seen.has(item))
        report([...path, i], `${JSON.stringify(item)} is here twice`);
      seen.add(item);
    });
  } else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) emptyLists(item, [...path, key], report);
}

function duplicates(list: readonly { name: string }[], key: string, noun: string, report: Report): void {
  const first = new Map<string, number>();
  list.forEach(({ name }, i) => {
    const before = first.get(name);
    if (before === undefined) first.set(name, i);
    else
      report(
        [key, i, 'name'],
        `${key}[${before}] is already called ${JSON.stringify(name)}; each ${noun} needs its own name`,
      );
  });
}

function issuers(file: PolicyFile, report: Report): void {
  const urls = new Map<string, string>();
  file.issuers.forEach((issuer, i) => {
    const path = ['issuers', i];
    const taken = urls.get(issuer.issuer);
    if (taken !== undefined)
      report([...path, 'issuer'], `is the issuer of ${taken} too; a token must lead to one entry`);
    urls.set(issuer.issuer, issuer.name);
    if (file.issuers.some(other => other !== issuer && other.name === issuer.issuer))
      report([...path, 'issuer'], 'is the name of another issuer; rules could not tell them apart');
    if (issuer.jwks !== undefined && !isFetchable(issuer.jwks))
      report([...path, 'jwks'], 'keys are fetched over https only (http on this machine)');
    if (issuer.jwks === undefined && !isFetchable(issuer.issuer))
      report([...path, 'issuer'], 'has no discovery document, because it is no https URL; give jwks');
    longest(issuer.maxTokenAge, [...path, 'maxTokenAge'], report);
  });
}

function isFetchable(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return (
    protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
  );
}

function longest(duration: string, path: Path, report: Report): void {
  if (seconds(duration) > LONGEST_SECONDS)
    report(path, `${duration} is longer than a week (168h), the most there is`);
}

function groups(file: PolicyFile, report: Report): void {
  for (const [group, members] of Object.entries(file.groups)) {
    if (group.startsWith('email:'))
      report(['groups', group], 'a group cannot begin with email:, which names a person among approvers');
    members.forEach((member, i) => {
      const { kind, value } = memberOf(member);
      if (value.startsWith('email:') || value.startsWith('subject:'))
        report(
          ['groups', group, i],
          'a group lists e-mails and subjects as they are, without email: or subject:',
        );
      else if (value.includes('*'))
        report(['groups', group, i], 'a group lists people; there are no wildcards here');
      else if (kind === 'email' && !/^[^@\s]+@[^@\s]+$/.test(value))
        report(['groups', group, i], 'is no e-mail address');
    });
  }
}

function targets(file: PolicyFile, report: Report): void {
  for (const [name, target] of Object.entries(file.targets)) {
    if (name.includes('*'))
      report(['targets', name], 'a name cannot contain *, which is the wildcard of rules');
    if (Object.keys(target.roles).length === 0)
      report(['targets', name, 'roles'], 'nobody can log in without a role');
    for (const [role, { secret }] of Object.entries(target.roles)) {
      if (role.includes('*')) report(['targets', name, 'roles', role], 'a name cannot contain *');
      if (
        secret !== undefined &&
        !/^(env:[A-Za-z_]\w*|file:\/.+|projects\/[^/]+\/secrets\/[^/]+(\/versions\/[^/]+)?)$/.test(secret)
      )
        report(
          ['targets', name, 'roles', role, 'secret'],
          'write env:NAME, file:/path or projects/…/secrets/…; a secret itself does not belong here',
        );
    }
  }
}

function protectedColumns(file: PolicyFile, names: Names, report: Report): void {
  file.protected.forEach((entry, i) => {
    if (/[*"\s]/.test(entry.column))
      report(
        ['protected', i, 'column'],
        'names one column as the catalog spells it, without quotes or wildcards',
      );
    names.targets(entry.targets, ['protected', i, 'targets'], report);
    const twin = file.protected.findIndex(
      (other, j) => j < i && other.column === entry.column && overlap(other.targets, entry.targets),
    );
    if (twin >= 0) report(['protected', i, 'column'], `protected[${twin}] already masks this column`);
  });
}

function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return (
    a === undefined ||
    b === undefined ||
    a.some(x => b.some(y => x === y || x.includes('*') || y.includes('*')))
  );
}

function accessEntry(entry: Access, path: Path, names: Names, report: Report): void {
  names.targets(entry.targets, [...path, 'targets'], report);
  names.roles(entry.roles, entry.targets, [...path, 'roles'], report);
  names.principals(entry.principals, [...path, 'principals'], report);
  longest(entry.maxSession, [...path, 'maxSession'], report);
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

function approvers(
  file: PolicyFile,
  rule: Extract<Rule, { verdict: 'hold' }>,
  path: Path,
  report: Report,
): void {
  longest(rule.deadline, [...path, 'deadline'], report);
  const prefixes = file.issuers
    .filter(i => i.groupsClaim !== undefined && i.groupsPrefix !== '')
    .map(i => i.groupsPrefix);
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
