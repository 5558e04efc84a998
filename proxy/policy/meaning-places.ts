import { memberOf } from '#schemas/groups.ts';
import { bytes, type PolicyFile, seconds } from '#schemas/policy.ts';
import { prefixFaults } from './group-prefixes.ts';
import type { Names } from './names.ts';
import type { Report } from './report.ts';
import { sharedIssuerFault } from './shared-issuers.ts';
import type { Path } from './yaml-source.ts';

const LONGEST_SECONDS = 7 * 24 * 3600;
const REFERENCE = /^(env:[A-Za-z_]\w*|file:\/.+|projects\/[^/]+\/secrets\/[^/]+(\/versions\/[^/]+)?)$/;

/** Faults of meaning in issuers, groups, targets and protected columns. */
export function placeFaults(file: PolicyFile, names: Names, report: Report): void {
  issuers(file, report);
  prefixFaults(file, report);
  names.issuer(file.agents.oauthIssuer, ['agents', 'oauthIssuer'], report);
  groups(file, report);
  targets(file, report);
  protectedColumns(file, names, report);
  limits(file, report);
}

/** What a limit lets through has to find room: refused for want of memory, it would never be allowed. */
function limits({ limits }: PolicyFile, report: Report): void {
  for (const room of ['memory', 'memoryPerPrincipal'] as const)
    for (const taken of ['message', 'ahead'] as const)
      if (bytes(limits[room]) < bytes(limits[taken]))
        report(
          ['limits', room],
          `${limits[room]} has no room for limits.${taken}, which is ${limits[taken]}: raise the one, or lower the other`,
        );
}

/** A week is more than any wait, session or token needs, and far from what timers can hold. */
export function longest(duration: string, path: Path, report: Report): void {
  if (seconds(duration) > LONGEST_SECONDS)
    report(path, `${duration} is longer than a week (168h), the most there is`);
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
    for (const [claim, wanted] of Object.entries(issuer.claims ?? {}))
      if ([wanted].flat().some(value => typeof value === 'string' && value.includes('*')))
        report([...path, 'claims', claim], 'claims are compared as they are; there are no wildcards here');
    const shared = sharedIssuerFault(issuer, file);
    if (shared !== null) report([...path, shared.key], shared.message);
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
    const encrypted = target.tls !== 'disable' && !target.host.startsWith('/');
    if (target.tlsNegotiation === 'direct' && !encrypted)
      report(['targets', name, 'tlsNegotiation'], 'there is no TLS to this target that could begin directly');
    for (const [role, entry] of Object.entries(target.roles)) {
      const path = ['targets', name, 'roles', role];
      if (role.includes('*')) report(path, 'a name cannot contain *');
      for (const key of ['secret', 'certificate', 'key'] as const)
        if (entry[key] !== undefined && !REFERENCE.test(entry[key]))
          report(
            [...path, key],
            'write env:NAME, file:/path or projects/…/secrets/…; a secret itself does not belong here',
          );
      if ((entry.certificate === undefined) !== (entry.key === undefined))
        report(path, 'a certificate and its key belong together');
      if (entry.certificate !== undefined && !encrypted)
        report([...path, 'certificate'], 'is never shown, because there is no TLS to this target');
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
    entry.targets?.forEach((target, j) => {
      if (target.includes('*'))
        report(
          ['protected', i, 'targets', j],
          'names targets one by one, without wildcards; leave targets out for all',
        );
    });
    names.targets(entry.targets, ['protected', i, 'targets'], report);
    const twin = file.protected.findIndex(
      (other, j) => j < i && other.column === entry.column && overlap(other.targets, entry.targets),
    );
    if (twin >= 0) report(['protected', i, 'column'], `protected[${twin}] already masks this column`);
  });
}

function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined || a.some(name => b.includes(name));
}
