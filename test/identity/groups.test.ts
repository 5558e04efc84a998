import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { identify } from '#proxy/admission.ts';
import { createVerifier } from '#proxy/identity/verify.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { GroupResolver } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { principal } from '#schemas/principal.ts';
import { type SigningKey, signingKey, startIssuer, token } from './issuer-server.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
let server: Awaited<ReturnType<typeof startIssuer>>;
let key: SigningKey;
before(async () => {
  server = await startIssuer();
  key = await signingKey('k1', 'RS256');
  server.state.keys = [key.jwk];
});
after(() => server.close());

const ann = { email: 'Ann@example.com', email_verified: true, groups: ['eu'] };
/** The principal of Ann's token, where groups open the door: of the claim, of the policy, and of the directory. */
async function enter(directory: GroupResolver | undefined, optional: boolean, group: string) {
  const policy = loadPolicy(
    `version: 1
issuers:
  - name: staff
    issuer: ${server.url}
    audience: holdpoint
    algorithms: [RS256]
    groupsClaim: groups
    groupsPrefix: "idp:"
    directory: { source: cloud-identity, optional: ${optional} }
groups: { own: [ann@example.com] }
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
access: [{ name: door, principals: { groups: ["${group}"] }, targets: [shop], roles: [agent] }]
`,
    'p.yaml',
  );
  const verifier = createVerifier({ issuers: policy.issuers, clock: () => now });
  return identify(policy, verifier, directory, await token(key, server.url, now, ann));
}
const dba: GroupResolver = {
  groupsOf: async email => (email === 'ann@example.com' ? ['dba@example.com'] : []),
};
const down: GroupResolver = {
  groupsOf: () => Promise.reject(new HoldpointError('groups_unavailable')),
};

describe('groups of the policy, of a claim and of the directory', () => {
  test('open a session together, and the principal says that the directory has answered', async () => {
    const found = await enter(dba, false, 'google:dba@example.com');
    assert.deepEqual(found.groups, ['google:dba@example.com', 'idp:eu', 'own']);
    assert.equal(found.directory, 'resolved');
    principal.parse(found);
  });

  test('without the directory’s answer nobody gets in, whatever their other groups are', async () => {
    await assert.rejects(enter(down, false, 'own'), { code: 'groups_unavailable' });
    await assert.rejects(enter(undefined, false, 'own'), { code: 'groups_unavailable' });
  });

  test('where they are optional, the others count, and the record tells that one is missing', async () => {
    const found = await enter(down, true, 'own');
    assert.deepEqual([found.groups, found.directory], [['idp:eu', 'own'], 'unavailable']);
    await assert.rejects(enter(down, true, 'google:dba@example.com'), { code: 'access_denied' });
  });
});

test('a source of groups cannot name those of another one', () => {
  const load = (...issuers: string[]) =>
    loadPolicy(
      `version: 1\nissuers:\n${issuers.map((more, i) => `  - { name: i${i}, issuer: "https://i${i}.example", audience: a, algorithms: [RS256], ${more} }\n`).join('')}targets: { shop: { host: db, database: shop, roles: { agent: {} } } }\naccess: [{ name: a, targets: [shop], roles: [agent] }]\n`,
      'p.yaml',
    );
  const claim = (prefix: string) => `groupsClaim: groups, groupsPrefix: "${prefix}"`;
  const google = 'directory: { source: cloud-identity }';
  assert.throws(
    () => load(claim('corp:'), claim('corp:eu:')),
    /groups with the prefix "corp:eu:" could be named too/,
  );
  assert.throws(
    () => load(google, claim('goo')),
    /issuers\[1\]\.groupsPrefix: .*"google:" could be named too/,
  );
  assert.throws(
    () => load(google, 'groupsClaim: groups'),
    /could name groups of the directory \("google:"\)/,
  );
  assert.throws(() => load(`groupsClaim: groups, ${google}`), /could name groups of the directory/);
  for (const fine of [
    [claim('a:'), claim('b:'), google],
    [claim('a:'), claim('a:')],
    [claim(''), claim('b:')],
  ])
    assert.equal(load(...fine).issuers.length, fine.length);
});
