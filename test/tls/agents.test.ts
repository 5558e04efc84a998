import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect as tcp } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, type TLSSocket, connect as tls } from 'node:tls';
import pg from 'pg';
import postgres from 'postgres';
import { type Dev, startDev } from '#test/support/dev.ts';
import { lacks } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { type Authority, createAuthority, type Issued, text } from './authority.ts';

let authority: Authority;
let files: Issued;
let dev: Dev;
let token: string;
const sockets = new Set<{ destroy(): void }>();

before(async () => {
  authority = createAuthority();
  const dir = tempDir('tls');
  files = { cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') };
  install(authority.issue('first'));
  dev = await startDev({ args: ['--tls-cert', files.cert, '--tls-key', files.key] });
  token = await dev.token('agent-1', { email: 'agent-1@example.com' });
});
after(() => {
  for (const socket of sockets) socket.destroy();
});

const withPsql = { skip: lacks('psql') };

test('psql connects with sslmode=require and verify-full, and says that TLS is on', withPsql, async () => {
  const modes: Record<string, string>[] = [
    { PGSSLMODE: 'require' },
    { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authority.ca, PGHOST: 'localhost' },
    { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authority.ca, PGSSLMINPROTOCOLVERSION: 'TLSv1.3' },
    { PGSSLMODE: 'require', PGSSLMAXPROTOCOLVERSION: 'TLSv1.2' },
  ];
  for (const env of modes) {
    const said = await dev.psql(token, 'select 6 * 7', '\\conninfo', { args: ['-At'], env });
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stdout, /^42$/m);
    assert.match(said.stdout, /SSL connection \(protocol: TLSv1\.[23]/);
  }
  const clear = await dev.psql(token, 'select 6 * 7', { args: ['-At'], env: { PGSSLMODE: 'disable' } });
  assert.deepEqual(clear, { code: 0, stdout: '42\n', stderr: '' });
});

test('an error at start-up reaches psql inside TLS', withPsql, async () => {
  const refused = await dev.psql('no token', 'select 1', { env: { PGSSLMODE: 'require' } });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /the token was not accepted/);
});

test('psql with verify-full refuses an authority that it does not know', withPsql, async () => {
  const other = createAuthority();
  const env = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: other.ca };
  const refused = await dev.psql(token, 'select 1', { env });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /certificate verify failed/);
});

test('node-postgres connects by SSLRequest and by direct TLS, postgres.js by SSLRequest', async () => {
  const ssl = { ca: text(authority.ca) };
  for (const sslNegotiation of ['postgres', 'direct'] as const) {
    const client = new pg.Client({ connectionString: dev.url(token), ssl, ...{ sslNegotiation } });
    await client.connect();
    const { rows } = await client.query('select $1::int + 1 as n', [41]);
    assert.deepEqual(rows, [{ n: 42 }]);
    await client.end();
  }
  const sql = postgres(dev.url(token), { ssl, max: 1 });
  assert.deepEqual([...(await sql`select 42 as n`)], [{ n: 42 }]);
  await sql.end();
});

test('a value of several megabytes comes through TLS whole', async () => {
  const client = new pg.Client({ connectionString: dev.url(token), ssl: { ca: text(authority.ca) } });
  await client.connect();
  const { rows } = await client.query("select repeat('0123456789', 800000) as t");
  assert.equal(rows[0].t, '0123456789'.repeat(800_000));
  await client.end();
});

test('direct TLS needs ALPN postgresql: without it, or with another, the connection ends before a word of Postgres', async () => {
  const good = await direct({ ALPNProtocols: ['postgresql'] });
  assert.equal(good.alpnProtocol, 'postgresql');
  good.write(raw.startup({ user: 'agent', database: 'shop' }));
  assert.equal((await chunk(good))[0], 0x52);
  const without = await direct({});
  without.write(raw.startup({ user: 'agent', database: 'shop' }));
  const answer = await untilClosed(without);
  assert.match(answer.toString('latin1'), /^E.*08P01.*direct TLS needs the application protocol/s);
  await assert.rejects(direct({ ALPNProtocols: ['http/1.1'] }), /no application protocol|alert|reset/i);
});

test('TLS before 1.2 is refused', async () => {
  const old = { ALPNProtocols: ['postgresql'], minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;
  await assert.rejects(direct({ ...old, ciphers: 'DEFAULT@SECLEVEL=0' }), /alert|version|unsupported|reset/i);
});

test('bytes behind SSLRequest are refused before the handshake, whatever they are', async () => {
  const hello = await clientHello();
  for (const stuffed of [raw.startup({ user: 'agent', database: 'shop' }), Buffer.from('x'), hello]) {
    const client = await raw.RawClient.connect({ port: dev.pgPort });
    client.send(raw.sslRequest(), stuffed);
    const frames = await client.untilClosed();
    assert.equal(raw.outline(frames.slice(0, 1)).slice(0, 1), 'E');
    assert.match(raw.fields(frames[0]!).M ?? '', /unencrypted data after SSL request/);
  }
});

test('inside TLS neither SSLRequest nor GSSENCRequest nor a second ClientHello is taken', async () => {
  const answers = [
    [raw.sslRequest(), /^E.*08P01/s],
    [raw.gssEncRequest(), /^E.*08P01/s],
    // No start-up packet at all: the server closes without a word, too.
    [await clientHello(), /^$/],
  ] as const;
  for (const [second, answer] of answers) {
    const socket = await direct({ ALPNProtocols: ['postgresql'] });
    socket.write(second);
    assert.match((await untilClosed(socket)).toString('latin1'), answer);
  }
});

test('GSSENCRequest is answered with N and TLS may follow, once', async () => {
  const client = await raw.RawClient.connect({ port: dev.pgPort });
  client.send(raw.gssEncRequest());
  assert.equal(await client.byte(), 'N');
  client.send(raw.sslRequest());
  assert.equal(await client.byte(), 'S');
  client.destroy();
  const twice = await raw.RawClient.connect({ port: dev.pgPort });
  twice.send(raw.gssEncRequest());
  assert.equal(await twice.byte(), 'N');
  twice.send(raw.gssEncRequest());
  assert.match(raw.fields((await twice.untilClosed())[0]!).M ?? '', /too many encryption requests/);
});

test('a handshake of garbage, one that breaks off and one that stops half-way hinder nobody', async () => {
  const hello = await clientHello();
  const attempts = [
    Buffer.concat([Buffer.from([0x16, 3, 1, 0, 5]), Buffer.from('xxxxx')]),
    hello.subarray(0, 20),
    Buffer.from([0x16]),
    Buffer.concat([hello, Buffer.alloc(1000, 0x17)]),
  ];
  for (const bytes of attempts) {
    const socket = tcp(dev.pgPort, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write(bytes);
  }
  const cut = tcp(dev.pgPort, '127.0.0.1');
  cut.on('error', () => {});
  cut.write(hello.subarray(0, 50), () => cut.resetAndDestroy());
  const read = new pg.Client({ connectionString: dev.url(token), ssl: { ca: text(authority.ca) } });
  await read.connect();
  assert.equal((await read.query('select 1 as one')).rows[0].one, 1);
  await read.end();
});

test('a cancel request over TLS cancels what runs', async () => {
  const client = new pg.Client({ connectionString: dev.url(token), ssl: { ca: text(authority.ca) } });
  await client.connect();
  const held = client.query('delete from payments');
  const failed = assert.rejects(held, { code: '57014' });
  const id = await dev.held();
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const socket = await direct({ ALPNProtocols: ['postgresql'] });
  socket.write(raw.cancelRequest(processID, raw.int32(secretKey)));
  assert.equal((await untilClosed(socket)).length, 0);
  await failed;
  assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
  await waitFor(
    async () => (await dev.approvals({ all: true })).find(one => one.id === id)?.state === 'withdrawn',
    { what: 'the hold is withdrawn' },
  );
  await client.end();
});

test('a certificate that changes is shown to those who come later, and open sessions go on; a broken one changes nothing', async () => {
  const client = new pg.Client({ connectionString: dev.url(token), ssl: { ca: text(authority.ca) } });
  await client.connect();
  const serial = async () => {
    const socket = await direct({ ALPNProtocols: ['postgresql'] });
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const first = await serial();
  install(authority.issue('second'));
  const changed = () =>
    waitFor(async () => (await serial()) !== first, { what: 'the new one is shown', everyMs: 200 });
  await changed();
  const second = await serial();
  assert.equal((await client.query('select 7 as n')).rows[0].n, 7);
  writeFileSync(files.key, text(authority.issue('third').key));
  await waitFor(() => dev.stderr.includes('the one before stays in use'), { what: 'the fault is told' });
  assert.equal(await serial(), second);
  assert.equal((await client.query('select 8 as n')).rows[0].n, 8);
  await client.end();
});

function install(issued: Issued): void {
  copyFileSync(issued.key, files.key);
  copyFileSync(issued.cert, files.cert);
}

/** A TLS connection without SSLRequest; rejects when the handshake fails. */
function direct(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls({ port: dev.pgPort, host: '127.0.0.1', ca: text(authority.ca), ...options });
    sockets.add(socket);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('close', () => reject(new Error('reset')));
    socket.on('error', reject);
  });
}

function chunk(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('close', () => reject(new Error('closed')));
  });
}

function untilClosed(socket: TLSSocket): Promise<Buffer> {
  const parts: Buffer[] = [];
  return new Promise(resolve => {
    socket.on('data', part => parts.push(part));
    socket.once('end', () => socket.end());
    socket.once('close', () => resolve(Buffer.concat(parts)));
  });
}

/** What a TLS client says first. */
function clientHello(): Promise<Buffer> {
  return import('node:net').then(
    ({ createServer }) =>
      new Promise((resolve, reject) => {
        const server = createServer(socket => {
          socket.on('error', () => {});
          socket.once('data', bytes => {
            socket.destroy();
            server.close();
            resolve(bytes);
          });
        });
        server.listen(0, '127.0.0.1', () => {
          const address = server.address();
          if (address === null || typeof address === 'string') return reject(new Error('no port'));
          const socket = tls({ port: address.port, host: '127.0.0.1', ALPNProtocols: ['postgresql'] });
          socket.on('error', () => socket.destroy());
        });
      }),
  );
}
