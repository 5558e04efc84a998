import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Dev, holdpoint, startDev } from '#test/support/dev.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { type Near, startHttp, startNear } from './fixtures.ts';

let dev: Dev;
const nears: Near[] = [];

before(async () => {
  dev = await startDev();
});
after(async () => {
  for (const near of nears) await near.stop();
});

async function near(args: readonly string[], env: Record<string, string> = {}): Promise<Near> {
  const started = await startNear([...args, '--listen', '127.0.0.1:0'], env);
  nears.push(started);
  return started;
}

/** The error that a Postgres client gets which asks for TLS first, as libpq does. */
async function refused(to: Near): Promise<Record<string, string>> {
  const client = await raw.RawClient.connect({ port: Number(to.at.split(':')[1]) });
  client.send(raw.sslRequest());
  assert.equal(await client.byte(), 'N');
  client.send(raw.startup({ user: 'agent', database: 'shop' }));
  const frames = await client.untilClosed();
  assert.equal(frames.length, 1);
  const said = raw.fields(frames[0]!);
  assert.ok(to.stderr().includes((said.M ?? '').replace('holdpoint connect: ', '')), to.stderr());
  return said;
}

/** `select 1` through it. */
async function works(through: Near): Promise<void> {
  const client = await raw.RawClient.connect({ port: Number(through.at.split(':')[1]) });
  await client.login({ user: 'agent', database: 'shop' });
  client.send(raw.query('select 1'));
  assert.match(raw.outline(await client.untilReady()), /C:SELECT 1 Z:I$/);
  client.destroy();
}

const token = (ttl = '1h') => dev.token('agent-1', { email: 'agent-1@example.com', ttl });
const unsigned = (claims: object) =>
  `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

test('a token that the proxy refuses is told to client and stderr, once, in its words', async () => {
  const said = await refused(
    await near(['--url', dev.ready.http, '--token-env', 'T'], { T: unsigned({ iss: 'x', aud: 'y' }) }),
  );
  assert.equal(said.S, 'FATAL');
  assert.equal(said.C, '28P01');
  assert.match(
    said.M ?? '',
    /^holdpoint connect: 401: the token was not accepted: its issuer is not configured$/,
  );
});

test('a token for another audience names both ends of the mistake', async () => {
  const aud = unsigned({ iss: dev.ready.issuer, aud: 'https://elsewhere.example' });
  const proxy = await startHttp((_request, response) => {
    response.writeHead(401, { 'holdpoint-fault': 'token_invalid', 'content-type': 'text/plain' });
    response.end('the token was not accepted: it is meant for another audience\n');
  });
  const said = await refused(await near(['--url', proxy.url, '--token-env', 'T'], { T: aud }));
  assert.match(
    said.M ?? '',
    /another audience \(it is for the audience https:\/\/elsewhere\.example; --audience/,
  );
});

test('401, 403, 404, 302, 503 of a gateway in front are told apart from the proxy’s own', async () => {
  const cases: [number, string, RegExp, RequestListener?][] = [
    [401, '28P01', /401 before Holdpoint was asked: its gateway \(Cloud Run's IAM\)/],
    [403, '42501', /403 before Holdpoint was asked: .*roles\/run\.invoker/],
    [404, '08001', /404: there is no Holdpoint tunnel at http/],
    [302, '08001', /answered 302$/],
    [503, '08001', /answered 503$/],
    [200, '08001', /answered 200$/],
  ];
  for (const [status, sqlstate, message] of cases) {
    const gateway = await startHttp((_request, response) => {
      response
        .writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {})
        .end('<html>secret</html>');
    });
    const said = await refused(await near(['--url', gateway.url, '--token-env', 'T'], { T: unsigned({}) }));
    assert.equal(said.C, sqlstate, `${status}`);
    assert.match(said.M ?? '', message);
    assert.doesNotMatch(said.M ?? '', /secret|\n/);
  }
  const own = await startHttp((_request, response) => {
    response
      .writeHead(403, { 'holdpoint-fault': 'access_denied' })
      .end('no access rule is for the holder of this token\n');
  });
  const said = await refused(await near(['--url', own.url, '--token-env', 'T'], { T: unsigned({}) }));
  assert.match(said.M ?? '', /403: no access rule is for the holder of this token$/);
});

test('a proxy that cannot be reached, or that hangs up, is told as such', async () => {
  const said = await refused(
    await near(['--url', 'http://127.0.0.1:1', '--token-env', 'T'], { T: unsigned({}) }),
  );
  assert.equal(said.C, '08001');
  assert.match(said.M ?? '', /cannot be reached: nothing listens there$/);
});

test('tokens do not go over the network in the clear, and no other address than loopback is listened on', async () => {
  const far = await holdpoint(['connect', '--url', 'http://db.example.com', '--token-env', 'T']);
  assert.equal(far.code, 1);
  assert.match(far.stderr, /must be https/);
  const open = ['connect', '--url', 'https://db.example.com', '--token-env', 'T', '--listen', '0.0.0.0:5432'];
  assert.match((await holdpoint(open)).stderr, /not on loopback/);
  assert.match((await holdpoint(['connect', '--url', 'https://x'])).stderr, /exactly one way/);
  const two = ['connect', '--url', 'https://x', '--token-env', 'T', '--token-file', 'f'];
  assert.match((await holdpoint(two)).stderr, /exactly one way/);
});

test('a token file is read anew for each connection; one that is missing, empty or past its end is told', async () => {
  const file = join(tempDir('token'), 'token');
  const through = await near(['--url', dev.ready.http, '--token-file', file]);
  assert.match((await refused(through)).M ?? '', /token file .* cannot be read: ENOENT$/);
  writeFileSync(file, '\n');
  assert.match((await refused(through)).M ?? '', /there is no token in the file/);
  writeFileSync(file, unsigned({ exp: 1_000_000 }));
  assert.match((await refused(through)).M ?? '', /has expired at 1970-01-12/);
  writeFileSync(file, `${await token()}\n`);
  await works(through);
});

test('a token command runs again only when its token is near its end, and its fault is told without its text', async () => {
  const dir = tempDir('command');
  const script = join(dir, 'mint');
  const install = (body: string) => {
    writeFileSync(script, `#!/bin/sh\necho run >> ${dir}/runs\n${body}\n`);
    chmodSync(script, 0o755);
  };
  install(`echo '${await token()}'`);
  const through = await near(['--url', dev.ready.http, '--token-command', `${script} hush`]);
  await works(through);
  install('echo no luck >&2; exit 3');
  await works(through);
  const soon = await near(['--url', dev.ready.http, '--token-command', `${script} hush`]);
  const failed = await refused(soon);
  assert.match(failed.M ?? '', /the token command ended with exit code 3: no luck$/);
  assert.doesNotMatch(failed.M ?? '', /hush/);
  install(`echo '${await token('30s')}'`);
  await works(soon);
  install('exit 4');
  assert.match((await refused(soon)).M ?? '', /exit code 4/);
});

test('a kept token that is no longer taken is fetched anew once', async () => {
  const dir = tempDir('command');
  writeFileSync(join(dir, 'token'), unsigned({ exp: Math.floor(Date.now() / 1000) + 3600, iss: 'old' }));
  const through = await near(['--url', dev.ready.http, '--token-command', `cat ${dir}/token`]);
  await refused(through);
  writeFileSync(join(dir, 'token'), await token());
  await works(through);
});

test('the metadata server is asked as Google describes it, and its faults are explained', async () => {
  let mode = 'good';
  const good = await token();
  const metadata = await startHttp((request, response) => {
    if (request.headers['metadata-flavor'] !== 'Google') return void response.writeHead(403).end();
    const head = mode === 'stranger' ? {} : { 'metadata-flavor': 'Google' };
    response.writeHead(mode === 'none' ? 404 : 200, head).end(good);
  });
  const args = ['--url', dev.ready.http, '--token-source', 'gcp-metadata', '--audience', 'holdpoint'];
  const env = { GCE_METADATA_HOST: metadata.host };
  const through = await near(args, env);
  await works(through);
  await works(through);
  const [first, second] = metadata.seen.map(({ url }) => new URL(url, 'http://x'));
  assert.equal(first?.pathname, '/computeMetadata/v1/instance/service-accounts/default/identity');
  const audiences = [first, second].map(url => url?.searchParams.get('audience')).sort();
  assert.deepEqual(audiences, ['holdpoint', new URL(dev.ready.http).origin].sort());
  assert.equal(metadata.seen.length, 2, 'one token for each audience, kept for the second connection');
  mode = 'none';
  assert.match(
    (await refused(await near(args, env))).M ?? '',
    /404.*serviceAccountOpenIdTokenCreator on itself/,
  );
  mode = 'stranger';
  assert.match((await refused(await near(args, env))).M ?? '', /is not Google's metadata server/);
  assert.match(
    (await refused(await near(args, { GCE_METADATA_HOST: '127.0.0.1:1' }))).M ?? '',
    /cannot be reached/,
  );
});

test('GitHub Actions is asked with the job’s own token and the audience, and a job without the permission is told so', async () => {
  const good = await token();
  const github = await startHttp((request, response) => {
    const known = request.headers.authorization === 'bearer job-token';
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
    response.end(known ? JSON.stringify({ count: good.length, value: good }) : '{"message":"job-token?"}');
  });
  const args = ['--url', dev.ready.http, '--token-source', 'github-actions', '--audience', 'holdpoint'];
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job-token',
  };
  await works(await near(args, env));
  assert.equal(github.seen[0]?.url, '/token?api-version=2.0&audience=holdpoint');
  assert.match((await refused(await near(args))).M ?? '', /permissions: id-token: write/);
  const wrong = await near(args, { ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'other' });
  assert.match((await refused(wrong)).M ?? '', /endpoint answered 401$/);
});
