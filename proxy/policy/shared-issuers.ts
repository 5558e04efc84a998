import type { Access, Issuer, PolicyFile } from '#schemas/policy.ts';
import { matchesAny } from './pattern.ts';

/** An issuer whose tokens anybody can have, with any audience. */
interface SharedIssuer {
  /** The exact `iss` of its tokens. */
  readonly iss: string;
  readonly whose: string;
  /** Claims that say whose token it is; a condition on any other (a branch, an environment) is met by strangers too. */
  readonly owners: readonly string[];
  /** What a pattern of subjects has to begin with, so that it speaks of one owner only. Without: no wildcards. */
  readonly subject?: RegExp;
}

const SHARED: readonly SharedIssuer[] = [
  {
    iss: 'https://token.actions.githubusercontent.com',
    whose: 'every repository of GitHub',
    owners: [
      'sub',
      'repository_id',
      'repository_owner_id',
      'repository',
      'repository_owner',
      'enterprise_id',
    ],
    subject: /^repo:[^/*]+\//,
  },
  {
    iss: 'https://accounts.google.com',
    whose: 'every Google account and service account',
    owners: ['sub', 'email', 'hd', 'azp'],
  },
  {
    iss: 'https://gitlab.com',
    whose: 'every project of GitLab',
    owners: ['sub', 'project_id', 'namespace_id', 'project_path', 'namespace_path'],
    subject: /^project_path:[^/*]+\//,
  },
  {
    iss: 'https://agent.buildkite.com',
    whose: 'every organization of Buildkite',
    owners: ['sub', 'organization_id', 'organization_slug', 'pipeline_id'],
    subject: /^organization:[^:*]+:/,
  },
  {
    iss: 'https://app.terraform.io',
    whose: 'every organization of HCP Terraform',
    owners: ['sub', 'terraform_organization_id', 'terraform_workspace_id'],
    subject: /^organization:[^:*]+:/,
  },
  {
    iss: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    whose: 'every personal Microsoft account',
    owners: ['sub', 'oid'],
  },
  { iss: 'https://appleid.apple.com', whose: 'every Apple account', owners: ['sub', 'email'] },
];

/** Why an issuer's entry would let strangers in, with where the fault is in it; null when it would not. Pure. */
export function sharedIssuerFault(
  issuer: Issuer,
  file: PolicyFile,
): { readonly key: 'issuer' | 'claims' | 'name'; readonly message: string } | null {
  const shared = SHARED.find(({ iss }) => spelled(iss) === spelled(issuer.issuer));
  if (shared === undefined) return null;
  if (shared.iss !== issuer.issuer)
    return { key: 'issuer', message: `the iss of these tokens is ${shared.iss}, to the letter` };
  const named = Object.keys(issuer.claims ?? {});
  if (named.some(claim => shared.owners.includes(claim))) return null;
  const open = file.access.find(entry => speaksOf(entry, issuer) && !namesSomebody(entry, shared));
  if (open === undefined) return null;
  return {
    key: 'name',
    message: `has tokens of ${shared.whose}, and access entry ${JSON.stringify(open.name)} takes them all: ask for one of the claims ${shared.owners.join(', ')} here, or name subjects, emails or groups there`,
  };
}

/** Names of repositories and owners, which somebody else can take when they are given up; their ids stay. */
export function takesNames(issuer: Issuer): boolean {
  const { claims = {} } = issuer;
  return (
    issuer.issuer === SHARED[0]?.iss &&
    !['repository_id', 'repository_owner_id', 'enterprise_id'].some(id => Object.hasOwn(claims, id))
  );
}

/** Spellings that people take for the same. */
function spelled(iss: string): string {
  return iss
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/:443(?=\/|$)/, '')
    .replace(/\/+$/, '');
}

function speaksOf({ principals: { issuers } }: Access, issuer: Issuer): boolean {
  return issuers === undefined || matchesAny(issuers, issuer.name);
}

function namesSomebody({ principals }: Access, shared: SharedIssuer): boolean {
  const { subjects, emails, groups } = principals;
  return (
    subjects?.every(pattern => !pattern.includes('*') || shared.subject?.test(pattern) === true) === true ||
    emails?.every(pattern => /@[^*@]+$/.test(pattern)) === true ||
    groups?.every(pattern => /[^*]/.test(pattern)) === true
  );
}
