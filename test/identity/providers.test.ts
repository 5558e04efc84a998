import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createVerifier } from '#proxy/identity/verify.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { Issuer } from '#schemas/policy.ts';
import { type SigningKey, signingKey, startIssuer, token } from './issuer-server.ts';

const manual = readFileSync(new URL('../../docs/identity.md', import.meta.url), 'utf8');
const now = Date.parse('2026-03-01T12:00:00Z');
let server: Awaited<ReturnType<typeof startIssuer>>;
let key: SigningKey;

before(async () => {
  server = await startIssuer();
  key = await signingKey('k1', 'RS256');
  server.state.keys = [key.jwk];
});
after(() => server.close());

const snippets = [...manual.matchAll(/```yaml\n(.*?)```/gs)].map(match => match[1] ?? '');
const entries = new Map(
  snippets.map(text => {
    const rest =
      'access: [{ name: door, principals: {}, targets: [shop], roles: [agent] }]\ntargets: { shop: { host: db, database: shop, roles: { agent: {} } } }\n';
    const [entry] = loadPolicy(`version: 1\n${text}${rest}`, 'docs/identity.md').issuers;
    return [entry?.name ?? '', entry];
  }),
);

test('every entry of docs/identity.md loads, with an access entry that is open to all', () => {
  assert.deepEqual(
    [...entries.keys()],
    ['google', 'github', 'gitlab', 'corp', 'people', 'keycloak', 'staff'],
  );
});

/** The entry of the manual; only the keys come from the server of this test. */
async function verify(name: string, claims: Record<string, unknown>, change: Partial<Issuer> = {}) {
  const entry = entries.get(name);
  assert(entry !== undefined);
  const issuer = { ...entry, ...change, jwks: `${server.url}/jwks.json` };
  const verifier = createVerifier({ issuers: [issuer], clock: () => now });
  return verifier.verify(await token(key, entry.issuer, now, { aud: entry.audience, ...claims }));
}
const refused = (name: string, claims: Record<string, unknown>, claim: string) =>
  assert.rejects(verify(name, claims), {
    code: 'token_invalid',
    message: `the token was not accepted: the policy does not take its claim ${claim}`,
  });

describe('a service account of Google Cloud', () => {
  const claims = {
    azp: '117000000000000000001',
    sub: '117000000000000000001',
    email: 'ci-agent@acme.iam.gserviceaccount.com',
    email_verified: true,
    google: { compute_engine: { project_id: 'acme', zone: 'europe-west1-b' } },
  };

  test('is its unique id, with its address', async () => {
    const { subject, email, run } = await verify('google', claims);
    assert.deepEqual([subject, email, run], [claims.sub, claims.email, undefined]);
    assert.equal(
      (await verify('google', { ...claims, email: 'CI-Agent@acme.iam.GServiceAccount.com' })).email,
      email,
    );
  });

  test('of another project, of a new account with the old address, or with an address that nobody has verified is refused', async () => {
    await refused('google', { ...claims, email: 'ci-agent@evil.iam.gserviceaccount.com' }, 'email');
    await refused('google', { ...claims, sub: '117000000000000000002' }, 'sub');
    await refused('google', { ...claims, email_verified: false }, 'email');
    await refused('google', { ...claims, email_verified: 'true' }, 'email');
    await refused('google', { ...claims, email: undefined }, 'email');
    // The Kelvin sign and the long s, whose lower and upper cases are ASCII letters.
    await refused('google', { ...claims, email: 'ci-agent@acme.iam.gſerviceaccount.com' }, 'email');
  });

  test('for another client is refused where azp is asked for', async () => {
    const change = { claims: { azp: '117000000000000000001' } };
    assert.equal((await verify('google', claims, change)).subject, claims.sub);
    await assert.rejects(
      verify('google', { ...claims, azp: '32555940559.apps.example' }, change),
      /claim azp/,
    );
    await assert.rejects(verify('google', { ...claims, azp: undefined }, change), /claim azp/);
  });
});

describe('a job of GitHub Actions', () => {
  const claims = {
    sub: 'repo:acme/shop:environment:production',
    repository: 'acme/shop',
    repository_id: '74000001',
    repository_owner: 'acme',
    repository_owner_id: '1234567',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    environment: 'production',
    job_workflow_ref: 'acme/shop/.github/workflows/migrate.yml@refs/heads/main',
    event_name: 'workflow_dispatch',
    actor: 'ann',
    run_id: '1500000001',
    run_attempt: '1',
    runner_environment: 'github-hosted',
  };

  test('is its subject, with a link to its run', async () => {
    const { subject, run, email } = await verify('github', claims);
    assert.deepEqual([subject, email], [claims.sub, undefined]);
    assert.equal(run, 'https://github.com/acme/shop/actions/runs/1500000001');
  });

  test('of another repository, branch, environment or workflow is refused, and one that lacks the claim', async () => {
    for (const [claim, value] of [
      ['repository_id', '74000002'],
      ['repository_id', ''],
      ['repository_id', ' 74000001'],
      ['repository_id', ['74000002', '7']],
      ['repository_id', { 74000001: true }],
      ['repository_id', null],
      ['repository_id', true],
      ['ref', 'refs/heads/main2'],
      ['ref', 'refs/heads/MAIN'],
      ['ref', 'refs/pull/7/merge'],
      ['environment', 'staging'],
      ['environment', undefined],
      ['job_workflow_ref', 'acme/shop/.github/workflows/migrate.yml@refs/heads/mine'],
    ] as const)
      await refused('github', { ...claims, [claim]: value }, claim);
    assert.equal((await verify('github', { ...claims, repository_id: 74000001 })).subject, claims.sub);
  });

  test('cannot lead approvers elsewhere by its names', async () => {
    for (const change of [
      { repository: 'acme/../../evil?' },
      { repository: 'acme/..' },
      { repository: '//evil.example' },
      { run_id: '1/../../../evil' },
      { run_id: 1500000001 },
    ])
      assert.equal((await verify('github', { ...claims, ...change })).run, undefined);
    const { run } = await verify('corp', claims);
    assert.equal(run, undefined, 'these claims of another issuer say nothing about GitHub');
  });
});

test('a job of GitLab is its project, with a link to it', async () => {
  const claims = {
    sub: 'project_path:acme/shop:ref_type:branch:ref:main',
    project_id: '7000001',
    project_path: 'acme/shop',
    ref_protected: 'true',
    job_id: '77',
  };
  assert.equal((await verify('gitlab', claims)).run, 'https://gitlab.com/acme/shop/-/jobs/77');
  await refused('gitlab', { ...claims, ref_protected: 'false' }, 'ref_protected');
});

test('an issuer that counts as another by a slash is another', async () => {
  await assert.rejects(verify('corp', { iss: 'https://login.example.com/tenants/7/' }), /not configured/);
});

describe('somebody who has logged in with SAML', () => {
  const firebase = (more: object = {}) => ({
    sub: 'Zk3qP7',
    user_id: 'Zk3qP7',
    email: 'Ann@example.com',
    email_verified: false,
    firebase: {
      identities: { 'saml.acme': ['CORP\\ann'] },
      sign_in_provider: 'saml.acme',
      sign_in_attributes: { groups: ['dba', 'Abteilung Süd, Büro'] },
      ...more,
    },
  });

  test('through Identity Platform has an e-mail and groups from the assertion', async () => {
    const { subject, email, claimGroups } = await verify('people', firebase());
    assert.deepEqual([subject, email], ['Zk3qP7', 'ann@example.com']);
    assert.deepEqual(claimGroups, ['saml:Abteilung Süd, Büro', 'saml:dba']);
  });

  test('with one group has it as a text', async () => {
    const one = firebase({ sign_in_attributes: { groups: 'dba' } });
    assert.deepEqual((await verify('people', one)).claimGroups, ['saml:dba']);
    assert.deepEqual((await verify('people', firebase({ sign_in_attributes: {} }))).claimGroups, []);
  });

  test('in another way than SAML is refused', async () => {
    const claim = '/firebase/sign_in_provider';
    await refused('people', firebase({ sign_in_provider: 'password' }), claim);
    await refused('people', { ...firebase(), firebase: 'saml.acme' }, claim);
    await refused('people', { ...firebase(), firebase: undefined, [claim]: 'saml.acme' }, claim);
    await refused('people', { ...firebase(), firebase: [{ sign_in_provider: 'saml.acme' }] }, claim);
  });

  const keycloak = { identity_provider: 'acme-saml', typ: 'ID', azp: 'holdpoint', groups: ['dba'] };
  test('through Keycloak keeps the NameID to the letter', async () => {
    for (const sub of ['CORP\\müller', 'G-7f/+==', 'cn=Ann O’Neil, ou=x', "x'); --", 'x'.repeat(255), '😀']) {
      const found = await verify('keycloak', {
        ...keycloak,
        sub,
        email: 'a@example.com',
        email_verified: false,
      });
      assert.deepEqual([found.subject, found.email, found.claimGroups], [sub, undefined, ['saml:dba']]);
    }
  });

  test('and would show as somebody else is refused', async () => {
    for (const sub of ['ann\u202etxt', 'an\u200bn', 'ann\u2028x', 'ann\ud800', 'ann\u0000', 'x'.repeat(256)])
      await assert.rejects(verify('keycloak', { ...keycloak, sub }), /its subject is not/);
    await assert.rejects(
      verify('keycloak', { ...keycloak, groups: ['db\u200ba'] }),
      /not a list of group names/,
    );
    await assert.rejects(
      verify('keycloak', { ...keycloak, groups: ['dba', 7] }),
      /not a list of group names/,
    );
    const email = { email: 'an\u202en@example.com', email_verified: true };
    await assert.rejects(verify('keycloak', { ...keycloak, ...email }), /its email is none/);
  });
});
