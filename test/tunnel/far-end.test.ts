import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { TunnelServer } from '#proxy/tunnel/server.ts';
import { HoldpointError } from '#schemas/errors.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { createAuthority, text } from '../tls/authority.ts';
import { openRaw, startNear } from './fixtures.ts';

const PING_MS = 60;
const accepted: { stream: Duplex; who: string }[] = [];
const seen: IncomingHttpHeaders[] = [];
const tunnel = new TunnelServer<string>({
  identify: async token => {
    if (token === 'slow') throw new HoldpointError('identity_unavailable');
    if (token === 'stranger') throw new HoldpointError('access_denied');
    if (token === 'bug') throw new TypeError('secret detail');
    return token;
  },
  accept: (stream, _address, who) => void accepted.push({ stream, who }),
  log: () => {},
  pingMs: PING_MS,
});
const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
http.on('upgrade', tunnel.upgrade).on('request', (_request, response) => response.end('page'));
before(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
after(() => {
  tunnel.close();
  http.close();
});

const url = () => `http://127.0.0.1:${(http.address() as { port: number }).port}`;
async function open(token: string): Promise<{ ws: WebSocket; stream: Duplex }> {
  const ws = await openRaw(url(), { authorization: `Bearer ${token}` });
  const { stream, who } = await waitFor(() => accepted.shift(), { what: 'the tunnel is accepted' });
  assert.equal(who, token);
  return { ws, stream };
}

test('refusals before the upgrade have the status of their kind, and no detail of a defect', async () => {
  const asked = (token: string) => openRaw(url(), { authorization: `Bearer ${token}` });
  await assert.rejects(asked('slow'), /503 the token cannot be verified right now/);
  await assert.rejects(asked('stranger'), /403/);
  await assert.rejects(asked('bug'), /^Error: 500 internal error of the proxy\n$/);
});

test('an offer of another protocol is ignored: the page is served', async () => {
  const { request } = await import('node:http');
  const asked = request(url(), { headers: { connection: 'upgrade', upgrade: 'h2c' } }).end();
  const [response] = await once(asked, 'response');
  assert.equal(response.statusCode, 200);
  response.resume();
});

test('a peer from which nothing comes any more is cut, and one that only answers pings is not', async () => {
  const { ws, stream } = await open('alive');
  const dead = await new Promise<WebSocket>((resolve, reject) => {
    const socket = new WebSocket(`${url().replace('http', 'ws')}/connect`, {
      headers: { authorization: 'Bearer dead' },
      autoPong: false,
    });
    socket.once('open', () => resolve(socket)).on('error', reject);
  });
  const silent = (await waitFor(() => accepted.shift(), { what: 'accepted' })).stream;
  let pings = 0;
  ws.on('ping', () => {
    pings += 1;
  });
  const [error] = await once(silent, 'error');
  assert.match(String(error), /does not answer/);
  await waitFor(() => pings > 8, { what: 'the other one goes on for long' });
  assert.equal(stream.destroyed, false);
  dead.terminate();
  ws.terminate();
});

test('a writer waits for a reader that lags, and a reader that lags is not read for', async () => {
  const { ws, stream } = await open('slow-reader');
  const beat = setInterval(() => ws.ping(), PING_MS / 2);
  ws.pause();
  const piece = Buffer.alloc(256 * 1024, 1);
  let taken = 0;
  const fill = () => {
    for (let room = !stream.destroyed; room && taken < 400; )
      room = stream.write(piece, () => {
        taken += 1;
      });
  };
  stream.on('drain', fill);
  fill();
  await waitFor(() => stream.writableLength > 0 && stream.writableNeedDrain, { what: 'the network is full' });
  const full = taken;
  await new Promise(resolve => setTimeout(resolve, 5 * PING_MS));
  assert.ok(
    taken - full < 40 && taken < 200,
    `${full}, then ${taken} pieces were taken by a reader that reads nothing`,
  );
  assert.ok(stream.writableLength < 4 * piece.length);
  assert.equal(stream.destroyed, false, 'it still pings: it is slow, not dead');
  ws.resume();
  await waitFor(() => taken > full + 50, { what: 'it goes on' });
  clearInterval(beat);
  stream.off('drain', fill);
  ws.terminate();

  const other = await open('flooder');
  for (let n = 0; n < 200; n++) other.ws.send(piece);
  await waitFor(() => other.ws.bufferedAmount > 0, { what: 'the network is full' });
  await new Promise(resolve => setTimeout(resolve, 5 * PING_MS));
  assert.ok(other.stream.readableLength < 2 * 1024 * 1024, `${other.stream.readableLength} bytes are kept`);
  assert.ok(other.ws.bufferedAmount > 10 * 1024 * 1024, 'the rest is still with the sender');
  other.ws.terminate();
});

test('a close frame is the end of the stream, behind everything sent before; a break destroys it', async () => {
  const { ws, stream } = await open('polite');
  ws.send(Buffer.from('last words'));
  ws.close();
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  assert.equal(Buffer.concat(parts).toString(), 'last words');
  const broken = await open('broken');
  broken.ws.terminate();
  const [error] = await once(broken.stream, 'error');
  assert.equal(error.code, 'ECONNRESET');
});

test('over https the near end sends the token for the proxy and the one for Cloud Run, each in its header', async () => {
  const authority = createAuthority();
  const files = authority.issue('https');
  const server = createHttps({ cert: text(files.cert), key: text(files.key) });
  server.on('upgrade', (request, socket, head) => {
    seen.push(request.headers);
    tunnel.upgrade(request, socket, head);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const args = ['--url', `https://localhost:${port}`, '--listen', '127.0.0.1:0', '--token-env', 'APP'];
  const env = { APP: 'app-token', IAM: 'iam-token', NODE_EXTRA_CA_CERTS: authority.ca };
  for (const more of [[], ['--iam-token-env', 'IAM']]) {
    const near = await startNear([...args, ...more], env);
    const client = await raw.RawClient.connect({ port: Number(near.at.split(':')[1]) });
    const { who, stream } = await waitFor(() => accepted.shift(), { what: 'the tunnel is accepted' });
    assert.equal(who, 'app-token');
    const headers = seen.shift();
    assert.equal(headers?.authorization, 'Bearer app-token');
    assert.equal(
      headers?.['x-serverless-authorization'],
      `Bearer ${more.length === 0 ? 'app' : 'iam'}-token`,
    );
    stream.end();
    stream.resume();
    await client.untilClosed();
    await near.stop();
  }
  const stranger = await startNear(args, { APP: 'app-token' });
  const client = await raw.RawClient.connect({ port: Number(stranger.at.split(':')[1]) });
  client.send(raw.startup({ user: 'agent' }));
  assert.match(raw.fields((await client.untilClosed())[0]!).M ?? '', /cannot be reached: .*certificate/);
  await stranger.stop();
  server.close();
});
