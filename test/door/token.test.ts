import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { wayOf } from '#proxy/door/token.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import { token as sign, signingKey, startIssuer } from '#test/identity/issuer-server.ts';
import { type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { bearer, KVSEP, lacksLibpq, libpq, saslInitial, saslResponse } from './support.ts';

const ISSUER = 'https://login.example.com/realm';
const CONFIGURATION = `${ISSUER}/.well-known/openid-configuration`;
const OAUTH = { options: '-c holdpoint.authentication=oauthbearer' };

let keys: Awaited<ReturnType<typeof startIssuer>>;
let gate: Gate;
let key: Awaited<ReturnType<typeof signingKey>>;
const clients = new Set<raw.RawClient>();

before(async () => {
  key = await signingKey('corp');
  keys = await startIssuer();
  keys.state.keys = [key.jwk];
  const head = `version: 1
issuers:
  - { name: corp, issuer: "${ISSUER}", audience: holdpoint, algorithms: [ES256], jwks: "${keys.url}/jwks.json", accessTokens: true }
agents: { oauthScope: "openid email" }
access:
  - { name: known, principals: { subjects: [ci, agent-1] }, targets: ["*"], roles: ["*"] }
`;
  gate = await startGate('  - { name: all, verdict: allow }\n', { head });
});
after(() => keys.close());
afterEach(async () => {
  for (const client of clients) client.destroy();
  clients.clear();
  await gate.clear();
});

const good = (claims: Record<string, unknown> = {}, header = {}) =>
  sign(key, ISSUER, Date.now(), claims, header);

/** A client that has sent its start-up and has been offered OAUTHBEARER. */
async function offered(parameters: Record<string, string> = OAUTH): Promise<raw.RawClient> {
  const client = await raw.RawClient.connect({ port: gate.dev.pgPort });
  clients.add(client);
  client.send(raw.startup({ user: 'agent', database: 'shop', ...parameters }));
  const frame = await client.next();
  assert.equal(frame.type, 'R');
  assert.equal(frame.body.readInt32BE(0), 10);
  assert.equal(frame.body.toString('latin1', 4), 'OAUTHBEARER\0\0');
  return client;
}

/** The error challenge that comes next. */
async function challenge(client: raw.RawClient): Promise<Record<string, string>> {
  const frame = await client.next();
  assert.equal(frame.type, 'R', raw.outline([frame]));
  assert.equal(frame.body.readInt32BE(0), 11);
  return JSON.parse(frame.body.toString('utf8', 4)) as Record<string, string>;
}

async function fatal(client: raw.RawClient): Promise<Record<string, string>> {
  const frames = await client.untilClosed();
  assert.equal(frames.length, 1, raw.outline(frames));
  return raw.fields(frames[0]!);
}

test('a client that asks for it gives its token by OAUTHBEARER, and works; the record says how it came', async () => {
  const client = await offered();
  client.send(saslInitial(bearer(await good())));
  const frames = await client.untilReady();
  assert.match(raw.outline(frames.filter(frame => frame.type !== 'S')), /^R(:0)? K Z:I$/);
  client.send(raw.query('select 6 * 7'));
  assert.match(raw.outline(await client.untilReady()), /D C:SELECT 1 Z:I/);
  const [session] = await gate.dev.json<{ session: string }[]>('audit', 'sessions');
  const events = await gate.dev.json<{ kind: string; body: Record<string, unknown> }[]>(
    'audit',
    'show',
    session!.session,
  );
  assert.deepEqual(events[0]?.body.arrival, {
    transport: 'tcp',
    tls: null,
    authentication: 'oauthbearer',
  });
});

test('without a word the token is the password, as it ever was', async () => {
  const client = await gate.agent();
  client.send(raw.query('select 1'));
  assert.match(raw.outline(await client.untilReady()), /C:SELECT 1 Z:I/);
  assert.equal(client.closed, false);
});

test('the policy’s first way is asked for, and only its own ways can be chosen', () => {
  const policy = (ways: string) =>
    loadPolicy(
      `version: 1\nagents: { authentication: [${ways}] }\naccess: [{ name: a, targets: ["*"], roles: ["*"] }]\n`,
      'p.yaml',
      { extraTargets: ['shop'] },
    );
  const both = policy('oauthbearer, password');
  assert.equal(wayOf(both, undefined), 'oauthbearer');
  assert.equal(wayOf(both, 'PASSWORD'), 'password');
  const one = policy('oauthbearer');
  assert.equal(wayOf(one, undefined), 'oauthbearer');
  assert.throws(() => wayOf(one, 'password'), /cannot be "password" here/);
  assert.throws(() => wayOf(one, ''), /cannot be "" here/);
});

test('a way that the policy does not have is refused by name', async () => {
  const client = await raw.RawClient.connect({ port: gate.dev.pgPort });
  client.send(
    raw.startup({ user: 'agent', database: 'shop', options: '-c holdpoint.authentication=kerberos' }),
  );
  const said = await fatal(client);
  assert.equal(said.C, '0A000');
  assert.match(said.H ?? '', /password, oauthbearer/);
});

test('an empty initial response is answered with an empty challenge, and the response may come then', async () => {
  const client = await offered();
  client.send(saslInitial(null));
  const frame = await client.next();
  assert.deepEqual([frame.type, frame.body.readInt32BE(0), frame.body.length], ['R', 11, 4]);
  client.send(saslResponse(bearer(await good())));
  await client.untilReady();
});

test('discovery: a client without a token learns where to get one, and its connection ends as the RFC has it', async () => {
  const client = await offered();
  client.send(saslInitial(`n,,${KVSEP}auth=${KVSEP}${KVSEP}`));
  assert.deepEqual(await challenge(client), {
    status: 'invalid_token',
    'openid-configuration': CONFIGURATION,
    scope: 'openid email',
  });
  client.send(saslResponse(KVSEP));
  assert.equal((await fatal(client)).C, '28P01');
});

test('a token that is not taken is told as invalid_token, and after the dummy answer by an ordinary error', async () => {
  const stranger = await signingKey('corp');
  for (const [token, message] of [
    [await sign(stranger, ISSUER, Date.now()), /signature is wrong/],
    [await good({ exp: 1_000_000, iat: 999_000 }), /expired/],
    [await good({ aud: 'other' }), /another audience/],
    ['not-a-jwt', /not a signed JSON Web Token/],
  ] as const) {
    const client = await offered();
    client.send(saslInitial(bearer(token)));
    assert.equal((await challenge(client)).status, 'invalid_token');
    client.send(saslResponse(KVSEP));
    const said = await fatal(client);
    assert.equal(said.C, '28P01');
    assert.match(said.M ?? '', message);
  }
  const known = await offered();
  known.send(saslInitial(bearer(await good({ sub: 'stranger' }))));
  assert.match((await fatal(known)).M ?? '', /no access rule/, 'who is known and may not come in is told so');
  const basic = await offered();
  basic.send(saslInitial(`n,,${KVSEP}auth=Basic dTpw${KVSEP}${KVSEP}`));
  assert.equal((await challenge(basic)).status, 'invalid_request');
  // Not the dummy: a second try on the same connection is not heard.
  basic.send(saslResponse(bearer(await good())));
  assert.equal((await fatal(basic)).C, '08P01');
});

test('broken messages are protocol violations, and no token is looked at', async () => {
  const token = await good();
  const many = `n,,${KVSEP}auth=Bearer ${'a'.repeat(25_000)}${KVSEP}${KVSEP}`;
  for (const [bytes, sqlstate] of [
    [saslInitial(`n,,auth=Bearer ${token}${KVSEP}${KVSEP}`), '08P01'],
    [saslInitial(`p=tls-server-end-point,,${KVSEP}auth=Bearer ${token}${KVSEP}${KVSEP}`), '08P01'],
    [saslInitial(`n,a=admin,${KVSEP}auth=Bearer ${token}${KVSEP}${KVSEP}`), '0A000'],
    [saslInitial(`n,,${KVSEP}auth=Bearer ${token}${KVSEP}\0${KVSEP}`), '08P01'],
    [saslInitial(bearer(token), 'SCRAM-SHA-256'), '08P01'],
    [saslInitial(bearer(token), 'OAUTHBEARER', 3), '08P01'],
    [saslInitial(bearer(token), 'OAUTHBEARER', -2), '08P01'],
    [saslInitial(bearer(token), 'OAUTHBEARER', 0x7fffffff), '08P01'],
    [saslInitial(''), '08P01'],
    [raw.message('p'), '08P01'],
    [raw.password(token), '08P01'],
    [raw.query('select 1'), '08P01'],
    [saslInitial(many), '08P01'],
    [raw.message('p', '', 0x7fffffff), '08P01'],
    [raw.message('p', '', 3), '08P01'],
  ] as const) {
    const client = await offered();
    client.send(bytes);
    assert.equal((await fatal(client)).C, sqlstate, bytes.toString('latin1').slice(0, 60));
  }
});

test('a token just below the limit is looked at, and one above it refused, in either way', async () => {
  const padded = await good({ pad: 'x'.repeat(11_000) });
  assert.ok(padded.length > 14_000 && padded.length < 16_384);
  const client = await offered();
  client.send(saslInitial(bearer(padded)));
  await client.untilReady();
  const long = await good({ pad: 'x'.repeat(13_000) });
  await assert.rejects(gate.agent({ token: long }), /28P01 .*larger than 16 KB/);
});

test('an access token is taken where the issuer’s entry says so', async () => {
  const client = await offered();
  client.send(saslInitial(bearer(await good({ client_id: 'psql' }, { typ: 'at+jwt' }))));
  await client.untilReady();
  await assert.rejects(gate.agent({ token: await good({}, { typ: 'logout+jwt' }) }), /not an ID token/);
});

test('an agent that leaves in the middle of it, or says nothing, leaves nothing behind', async () => {
  for (const bytes of [null, saslInitial(null), saslInitial(bearer('x')), raw.message('p', '', 500)]) {
    const client = await offered();
    if (bytes !== null) client.send(bytes);
    client.reset();
  }
  await (await offered()).expectSilence(20);
});

test(
  'libpq 18 finds out where tokens come from, fetches one and connects again with it',
  { skip: lacksLibpq() },
  async () => {
    const base = `host=127.0.0.1 port=${gate.dev.pgPort} user=agent dbname=shop oauth_issuer=${ISSUER} oauth_client_id=psql require_auth=oauth`;
    const way = "options='-c holdpoint.authentication=oauthbearer'";
    const taken = await libpq(`${base} ${way}`, await good());
    assert.deepEqual(taken, {
      ok: true,
      error: '',
      value: '42',
      asked: [{ configuration: CONFIGURATION, scope: 'openid email' }],
    });
    const refused = await libpq(`${base} ${way}`, await good({ sub: 'stranger' }));
    assert.equal(refused.ok, false);
    assert.match(refused.error, /no access rule is for the holder of this token/);
    const expired = await libpq(`${base} ${way}`, await good({ exp: 1_000_000, iat: 999_000 }));
    assert.match(expired.error, /the token was not accepted: it has expired/);
    assert.equal((await libpq(base, await good())).ok, false, 'without the option it would be a password');
    const known = await libpq(`${base.replace(ISSUER, CONFIGURATION)} ${way}`, await good());
    assert.deepEqual(
      [known.ok, known.asked.length],
      [true, 1],
      'with the address of the document, on one connection',
    );
    const other = base.replace(ISSUER, 'https://elsewhere.example.com');
    const strange = await libpq(`${other} ${way}`, await good());
    assert.deepEqual(
      [strange.ok, strange.asked.length],
      [false, 0],
      'a client does not take tokens to another issuer',
    );
  },
);
