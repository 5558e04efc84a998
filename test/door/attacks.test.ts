import assert from 'node:assert/strict';
import { connect as tcp } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { type ConnectionOptions, type TLSSocket, connect as tls } from 'node:tls';
import { type Gate, HEAD, startGate } from '#test/session/support.ts';
import { startPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { type Authority, createAuthority, text } from '#test/tls/authority.ts';

let authority: Authority;
/** With TLS, and without. */
let encrypted: Gate;
let plain: Gate;
const sockets = new Set<{ destroy(): void }>();
const STARTUP = raw.startup({ user: 'agent', database: 'shop' });

before(async () => {
  authority = createAuthority();
  const { cert, key } = authority.issue('own');
  const head = `${HEAD}limits: { startup: 2s, unproven: 60 }\n`;
  const rules = '  - { name: all, verdict: allow }\n';
  encrypted = await startGate(rules, { head, args: ['--tls-cert', cert, '--tls-key', key] });
  plain = await startGate(rules, { head });
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
after(() => {
  assert.equal(encrypted.dev.process.exitCode, null, 'the proxy lives');
  assert.equal(plain.dev.process.exitCode, null, 'the proxy lives');
});

/** An honest agent comes in and works. */
async function honest(gate = encrypted): Promise<void> {
  const client = await gate.agent();
  client.send(raw.query('select 1'));
  assert.match(raw.outline(await client.untilReady()), /C:SELECT 1/);
  client.destroy();
}

function over(options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls({
      ...{ port: encrypted.dev.pgPort, host: '127.0.0.1', ca: text(authority.ca) },
      ...{ ALPNProtocols: ['postgresql'], ...options },
    });
    sockets.add(socket);
    socket.once('secureConnect', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** A connection that sends these bytes, waits for `answer` in between, and gives what came when it is closed. */
function bare(steps: readonly { readonly send: Buffer; readonly answer?: string }[]): Promise<string> {
  return new Promise(resolve => {
    const socket = tcp(encrypted.dev.pgPort, '127.0.0.1');
    sockets.add(socket);
    let said = '';
    let at = 0;
    const next = () => {
      const step = steps[at];
      if (step !== undefined && (at === 0 || said.endsWith(steps[at - 1]?.answer ?? ''))) {
        at += 1;
        socket.write(step.send);
      }
    };
    socket.on('connect', next);
    socket.on('error', () => {});
    socket.on('data', data => {
      said += data.toString('latin1');
      next();
    });
    socket.on('close', () => resolve(said));
  });
}

/** The first bytes of a TLS client. */
const HELLO = Buffer.from('16030100c8010000c40303', 'hex');

test('clients that stop in the middle of a TLS handshake are cut at the deadline without a word, and keep nobody out', async () => {
  const slow = [
    ...[1, 5, 6, HELLO.length].map(length => [{ send: HELLO.subarray(0, length) }]),
    [{ send: raw.sslRequest(), answer: 'S' }],
    [{ send: raw.sslRequest(), answer: 'S' }, { send: HELLO }],
    [{ send: raw.sslRequest().subarray(0, 3) }],
    [],
  ];
  const all = Promise.all(Array.from({ length: 48 }, (_, i) => bare(slow[i % slow.length] ?? [])));
  for (let i = 0; i < 3; i++) await honest();
  for (const said of await all) assert.match(said, /^S?$|^S?E.*C08006/s);
  await honest();
});

test('more silent clients than may wait unproven do not keep an honest one out', async () => {
  const flood = Promise.all(Array.from({ length: 150 }, () => bare([{ send: HELLO.subarray(0, 6) }])));
  await honest();
  await flood;
  await honest();
});

test('bytes behind SSLRequest or GSSENCRequest are refused, with TLS and without, as the server does', async () => {
  const server = await startPostgres({ trust: true });
  const direct = async (port: number, packet: Buffer) => {
    const client = await raw.RawClient.connect({ port });
    client.send(packet, STARTUP);
    assert.equal(await client.byte(), 'N');
    const [frame] = await client.untilClosed();
    const { S, C, M, D } = raw.fields(frame!);
    return { S, C, M, D };
  };
  for (const packet of [raw.sslRequest(), raw.gssEncRequest()])
    assert.deepEqual(await direct(plain.dev.pgPort, packet), await direct(server.port, packet));
  assert.match(await bare([{ send: Buffer.concat([raw.sslRequest(), STARTUP]) }]), /^E.*unencrypted data/s);
  assert.match(
    await bare([{ send: Buffer.concat([raw.gssEncRequest(), raw.sslRequest()]) }]),
    /^NE.*unencrypted/s,
  );
});

test('SSLRequest twice, SSLRequest in place of a handshake, and a start-up packet there, end the connection', async () => {
  for (const second of [raw.sslRequest(), STARTUP, raw.gssEncRequest(), raw.cancelRequest(1, raw.int32(1))]) {
    const said = await bare([{ send: raw.sslRequest(), answer: 'S' }, { send: second }]);
    // TLS may answer with an alert; no word of Postgres comes.
    assert.match(said, /^S(\u0015\u0003.*)?$/s);
  }
  const twice = await raw.RawClient.connect({ port: plain.dev.pgPort });
  for (const answer of ['N', 'E']) {
    twice.send(raw.sslRequest());
    assert.equal(await twice.byte(), answer);
  }
  await honest();
});

test('a start-up packet behind a cancel request, or a second cancel request, is not read', async () => {
  for (const second of [STARTUP, raw.cancelRequest(2, raw.int32(2)), raw.sslRequest()]) {
    const client = await raw.RawClient.connect({ port: plain.dev.pgPort });
    client.send(raw.cancelRequest(1, raw.int32(1)), second);
    assert.deepEqual(await client.untilClosed(), []);
  }
});

test('a client that wants to renegotiate TLS 1.2 is told no, and its session goes on', async () => {
  const socket = await over({ maxVersion: 'TLSv1.2' });
  const outcome = await new Promise<string>(resolve => {
    socket.removeAllListeners('error');
    socket.on('error', error => resolve(error.message));
    socket.on('close', () => resolve('closed'));
    socket.renegotiate({}, error => resolve(error === null ? 'renegotiated' : error.message));
  });
  assert.match(outcome, /no.renegotiation|closed/i);
  await honest();
});

test('a connection reset at any point of the handshake does not end the proxy', async () => {
  const hellos = [HELLO, HELLO.subarray(0, 6), Buffer.concat([HELLO, Buffer.alloc(300, 1)])];
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const socket = tcp(encrypted.dev.pgPort, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise(resolve => socket.once('connect', resolve));
      const bytes = i % 2 === 0 ? (hellos[i % 3] ?? HELLO) : raw.sslRequest();
      await new Promise(resolve => socket.write(bytes, resolve));
      if (i % 4 === 1) await new Promise(resolve => socket.once('data', resolve));
      socket.resetAndDestroy();
    }),
  );
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const socket = await over();
      socket.removeAllListeners('error');
      socket.on('error', () => {});
      if (i % 2 === 0) socket.write(STARTUP);
      socket.destroy();
    }),
  );
  await honest();
});
