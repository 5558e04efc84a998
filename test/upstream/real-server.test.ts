import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket, connect as tcp } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket, connect as tlsConnect } from 'node:tls';
import { cancelUpstream } from '#proxy/upstream/cancel.ts';
import { connectUpstream, type UpstreamConnection, type UpstreamOptions } from '#proxy/upstream/connect.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { optionsFor, refusal, SECRET } from './support.ts';

const ROLES = { scrammed: 'scram-sha-256', md5ed: 'md5', plain: 'password', trusted: 'trust' } as const;

let server: TestPostgres;
let ca: string;
let otherCa: string;
let leaf: Leaf;
let rogue: Leaf;
const open = new Set<UpstreamConnection>();
const closing: (() => void)[] = [];

before(async () => {
  const dir = tempDir('authority');
  const own = authority(dir, 'own');
  ca = own.certificate;
  otherCa = authority(dir, 'other').certificate;
  leaf = certificate(dir, 'own', 'localhost', 'leaf');
  rogue = certificate(dir, 'own', 'localhost', 'rogue');
  server = await startPostgres();
  const cluster = join(server.dir, 'cluster');
  const { uid, gid } = statSync(cluster);
  for (const [from, to] of [
    [leaf.certificateFile, 'server.crt'],
    [leaf.keyFile, 'server.key'],
  ] as const) {
    copyFileSync(from, join(cluster, to));
    execFileSync('chmod', ['600', join(cluster, to)]);
    chownSync(join(cluster, to), uid, gid);
  }
  for (const role of Object.keys(ROLES)) {
    const encryption = role === 'md5ed' ? 'md5' : 'scram-sha-256';
    await server.query(
      `set password_encryption = '${encryption}'; create role ${role} login password '${SECRET}'`,
    );
  }
  const lines = Object.entries(ROLES).map(([role, method]) => `host all ${role} 127.0.0.1/32 ${method}`);
  const hba = join(cluster, 'pg_hba.conf');
  writeFileSync(hba, `${lines.join('\n')}\n${readFileSync(hba, 'utf8')}`);
  await server.query(`alter system set ssl = on`);
  await server.query('select pg_reload_conf()');
  await waitFor(async () => (await server.query<{ ssl: string }>('show ssl'))[0]?.ssl === 'on', {
    what: 'the server has TLS',
  });
});
after(() => {
  for (const { socket } of open) socket.destroy();
  for (const close of closing) close();
});

const to = (user: keyof typeof ROLES, more: Partial<UpstreamOptions> = {}) =>
  optionsFor(server.port, { user, database: 'postgres', ...more });

async function connect(options: UpstreamOptions): Promise<UpstreamConnection> {
  const upstream = await connectUpstream(options);
  open.add(upstream);
  return upstream;
}

/** Of the session with this process id, as the server sees it. */
async function seen(pid: number): Promise<{ usename: string; ssl: boolean; version: string | null }> {
  const [row] = await server.query<{ usename: string; ssl: boolean; version: string | null }>(
    'select usename, ssl, version from pg_stat_activity join pg_stat_ssl using (pid) where pid = $1',
    { values: [pid] },
  );
  assert(row !== undefined, 'the server knows no such session');
  return row;
}

test('SCRAM logs in with no word of it in the policy', async () => {
  const upstream = await connect(to('scrammed', { parameters: new Map([['application_name', 'tested']]) }));
  assert.equal((await seen(upstream.processId)).usename, 'scrammed');
  assert.match(upstream.serverVersion, /^18/);
  assert.equal(upstream.parameters.get('application_name'), 'tested');
});

test('weaker ways log in where the policy lists them, and nowhere else', async () => {
  for (const [user, weak] of [
    ['md5ed', 'md5'],
    ['plain', 'cleartext'],
    ['trusted', 'trust'],
  ] as const) {
    await refusal(to(user));
    const upstream = await connect(to(user, { weakAuth: [weak] }));
    assert.equal((await seen(upstream.processId)).usename, user);
  }
});

test('a wrong password is a refusal that tells no password', async () => {
  for (const [user, weakAuth] of [
    ['scrammed', []],
    ['md5ed', ['md5']],
    ['plain', ['cleartext']],
  ] as const) {
    const error = await refusal(to(user, { password: 'some-0ther-secret', weakAuth: [...weakAuth] }));
    assert.match(`${error.message} ${error.detail}`, /28P01/);
  }
});

test('TLS with a verified chain and name logs in', async () => {
  const upstream = await connect(to('scrammed', { host: 'localhost', tls: 'verify-full', ca }));
  const { ssl, version } = await seen(upstream.processId);
  assert.deepEqual([ssl, version], [true, 'TLSv1.3']);
});

test('a certificate for another name is refused by verify-full, and accepted by require', async () => {
  await refusal(to('scrammed', { host: '127.0.0.1', tls: 'verify-full', ca }));
  const upstream = await connect(to('scrammed', { host: '127.0.0.1', tls: 'require', ca }));
  assert.equal((await seen(upstream.processId)).ssl, true);
});

test('a chain that ends elsewhere is refused, by require too when an authority is given', async () => {
  await refusal(to('scrammed', { host: 'localhost', tls: 'verify-full', ca: otherCa }));
  await refusal(to('scrammed', { host: 'localhost', tls: 'verify-full' }));
  await refusal(to('scrammed', { host: 'localhost', tls: 'require', ca: otherCa }));
});

test('SCRAM over TLS is bound to the certificate: a relay with another certificate of the same name and authority gets nowhere', async () => {
  const options = (port: number) => to('scrammed', { port, host: 'localhost', tls: 'verify-full', ca });
  const honest = await tlsRelay(leaf);
  const through = await connect(options(honest.port));
  assert.equal((await seen(through.processId)).ssl, true, 'the relay itself works');
  const relay = await tlsRelay(rogue);
  const error = await refusal(options(relay.port));
  assert.match(`${error.detail}`, /SQLSTATE/, 'the server itself refused, at the end of SCRAM');
  assert.equal(relay.connections(), 1);
});

test('cancel ends what the session runs, with TLS and without', async () => {
  for (const line of [{ tls: 'disable' }, { host: 'localhost', tls: 'verify-full', ca }] as const) {
    const options = to('scrammed', line);
    const upstream = await connect(options);
    const { processId, secretKey } = upstream;
    const answer = new Promise<string>(resolve => {
      let said = '';
      upstream.socket.on('data', (data: Buffer) => {
        said += data.toString('latin1');
        if (said.includes('57014')) resolve(said);
      });
      upstream.socket.on('close', () => resolve(said));
    });
    upstream.socket.resume();
    const sql = Buffer.from('select pg_sleep(60)\0');
    const head = Buffer.alloc(5);
    head.write('Q');
    head.writeInt32BE(4 + sql.length, 1);
    upstream.socket.write(Buffer.concat([head, sql]));
    await waitFor(
      async () => {
        const rows = await server.query(
          `select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`,
          {
            values: [processId],
          },
        );
        return rows.length === 1;
      },
      { what: 'the statement runs' },
    );
    await cancelUpstream({ ...options, processId, secretKey, deadlineMs: 5_000 });
    assert.match(await answer, /57014/);
  }
});

/** Ends the client's TLS with a certificate of its own and begins one to the server: what a man in the middle does. */
async function tlsRelay(own: Leaf): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const relay = createServer(client => {
    connections += 1;
    const there = tcp(server.port, '127.0.0.1');
    for (const socket of [client, there]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.once('data', sslRequest => {
      there.write(sslRequest);
      there.once('data', () => {
        const inner = tlsConnect({ socket: there, rejectUnauthorized: false, ALPNProtocols: ['postgresql'] });
        client.write('S');
        const outer = new TLSSocket(client, {
          isServer: true,
          cert: readFileSync(own.certificateFile),
          key: readFileSync(own.keyFile),
          ALPNProtocols: ['postgresql'],
        });
        for (const socket of [inner, outer]) socket.on('error', () => client.destroy());
        outer.pipe(inner).pipe(outer);
      });
    });
  });
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  return { port: (relay.address() as AddressInfo).port, connections: () => connections };
}

function openssl(dir: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

function authority(dir: string, name: string): { certificate: string } {
  openssl(
    dir,
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name} test authority`],
  );
  return { certificate: readFileSync(join(dir, `${name}.crt`), 'utf8') };
}

interface Leaf {
  readonly certificateFile: string;
  readonly keyFile: string;
}

function certificate(dir: string, issuer: string, host: string, name: string): Leaf {
  openssl(
    dir,
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${host}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  writeFileSync(join(dir, `${name}.ext`), `subjectAltName=DNS:${host}\n`);
  openssl(
    dir,
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`],
    ...['-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
  );
  return { certificateFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) };
}
