import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createVerifier } from '#proxy/identity/verify.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { issuerEntry, type SigningKey, signingKey, startIssuer, token } from './issuer-server.ts';

const MINUTE = 60_000;
let server: Awaited<ReturnType<typeof startIssuer>>;
let key: SigningKey;
let now: number;
const clock = () => now;
const verifierOf = (fetch = globalThis.fetch) =>
  createVerifier({ issuers: [issuerEntry(server.url)], clock, fetch });
const unavailable = { name: 'HoldpointError', code: 'identity_unavailable' };

beforeEach(async () => {
  now = Date.parse('2026-03-01T12:00:00Z');
  server = await startIssuer();
  key = await signingKey('k1');
  server.state.keys = [key.jwk];
});
afterEach(() => server.close());

test('many tokens at once cost one fetch of the keys, and later ones none', async () => {
  const verifier = verifierOf();
  const text = await token(key, server.url, now);
  await Promise.all(Array.from({ length: 50 }, () => verifier.verify(text)));
  now += 9 * MINUTE;
  await verifier.verify(text);
  assert.equal(server.keyFetches(), 1);
});

test('a rotated key is found by one more fetch', async () => {
  const verifier = verifierOf();
  await verifier.verify(await token(key, server.url, now));
  const next = await signingKey('k2');
  server.state.keys = [key.jwk, next.jwk];
  now += MINUTE;
  const text = await token(next, server.url, now);
  await Promise.all([verifier.verify(text), verifier.verify(text)]);
  assert.equal(server.keyFetches(), 2);
});

test('made-up key ids cause no more than one fetch in half a minute', async () => {
  const verifier = verifierOf();
  await verifier.verify(await token(key, server.url, now));
  now += MINUTE;
  const stranger = await signingKey('stranger');
  for (let i = 0; i < 20; i++)
    await assert.rejects(
      verifier.verify(await token(stranger, server.url, now, {}, { kid: `made-up-${i}` })),
      {
        code: 'token_invalid',
      },
    );
  assert.equal(server.keyFetches(), 2);
  now += 31_000;
  await assert.rejects(verifier.verify(await token(stranger, server.url, now)), { code: 'token_invalid' });
  assert.equal(server.keyFetches(), 3);
});

test('a key that the issuer has taken back is refused once the keys are renewed', async () => {
  const verifier = verifierOf();
  await verifier.verify(await token(key, server.url, now));
  const next = await signingKey('k2');
  server.state.keys = [next.jwk];
  now += 11 * MINUTE;
  const [old, fresh] = [await token(key, server.url, now), await token(next, server.url, now)];
  assert.equal((await verifier.verify(fresh)).subject, 'ci');
  await assert.rejects(verifier.verify(old), { code: 'token_invalid' });
});

test('through an outage the cached keys go on for an hour, then nobody gets in until the issuer is back', async () => {
  const verifier = verifierOf();
  await verifier.verify(await token(key, server.url, now));
  server.state.mode = 'down';
  for (const minutes of [5, 20, 30]) {
    now += minutes * MINUTE;
    assert.equal((await verifier.verify(await token(key, server.url, now))).subject, 'ci');
  }
  now += 6 * MINUTE;
  await assert.rejects(verifier.verify(await token(key, server.url, now)), unavailable);
  server.state.mode = 'up';
  now += 3_000;
  assert.equal((await verifier.verify(await token(key, server.url, now))).subject, 'ci');
});

test('an unknown key during an outage is not called invalid', async () => {
  const verifier = verifierOf();
  await verifier.verify(await token(key, server.url, now));
  server.state.mode = 'down';
  now += MINUTE;
  const next = await signingKey('k2');
  await assert.rejects(verifier.verify(await token(next, server.url, now)), unavailable);
  await assert.rejects(verifier.verify(await token(next, server.url, now)), unavailable);
  assert.equal(server.keyFetches(), 1, 'the failed try does not repeat at once');
});

test('an issuer that is down from the start is asked again only after a pause', async () => {
  const verifier = verifierOf();
  server.state.mode = 'down';
  const text = await token(key, server.url, now);
  for (let i = 0; i < 10; i++) await assert.rejects(verifier.verify(text), unavailable);
  assert.equal(server.requests.length, 1);
  server.state.mode = 'up';
  now += 2_000;
  assert.equal((await verifier.verify(text)).subject, 'ci');
});

test('a silent issuer costs five seconds, whatever fetch makes of its signal', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const deaf: typeof fetch = () => new Promise(() => {});
  const verifying = verifierOf(deaf).verify(await token(key, server.url, now));
  const outcome = assert.rejects(verifying, unavailable);
  await new Promise(resolve => setImmediate(resolve));
  t.mock.timers.tick(5_000);
  await outcome;
});

const broken: [string, Partial<typeof server.state>][] = [
  ['no JSON', { mode: { body: '<html>' } }],
  ['too large an answer', { mode: { body: `"${'x'.repeat(600 * 1024)}"` } }],
  ['a redirect', { mode: 'redirect' }],
  ['a key set without keys', { keys: [] }],
  ['a discovery document of another issuer', { discovery: { issuer: 'https://evil.example' } }],
  ['keys to be fetched without TLS', { discovery: { jwks_uri: 'http://evil.example/jwks' } }],
];
for (const [name, change] of broken)
  test(`an issuer that answers with ${name} counts as down`, async () => {
    Object.assign(server.state, change);
    const text = await token(key, server.url, now);
    await assert.rejects(verifierOf().verify(text), (error: unknown) => {
      assert(error instanceof HoldpointError);
      assert.equal(error.code, 'identity_unavailable');
      return true;
    });
  });

test('an issuer with a path has its discovery document below it', async () => {
  const below = await startIssuer({ path: '/tenants/7' });
  try {
    below.state.keys = [key.jwk];
    const verifier = createVerifier({ issuers: [issuerEntry(below.url)], clock });
    assert.equal((await verifier.verify(await token(key, below.url, now))).issuer, below.url);
  } finally {
    await below.close();
  }
});

test('a given key set address is used without discovery', async () => {
  const entry = issuerEntry('https://issuer.example', { jwks: `${server.url}/jwks.json` });
  const verifier = createVerifier({ issuers: [entry], clock });
  assert.equal((await verifier.verify(await token(key, 'https://issuer.example', now))).subject, 'ci');
  assert.deepEqual(server.requests, ['/jwks.json']);
});

test('keys given directly need no network', async () => {
  const verifier = createVerifier({
    issuers: [issuerEntry('http://holdpoint-dev.localhost/x')],
    fixed: new Map([['http://holdpoint-dev.localhost/x', { keys: [key.jwk] }]]),
    fetch: () => assert.fail('fetched'),
    clock,
  });
  const iss = 'http://holdpoint-dev.localhost/x';
  assert.equal((await verifier.verify(await token(key, iss, now))).subject, 'ci');
  const stranger = await signingKey('k2');
  await assert.rejects(verifier.verify(await token(stranger, iss, now)), { code: 'token_invalid' });
});

test('an entry whose keys would come without TLS does not load', () => {
  for (const entry of [
    issuerEntry('http://issuer.example'),
    issuerEntry('https://issuer.example', { jwks: 'http://issuer.example/jwks' }),
  ])
    assert.throws(() => createVerifier({ issuers: [entry], clock }), /must be https/);
});

test('several keys and a token that names none is refused', async () => {
  server.state.keys = [key.jwk, (await signingKey('k2')).jwk];
  const text = await token(key, server.url, now, {}, { kid: undefined } as never);
  await assert.rejects(verifierOf().verify(text), /names no key/);
});
