import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createVerifier, type TokenVerifier } from '#proxy/identity/verify.ts';
import { issuerEntry, type SigningKey, signingKey, startIssuer, token } from './issuer-server.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const sec = now / 1000;
let server: Awaited<ReturnType<typeof startIssuer>>;
let key: SigningKey;
let verifier: TokenVerifier;

before(async () => {
  server = await startIssuer();
  key = await signingKey('k1', 'RS256');
  server.state.keys = [key.jwk];
  verifier = createVerifier({
    issuers: [issuerEntry(server.url, { groupsClaim: 'groups', groupsPrefix: 'idp:' })],
    clock: () => now,
  });
});
after(() => server.close());

const part = (text: string) => Buffer.from(text).toString('base64url');
/** Signed by the issuer's own key, whatever the two texts are. */
async function signed(header: string, claims: string): Promise<string> {
  const text = `${part(header)}.${part(claims)}`;
  const { KeyObject } = await import('node:crypto');
  return `${text}.${sign('sha256', Buffer.from(text), KeyObject.from(key.privateKey)).toString('base64url')}`;
}
const HEADER = '{"alg":"RS256","kid":"k1","typ":"JWT"}';
const claimsText = (more: string) =>
  `{"iss":"${server.url}","aud":"holdpoint","sub":"ci","iat":${sec},"exp":${sec + 600}${more}}`;
const refused = async (text: Promise<string> | string, why: RegExp) =>
  assert.rejects(verifier.verify(await text), error => {
    assert.match(String(error), why);
    assert.equal((error as { code: string }).code, 'token_invalid');
    return true;
  });

test('a key twice in the JSON is refused, signed or not, deep down, and spelled in another way', async () => {
  assert.equal((await verifier.verify(await signed(HEADER, claimsText('')))).subject, 'ci');
  const fine = ',"a":{"sub":"x"},"b":[{"k":1},{"k":2}],"c":"\\"sub\\":","d":{"k":{"k":1}}';
  assert.equal((await verifier.verify(await signed(HEADER, claimsText(fine)))).subject, 'ci');
  for (const more of [
    ',"sub":"root"',
    ',"sub":"ci"',
    ',"\\u0073ub" : "root"',
    ',"x":{"y":[{"z":1,"z":2}]}',
    ',"groups":["a"],"groups":["b"]',
  ])
    await refused(signed(HEADER, claimsText(more)), /not a signed JSON Web Token/);
  const header = '{"alg":"RS256","kid":"k1","typ":"JWT","alg":"RS256"}';
  await refused(signed(header, claimsText('')), /not a signed JSON Web Token/);
});

test('a token whose signature Cloud Run has removed is refused with the way out', async () => {
  const text = await token(key, server.url, now);
  const stripped = `${text.slice(0, text.lastIndexOf('.'))}.SIGNATURE_REMOVED_BY_GOOGLE`;
  await refused(stripped, /Cloud Run has looked at it.*X-Serverless-Authorization.*Authorization$/);
});

test('key ids that are paths, addresses or SQL lead nowhere', async () => {
  const before = server.requests.length;
  const mine = await signingKey('mine', 'RS256');
  for (const kid of [
    '../../dev/null',
    '/etc/passwd',
    `${server.url}/mine`,
    "' OR 1=1 --",
    '__proto__',
    '',
    'k1\u0000',
  ])
    await refused(token(mine, server.url, now, {}, { kid }), /does not publish|signature is wrong/);
  await refused(token(mine, server.url, now, {}, { kid: 7 } as never), /not accepted/);
  const asked = server.requests.slice(before);
  assert(
    asked.every(path => path === '/.well-known/openid-configuration' || path === '/jwks.json'),
    String(asked),
  );
});

test('addresses and certificates in the header are not looked at', async () => {
  const mine = await signingKey('k1', 'RS256');
  for (const more of [
    { jku: `${server.url}/mine` },
    { x5u: `${server.url}/mine` },
    { x5c: ['MIIB'] },
    { jwk: mine.jwk },
  ])
    await refused(token(mine, server.url, now, {}, more), /signature is wrong/);
  assert(!server.requests.includes('/mine'));
});

test('extensions that have to be understood, and are not, are refused', async () => {
  const claims = claimsText('');
  for (const header of [
    '{"alg":"RS256","kid":"k1","crit":["x"],"x":1}',
    '{"alg":"RS256","kid":"k1","crit":[]}',
    '{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}',
    '{"alg":["RS256"],"kid":"k1"}',
    '{"alg":"RS256","kid":"k1","typ":"JWE"}',
    '[]',
    'null',
  ])
    await refused(signed(header, claims), /not accepted/);
});

test('times at their edges', async () => {
  const ok = async (more: Record<string, unknown>) =>
    (await verifier.verify(await token(key, server.url, now, more))).expires;
  assert.equal(await ok({ exp: sec - 9 }), sec - 9);
  await refused(token(key, server.url, now, { exp: sec - 10 }), /expired/);
  assert.equal(await ok({ iat: sec + 10, exp: sec + 60 }), sec + 60);
  await refused(token(key, server.url, now, { iat: sec + 11, exp: sec + 60 }), /not valid yet/);
  assert.equal(await ok({ nbf: sec + 10 }), sec + 600);
  await refused(token(key, server.url, now, { nbf: sec + 11 }), /not valid yet/);
  await refused(token(key, server.url, now, { nbf: 'now' }), /not valid yet/);
  assert.equal(await ok({ exp: sec + 60.9 }), sec + 60);
  // JSON has no infinity, but a number that is read as one.
  const endless = claimsText('').replace(/"exp":\d+/, '"exp":1e999');
  assert.equal((await verifier.verify(await signed(HEADER, endless))).expires, sec + 86400);
  for (const iat of ['1e999', '-1e999', '-1', 'null', '"0"'])
    await refused(signed(HEADER, claimsText('').replace(/"iat":\d+/, `"iat":${iat}`)), /not accepted/);
});

test('an audience is right alone, or in a list of nothing else', async () => {
  const ok = await verifier.verify(await token(key, server.url, now, { aud: ['holdpoint'] }));
  assert.equal(ok.subject, 'ci');
  for (const aud of [
    ['holdpoint', 'x'],
    ['x', 'holdpoint'],
    [],
    [['holdpoint']],
    { 0: 'holdpoint' },
    'holdpoint ',
    'Holdpoint',
    7,
    null,
  ])
    await refused(token(key, server.url, now, { aud }), /audience|aud claim/);
});

test('claims that an object inherits are none', async () => {
  const strict = createVerifier({
    issuers: [issuerEntry(server.url, { claims: { constructor: 'x', toString: 'y' } })],
    clock: () => now,
  });
  await assert.rejects(strict.verify(await token(key, server.url, now)), /claim constructor/);
  const claims = claimsText(
    ',"__proto__":{"email":"ann@example.com","email_verified":true,"groups":["dba"]}',
  );
  const { email, claimGroups } = await verifier.verify(await signed(HEADER, claims));
  assert.deepEqual([email, claimGroups], [undefined, []]);
});

test('an e-mail of other letters that look or fold alike is another one', async () => {
  const read = async (email: string) =>
    (await verifier.verify(await token(key, server.url, now, { email, email_verified: true }))).email;
  assert.equal(await read('Kim@Example.COM'), 'kim@example.com');
  for (const other of [
    '\u212Aim@example.com',
    'kim@exаmple.com',
    'kım@example.com',
    'KİM@example.com',
    'ｋim@example.com',
  ])
    assert.notEqual(await read(other), 'kim@example.com');
  for (const none of ['a@b@c', 'a b@c', '@c', 'a@', 'kim\u200b@example.com', `${'x'.repeat(320)}@e`])
    await refused(token(key, server.url, now, { email: none, email_verified: true }), /its email is none/);
});
