import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { exportSPKI, importJWK } from 'jose';
import { createVerifier, type TokenVerifier } from '#proxy/identity/verify.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { issuerEntry, type SigningKey, signingKey, startIssuer, token } from './issuer-server.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const sec = now / 1000;
let server: Awaited<ReturnType<typeof startIssuer>>;
let key: SigningKey;
let rsa: SigningKey;
let verifier: TokenVerifier;

before(async () => {
  server = await startIssuer();
  [key, rsa] = [await signingKey('k1'), await signingKey('r1', 'RS256')];
  server.state.keys = [key.jwk, rsa.jwk];
  verifier = createVerifier({
    issuers: [issuerEntry(server.url, { groupsClaim: 'groups', groupsPrefix: 'idp:' })],
    clock: () => now,
  });
});
after(() => server.close());

const unsigned = (header: object, claims: object) =>
  `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
const good = () => ({ iss: server.url, aud: 'holdpoint', sub: 'ci', iat: sec, exp: sec + 600 });

/** The token is refused, the message says why, and neither message, detail nor cause repeats anything of the token. */
async function refused(text: string, why: RegExp): Promise<void> {
  const error = await verifier.verify(text).then(
    () => assert.fail('the token was accepted'),
    (e: unknown) => e,
  );
  assert(error instanceof HoldpointError);
  assert.equal(error.code, 'token_invalid');
  assert.equal(error.sqlstate, '28P01');
  assert.match(error.message, why);
  assert.equal(error.cause, undefined, 'a cause would carry the claims into logs');
  const said = `${error.message} ${error.detail} ${error.hint}`;
  for (const part of text.split('.').filter(p => p.length > 8)) assert(!said.includes(part), 'token echoed');
  assert(!said.includes('hunter2'), 'claim echoed');
}

describe('a right token', () => {
  test('gives issuer, subject, expiry and prefixed groups', async () => {
    const text = await token(key, server.url, now, { groups: ['dev', 'ops', 'dev'] });
    assert.deepEqual(await verifier.verify(text), {
      issuer: server.url,
      issuerName: 'test',
      subject: 'ci',
      claimGroups: ['idp:dev', 'idp:ops'],
      expires: sec + 600,
    });
  });

  test('is accepted with every allowed algorithm', async () => {
    assert.equal((await verifier.verify(await token(rsa, server.url, now))).subject, 'ci');
  });

  test('has an e-mail only when the issuer has verified it, in lower case', async () => {
    const email = { email: 'Ann@Example.com' };
    const read = async (claims: object) =>
      (await verifier.verify(await token(key, server.url, now, { ...claims }))).email;
    assert.equal(await read({ ...email, email_verified: true }), 'ann@example.com');
    assert.equal(await read(email), undefined);
    assert.equal(await read({ ...email, email_verified: false }), undefined);
    assert.equal(await read({ ...email, email_verified: 'true' }), undefined);
  });

  test('is known by addresses that nobody vouches for, too, so that whoever has them does not decide for themself', async () => {
    const read = async (claims: object) =>
      (await verifier.verify(await token(key, server.url, now, { ...claims }))).claimedEmails;
    assert.deepEqual(await read({ email: 'Ann@Example.com' }), ['ann@example.com']);
    assert.deepEqual(await read({ email: 'ann@example.com', email_verified: false, upn: 'A@corp.example' }), [
      'a@corp.example',
      'ann@example.com',
    ]);
    const verified = { email: 'ann@example.com', email_verified: true };
    assert.equal(await read(verified), undefined);
    assert.deepEqual(await read({ ...verified, preferred_username: 'ann.b@example.com' }), [
      'ann.b@example.com',
    ]);
    for (const none of [{}, { email: 7 }, { preferred_username: 'ann' }, { email: 'a\u202en@example.com' }])
      assert.equal(await read(none), undefined);
  });

  test('has its e-mail trusted where the policy says so', async () => {
    const trusting = createVerifier({
      issuers: [issuerEntry(server.url, { trustEmail: true })],
      clock: () => now,
    });
    const text = await token(key, server.url, now, { email: 'A@B.example' });
    assert.equal((await trusting.verify(text)).email, 'a@b.example');
  });

  test('ends when its issuer entry says so, though its exp is later', async () => {
    const text = await token(key, server.url, now, { exp: sec + 10 * 365 * 86400 });
    assert.equal((await verifier.verify(text)).expires, sec + 86400);
  });

  test('is accepted while the clocks differ by seconds', async () => {
    const claims = { iat: sec + 5, nbf: sec + 5, exp: sec + 60 };
    assert.equal((await verifier.verify(await token(key, server.url, now, claims))).subject, 'ci');
  });
});

describe('a wrong token is refused:', () => {
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['another audience', { aud: 'elsewhere' }, /another audience/],
    ['no audience', { aud: undefined }, /no aud/],
    ['our audience and another one', { aud: ['holdpoint', 'elsewhere'] }, /other audiences too/],
    ['an issuer that is not configured', { iss: 'https://evil.example' }, /issuer is not configured/],
    ['an issuer that differs by a slash', { iss: 'SLASH' }, /issuer is not configured/],
    ['no issuer', { iss: undefined }, /issuer is not configured/],
    ['expired', { exp: sec - 60 }, /expired/],
    ['no exp', { exp: undefined }, /no exp/],
    ['exp as text', { exp: String(sec + 600) }, /exp claim is wrong/],
    ['no iat', { iat: undefined }, /no iat/],
    ['issued long ago', { iat: sec - 2 * 86400, exp: sec + 600 }, /older than/],
    ['issued in the future', { iat: sec + 600 }, /not valid yet \(iat\)/],
    ['not valid yet', { nbf: sec + 600 }, /not valid yet \(nbf\)/],
    ['no subject', { sub: undefined }, /no sub/],
    ['empty subject', { sub: '' }, /subject/],
    ['a subject with a line break', { sub: 'a\nhunter2' }, /subject/],
    ['a subject that is a number', { sub: 7 }, /subject/],
    ['groups that are no list', { groups: { hunter2: true } }, /groups/],
    ['groups that are left out for their number', { _claim_names: { groups: 'src1' } }, /groups are not in/],
    ['an e-mail that is none', { email: 'hunter2', email_verified: true }, /email/],
    ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, /not an ID/],
  ];
  for (const [name, claims, why] of wrong)
    test(name, async () => {
      const changed = claims.iss === 'SLASH' ? { ...claims, iss: `${server.url}/` } : claims;
      await refused(await token(key, server.url, now, changed), why);
    });

  test('an access token or another kind of JWT by its typ', async () => {
    await refused(await token(key, server.url, now, {}, { typ: 'at+jwt' }), /not an ID token/);
  });

  test('alg none, in any spelling, with and without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE'])
      for (const end of ['.', '.AAAA'])
        await refused(`${unsigned({ alg, typ: 'JWT' }, good())}${end}`, /not signed/);
  });

  test('HMAC with the public key as its secret', async () => {
    const pem = await exportSPKI((await importJWK(rsa.jwk, 'RS256', { extractable: true })) as CryptoKey);
    for (const secret of [pem, pem.trim(), JSON.stringify(rsa.jwk), rsa.jwk.n ?? '']) {
      const text = unsigned({ alg: 'HS256', kid: 'r1', typ: 'JWT' }, good());
      await refused(
        `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`,
        /algorithm is not allowed/,
      );
    }
  });

  test('an algorithm that is fine elsewhere but not in the entry', async () => {
    const strict = createVerifier({
      issuers: [issuerEntry(server.url, { algorithms: ['ES256'] })],
      clock: () => now,
    });
    await assert.rejects(strict.verify(await token(rsa, server.url, now)), { code: 'token_invalid' });
  });

  test('a key of its own in the header', async () => {
    const mine = await signingKey('k1');
    await refused(await token(mine, server.url, now, {}, { jwk: mine.jwk }), /signature is wrong/);
    await refused(
      await token(mine, server.url, now, {}, { jku: `${server.url}/mine`, kid: 'mine' }),
      /does not publish/,
    );
    assert(!server.requests.includes('/mine'));
  });

  test('every altered byte', async () => {
    const text = await token(key, server.url, now);
    assert.equal((await verifier.verify(text)).subject, 'ci');
    for (let i = 0; i < text.length; i += 7) {
      if (text[i] === '.') continue;
      const altered = `${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`;
      // The last character of a part may have bits that mean nothing; then the decoder refuses or the bytes are the same.
      const bytes = (t: string) =>
        t
          .split('.')
          .map(p => Buffer.from(p, 'base64url').toString('hex'))
          .join();
      if (bytes(altered) !== bytes(text)) await refused(altered, /not accepted/);
    }
  });

  test('what is no token at all', async () => {
    for (const text of ['', 'secret', 'a.b', 'a.b.c.d', '..', 'e30.e30.', 'é.é.é', `${'a'.repeat(20)}.{}.x`])
      await refused(text, /not a signed JSON Web Token/);
    await refused(`${'a'.repeat(16 * 1024)}.a.a`, /larger than 16 KB/);
    await refused(await token(key, server.url, now, { pad: 'x'.repeat(16 * 1024) }), /larger than 16 KB/);
  });

  test('a token for one issuer signed by another configured one', async () => {
    const other = await startIssuer();
    try {
      const theirs = await signingKey('k1');
      other.state.keys = [theirs.jwk];
      const both = createVerifier({
        issuers: [issuerEntry(server.url), issuerEntry(other.url, { name: 'other' })],
        clock: () => now,
      });
      await assert.rejects(both.verify(await token(theirs, server.url, now)), /signature is wrong/);
      assert.equal((await both.verify(await token(theirs, other.url, now))).issuerName, 'other');
    } finally {
      await other.close();
    }
  });
});
