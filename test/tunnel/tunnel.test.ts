import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { createServer as createTcp } from 'node:net';
import { after, before, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import type { WebSocket } from 'ws';
import { connect } from '#cli/connect-stream.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { lacks, psql } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { type Near, openRaw, startNear } from './fixtures.ts';

let dev: Dev;
let token: string;
let near: Near;
let at: { host: string; port: number };
let bearer: { authorization: string };

before(async () => {
  dev = await startDev();
  token = await dev.token('agent-1', { email: 'agent-1@example.com' });
  bearer = { authorization: `Bearer ${token}` };
  near = await startNear(['--url', dev.ready.http, '--token-env', 'AGENT_TOKEN', '--listen', '127.0.0.1:0'], {
    AGENT_TOKEN: token,
  });
  const [host = '', port = ''] = near.at.split(':');
  at = { host, port: Number(port) };
});
after(() => near.stop());

const withPsql = { skip: lacks('psql') };
const url = () => `postgres://agent@${near.at}/shop`;

test(
  'psql goes through holdpoint connect without a password, and its session is the holder of the token’s',
  withPsql,
  async () => {
    const read = await psql(['-d', url(), '-At', '-c', 'select 6 * 7']);
    assert.deepEqual(read, { code: 0, stdout: '42\n', stderr: '' });
    const sessions = await dev.json<{ subject?: string }[]>('audit', 'sessions');
    assert.match(JSON.stringify(sessions), /agent-1/);
  },
);

test(
  'a Unix socket is for this user alone, psql finds it by its directory, and Ctrl-C takes it away',
  withPsql,
  async () => {
    const dir = tempDir('socket');
    const args = ['--url', dev.ready.http, '--token-env', 'T', '--listen', dir];
    const local = await startNear(args, { T: token });
    const path = `${dir}/.s.PGSQL.5432`;
    assert.equal(local.at, path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const read = await psql(['-d', `host=${dir} user=agent dbname=shop`, '-At', '-c', 'select 1']);
    assert.deepEqual(read, { code: 0, stdout: '1\n', stderr: '' });
    await assert.rejects(startNear(args, { T: token }), /in use by another program/);
    assert.equal(await local.stop(), 0);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  },
);

test('a socket file that a killed near end has left is taken over', async () => {
  const dir = tempDir('socket');
  const args = ['--url', dev.ready.http, '--token-env', 'T', '--listen', dir];
  const first = await startNear(args, { T: token });
  await new Promise(resolve => {
    first.process.once('exit', resolve);
    first.process.kill('SIGKILL');
  });
  const second = await startNear(args, { T: token });
  assert.equal(await second.stop(), 0);
});

test('a held statement waits through the tunnel; when the client is gone its hold is withdrawn', async () => {
  const client = await raw.RawClient.connect(at);
  await client.login({ user: 'agent', database: 'shop' });
  client.send(raw.query('delete from payments'));
  const id = await dev.held();
  client.reset();
  await waitFor(
    async () => (await dev.approvals({ all: true })).find(one => one.id === id)?.state === 'withdrawn',
    { what: 'the hold is withdrawn' },
  );
});

test('a cancel request goes through the tunnel', async () => {
  const client = new pg.Client({ connectionString: url() });
  await client.connect();
  const failed = assert.rejects(client.query('delete from payments'), { code: '57014' });
  await dev.held();
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const cancel = await raw.RawClient.connect(at);
  cancel.send(raw.cancelRequest(processID, raw.int32(secretKey)));
  assert.deepEqual(await cancel.untilClosed(), []);
  await failed;
  await client.end();
});

test('values far larger than a frame go both ways whole', async () => {
  const client = new pg.Client({ connectionString: url() });
  await client.connect();
  const long = '0123456789'.repeat(400_000);
  const { rows } = await client.query('select length($1::text) as n, $1::text as t', [long]);
  assert.equal(rows[0].n, long.length);
  assert.equal(rows[0].t, long);
  await client.end();
});

test('node-postgres and postgres.js connect without a local port', async () => {
  const connector = connect({ url: dev.ready.http, token: async () => token });
  const client = new pg.Client({ user: 'agent', database: 'shop', stream: connector.stream });
  await client.connect();
  assert.deepEqual((await client.query('select $1::int as n', [42])).rows, [{ n: 42 }]);
  const long = 'x'.repeat(2_000_000);
  assert.equal((await client.query('select length($1::text) as n', [long])).rows[0].n, long.length);
  await client.end();
  const pool = new pg.Pool({ user: 'agent', database: 'shop', stream: connector.stream, max: 3 });
  const all = await Promise.all([1, 2, 3, 4, 5].map(n => pool.query('select $1::int as n', [n])));
  assert.deepEqual(
    all.map(({ rows }) => rows[0].n),
    [1, 2, 3, 4, 5],
  );
  await pool.end();
  const options = { user: 'agent', database: 'shop', max: 2, socket: connector.socket };
  const sql = postgres(options as unknown as postgres.Options<Record<string, never>>);
  assert.deepEqual([...(await sql`select ${7}::int as n`)], [{ n: 7 }]);
  assert.deepEqual([...(await sql`select ${'y'.repeat(1_000_000)}::text as t`)][0]!.t.length, 1_000_000);
  await sql.end();
  const wrong = connect({ url: dev.ready.http, token: async () => 'nonsense' });
  const refused = new pg.Client({ user: 'agent', database: 'shop', stream: wrong.stream });
  await assert.rejects(refused.connect(), /401: the token was not accepted/);
});

test('the tunnel needs its token before the upgrade: 401 without one or with a wrong one, in one sentence', async () => {
  await assert.rejects(openRaw(dev.ready.http, {}), /^Error: 401 a token is needed: [^\n]+\n$/);
  const basic = { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` };
  await assert.rejects(openRaw(dev.ready.http, basic), /401 Authorization has to be Bearer and one token/);
  await assert.rejects(
    openRaw(dev.ready.http, { authorization: 'Bearer a.b.c' }),
    /401 the token was not accepted: [^\n]+\n$/,
  );
  await assert.rejects(openRaw(dev.ready.http, { authorization: `Bearer ${token}x` }), /401/);
  await assert.rejects(openRaw(`${dev.ready.http}`, {}, `/connect?token=${token}`), /401/);
  await assert.rejects(openRaw(dev.ready.http, bearer, '/other'), /404 there is no tunnel here/);
  const plain = await fetch(`${dev.ready.http}/connect`);
  assert.equal(plain.status, 426);
});

test('a text frame, and a message that is too long, end the tunnel with their code; there is no compression', async () => {
  const talk = await openRaw(dev.ready.http, bearer);
  assert.equal(talk.extensions, '');
  const text = ended(talk);
  talk.send('select 1');
  assert.equal(await text, 1003);
  const big = await openRaw(dev.ready.http, bearer);
  const tooBig = ended(big);
  big.send(Buffer.alloc(1024 * 1024 + 1));
  assert.equal(await tooBig, 1009);
});

test('one frame may hold many messages, and one message many frames', async () => {
  const ws = await openRaw(dev.ready.http, bearer);
  const got: Buffer[] = [];
  ws.on('message', data => got.push(data as Buffer));
  const bytes = Buffer.concat([
    raw.startup({ user: 'agent', database: 'shop' }),
    raw.query('select 1'),
    raw.query('select 2'),
  ]);
  for (const byte of bytes) ws.send(Buffer.of(byte));
  const shown = () => {
    const { frames } = raw.cutFrames(Buffer.concat(got));
    return raw.outline(frames.filter(({ type }) => type !== 'S' && type !== 'K'));
  };
  await waitFor(() => shown().split('Z:I').length === 4, { what: 'both answers are there' });
  ws.send(raw.terminate());
  assert.equal(await ended(ws), 1000);
  assert.equal(shown(), 'R Z:I T D C:SELECT 1 Z:I T D C:SELECT 1 Z:I');
});

test('the session is the tunnel’s: a password of another principal that the client has is not even asked for', async () => {
  const other = await dev.token('agent-2', { email: 'agent-2@example.com' });
  const client = new pg.Client({ connectionString: `${url()}?application_name=whose`, password: other });
  await client.connect();
  await client.query('select 1');
  await client.end();
  const sessions = await dev.json<Record<string, unknown>[]>('audit', 'sessions');
  assert.doesNotMatch(JSON.stringify(sessions), /agent-2/);
});

test('a client that does not read slows its own tunnel and nobody else, and what waits for it is bounded', async () => {
  const slow = await raw.RawClient.connect(at);
  await slow.login({ user: 'agent', database: 'shop' });
  slow.socket.pause();
  for (let n = 0; n < 4; n++) slow.send(raw.query("select repeat('x', 10000000)"));
  const quick = new pg.Client({ connectionString: url() });
  await quick.connect();
  assert.equal((await quick.query('select 5 as n')).rows[0].n, 5);
  await quick.end();
  slow.socket.resume();
  let bytes = 0;
  for (let n = 0; n < 4; n++) for (const { body } of await slow.untilReady(20_000)) bytes += body.length;
  assert.ok(bytes > 40_000_000, `${bytes}`);
  slow.destroy();
});

test('Ctrl-C ends the near end at once, with clients connected', async () => {
  const local = await startNear(['--url', dev.ready.http, '--token-env', 'T', '--listen', '127.0.0.1:0'], {
    T: token,
  });
  const client = await raw.RawClient.connect({ port: Number(local.at.split(':')[1]) });
  await client.login({ user: 'agent', database: 'shop' });
  assert.equal(await local.stop(), 0);
  await client.untilClosed();
});

test('when the proxy goes away the client is told with the connection’s end', async () => {
  const server = createTcp(socket => socket.destroy());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const local = await startNear(
    ['--url', `http://127.0.0.1:${port}`, '--token-env', 'T', '--listen', '127.0.0.1:0'],
    { T: token },
  );
  const client = await raw.RawClient.connect({ port: Number(local.at.split(':')[1]) });
  client.send(raw.startup({ user: 'agent', database: 'shop' }));
  const [error] = await client.untilClosed();
  assert.match(raw.fields(error!).M ?? '', /cannot be reached/);
  assert.equal(await local.stop(), 0);
  server.close();
});

function ended(ws: WebSocket): Promise<number> {
  ws.on('error', () => {});
  return new Promise(resolve => ws.once('close', resolve));
}
