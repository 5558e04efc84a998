import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { needsTls } from '#proxy/door/clear.ts';
import { Entrance } from '#proxy/door/entrance.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Agents } from '#schemas/policy.ts';
import { type Gate, HEAD, startGate } from '#test/session/support.ts';
import { lacks } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { openRaw } from '#test/tunnel/fixtures.ts';
import { type Authority, createAuthority, text } from './authority.ts';

let authority: Authority;
let gate: Gate;
const servers = new Set<Server>();

before(async () => {
  authority = createAuthority();
  const { cert, key } = authority.issue('own');
  gate = await startGate('  - { name: all, verdict: allow }\n', {
    head: `${HEAD}agents: { tls: required }\n`,
    args: ['--tls-cert', cert, '--tls-key', key],
  });
});
after(() => {
  for (const server of servers) server.close();
});

test('in the clear an agent gets an ordinary error before it is asked for anything', async () => {
  for (const first of [[], [raw.gssEncRequest()]]) {
    const client = await raw.RawClient.connect({ port: gate.dev.pgPort });
    for (const packet of first) {
      client.send(packet);
      assert.equal(await client.byte(), 'N');
    }
    client.send(raw.startup({ user: 'agent', database: 'shop' }));
    const frames = await client.untilClosed();
    assert.deepEqual(
      frames.map(frame => frame.type),
      ['E'],
    );
    const said = raw.fields(frames[0]!);
    assert.deepEqual([said.S, said.C, said.M], ['FATAL', '28000', 'this connection has to use TLS']);
    assert.match(said.H ?? '', /sslmode=verify-full/);
  }
});

test('inside TLS it is asked, and the record has the version of TLS', async () => {
  const connectionString = gate.dev.url(gate.token);
  const client = new pg.Client({ connectionString, ssl: { ca: text(authority.ca) } });
  await client.connect();
  assert.equal((await client.query('select 42 as n')).rows[0].n, 42);
  await client.end();
  const [session] = await gate.dev.json<{ session: string }[]>('audit', 'sessions');
  const [opened] = await gate.dev.json<{ body: { arrival?: unknown } }[]>(
    ...['audit', 'show', session!.session],
  );
  const arrival = { transport: 'tcp', tls: 'TLSv1.3', authentication: 'password' };
  assert.deepEqual(opened?.body.arrival, arrival);
  const story = await gate.dev.cli('audit', 'replay', session!.session);
  assert.match(story.stdout, /over TLSv1\.3, token by password/);
});

test('psql that tries without TLS first goes on to TLS by itself', { skip: lacks('psql') }, async () => {
  for (const [mode, code] of [
    ['allow', 0],
    ['prefer', 0],
    ['disable', 2],
  ] as const) {
    const said = await gate.dev.psql(gate.token, 'select 6 * 7', { args: ['-At'], env: { PGSSLMODE: mode } });
    assert.equal(said.code, code, `${mode}: ${said.stderr}`);
    if (code === 2) assert.match(said.stderr, /this connection has to use TLS/);
  }
});

test('a cancel request is taken in the clear: it has no token, and older clients know no other way', async () => {
  const client = await raw.RawClient.connect({ port: gate.dev.pgPort });
  client.send(raw.cancelRequest(1, raw.int32(1)));
  assert.deepEqual(await client.untilClosed(), []);
});

test('the tunnel has to come over https then, here or at the gateway in front', async () => {
  const headers = { authorization: `Bearer ${gate.token}` };
  await assert.rejects(openRaw(gate.dev.ready.http, headers), /403 this tunnel takes tokens over https only/);
  for (const told of ['http', 'http, https'])
    await assert.rejects(openRaw(gate.dev.ready.http, { ...headers, 'x-forwarded-proto': told }), /403/);
  const ws = await openRaw(gate.dev.ready.http, { ...headers, 'x-forwarded-proto': 'https' });
  ws.terminate();
});

/** A door with this rule on all addresses of this machine; gives what it makes of one client at `host` who does not encrypt. */
async function doorAt(rule: Agents['tls'], host: string): Promise<string> {
  const seen = Promise.withResolvers<string>();
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    const entrance = new Entrance(socket, { clearRefused: needsTls(rule, socket) });
    entrance.first().then(
      packet => seen.resolve(packet?.kind ?? 'nothing'),
      (error: unknown) => {
        seen.resolve(error instanceof HoldpointError ? `${error.code}: ${error.hint}` : String(error));
        if (error instanceof HoldpointError) entrance.refuse(error);
      },
    );
  });
  servers.add(server);
  await new Promise<void>(resolve => server.listen({ port: 0, host: '::', ipv6Only: false }, resolve));
  server.unref();
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = await raw.RawClient.connect({ port: address.port, host });
  client.send(raw.startup({ user: 'agent', database: 'shop' }));
  const outcome = await seen.promise;
  client.destroy();
  server.close();
  return outcome;
}

const outside = Object.values(networkInterfaces())
  .flatMap(list => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test('by default only loopback may do without TLS: the same door at another address refuses', async context => {
  assert.equal(await doorAt('beyond-loopback', '127.0.0.1'), 'startup');
  assert.match(await doorAt('required', '127.0.0.1'), /^tls_required/);
  if (outside === undefined) return context.skip('this machine has no other address than loopback');
  assert.match(await doorAt('beyond-loopback', outside), /^tls_required: .*holdpoint connect/);
  assert.equal(await doorAt('optional', outside), 'startup');
});

test('a connection whose ends are not known is not taken for a local one', () => {
  const nowhere = { localAddress: undefined, remoteAddress: undefined };
  assert.equal(needsTls('beyond-loopback', nowhere as never), true);
});
