import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviseOn } from '#proxy/policy/advice.ts';
import { loadPolicy } from '#proxy/policy/load.ts';

const GITHUB = 'https://token.actions.githubusercontent.com';
const GOOGLE = 'https://accounts.google.com';

const policy = (issuer: string, claims: string, principals: string) => `version: 1
issuers:
  - { name: shared, issuer: "${issuer}", audience: holdpoint, algorithms: [RS256]${claims === '' ? '' : `, claims: ${claims}`} }
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
access:
  - { name: own, principals: { issuers: [corp] }, targets: [shop], roles: [agent] }
  - { name: door, principals: ${principals === '' ? '{}' : principals}, targets: [shop], roles: [agent] }
`;
const load = (issuer: string, claims = '', principals = '') =>
  loadPolicy(policy(issuer, claims, principals), 'p.yaml', { extraIssuers: ['corp'] });

describe('an issuer that everybody can have tokens of loads with a condition on whose they are only', () => {
  const refused: [what: string, issuer: string, claims: string, principals: string, why: RegExp][] = [
    [
      'nothing',
      GITHUB,
      '',
      '',
      /tokens of every repository of GitHub, and access entry "door" takes them all/,
    ],
    ['nothing (Google)', GOOGLE, '', '', /every Google account/],
    ['nothing (GitLab)', 'https://gitlab.com', '', '', /every project of GitLab/],
    ['empty claims', GITHUB, '{}', '', /takes them all/],
    ['a branch, which strangers have too', GITHUB, '{ ref: refs/heads/main }', '', /takes them all/],
    ['an environment', GITHUB, '{ environment: production }', '', /takes them all/],
    [
      'a called workflow, which strangers may call',
      GITHUB,
      '{ job_workflow_ref: a/b/.github/workflows/x.yml@refs/heads/main }',
      '',
      /takes them all/,
    ],
    ['that an e-mail is verified', GOOGLE, '{ email_verified: true }', '', /takes them all/],
    ['subjects that are everybody', GITHUB, '', '{ subjects: ["*"] }', /takes them all/],
    ['subjects of every repository', GITHUB, '', '{ subjects: ["repo:*"] }', /takes them all/],
    ['subjects that begin like an owner', GITHUB, '', '{ subjects: ["repo:acme*"] }', /takes them all/],
    ['every branch main', GITHUB, '', '{ subjects: ["repo:*:ref:refs/heads/main"] }', /takes them all/],
    [
      'one good subject and one for all',
      GITHUB,
      '',
      '{ subjects: ["repo:acme/shop:*", "repo:*"] }',
      /takes them all/,
    ],
    ['e-mails of every domain', GOOGLE, '', '{ emails: ["*"] }', /takes them all/],
    [
      'service accounts of every project',
      GOOGLE,
      '',
      '{ emails: ["*@*.iam.gserviceaccount.com"] }',
      /takes them all/,
    ],
    ['groups of every name', GOOGLE, '', '{ groups: ["*"] }', /takes them all/],
    ['its own name', GOOGLE, '', '{ issuers: [shared] }', /takes them all/],
    [
      'a slash too many',
      `${GITHUB}/`,
      '{ repository_id: "1" }',
      '',
      /is https:\/\/token\.actions\.githubusercontent\.com, to the letter/,
    ],
    ['another case', 'https://ACCOUNTS.google.com', '{ sub: "1" }', '', /to the letter/],
    ['a port', 'https://accounts.google.com:443', '{ sub: "1" }', '', /to the letter/],
    ['a wildcard among claims', GITHUB, '{ repository: "acme/*" }', '', /no wildcards here/],
    ['a number, which loses digits', GITHUB, '{ repository_id: 123 }', '', /in quotes/],
    ['an empty list', GITHUB, '{ repository_id: [] }', '', /claims/],
    ['nothing in a claim', GITHUB, '{ repository_id: null }', '', /in quotes/],
  ];
  for (const [what, issuer, claims, principals, why] of refused)
    it(`refused: ${what}`, () => assert.throws(() => load(issuer, claims, principals), why));

  const fine: [what: string, issuer: string, claims: string, principals: string][] = [
    ['an owner by id', GITHUB, '{ repository_owner_id: "1234567", environment: production }', ''],
    ['several repositories', GITHUB, '{ repository_id: ["1", "2"] }', ''],
    ['a subject', GOOGLE, '{ sub: "117000000000000000000" }', ''],
    ['a domain of Workspace', GOOGLE, '{ hd: example.com }', ''],
    ['subjects of one repository', GITHUB, '', '{ subjects: ["repo:acme/shop:*"] }'],
    ['e-mails of one domain', GOOGLE, '', '{ emails: ["*@acme.iam.gserviceaccount.com"] }'],
    ['an access entry for others', GITHUB, '', '{ issuers: [corp] }'],
    ['an issuer of one company', 'https://login.example.com', '', ''],
    ['the issuer of one GitHub enterprise', `${GITHUB}/acme`, '', ''],
  ];
  for (const [what, issuer, claims, principals] of fine)
    it(`loads: ${what}`, () => assert.equal(load(issuer, claims, principals).issuers[0]?.name, 'shared'));
});

it('names of GitHub, which others can take, are advised against', () => {
  const about = (claims: string) => adviseOn(load(GITHUB, claims)).filter(line => line.includes('GitHub'));
  assert.equal(about('{ repository: acme/shop }').length, 1);
  assert.equal(about('{ repository: acme/shop, repository_id: "1" }').length, 0);
});
