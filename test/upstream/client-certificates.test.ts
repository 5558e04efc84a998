import assert from 'node:assert/strict';
import { chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { connectUpstream, type UpstreamConnection, type UpstreamOptions } from '#proxy/upstream/connect.ts';
import { startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { type Authority, createAuthority, type Issued, text } from '#test/tls/authority.ts';
import { optionsFor, refusal, SECRET } from './support.ts';

/** Roles, each let in by another line of pg_hba.conf, and only over TLS. */
const ROLES = {
  certified: 'cert',
  twofold: 'scram-sha-256 clientcert=verify-full',
  chained: 'scram-sha-256 clientcert=verify-ca',
  scrammed: 'scram-sha-256',
  md5ed: 'md5',
  plain: 'password',
  trusted: 'trust',
} as const;
type RoleName = keyof typeof ROLES;

let server: TestPostgres;
let authority: Authority;
let stranger: Authority;
const open = new Set<UpstreamConnection>();

before(async () => {
  authority = createAuthority();
  stranger = createAuthority();
  server = await startPostgres();
  const cluster = join(server.dir, 'cluster');
  const { uid, gid } = statSync(cluster);
  const own = authority.issue('server', 'localhost');
  for (const [from, name] of [
    [own.cert, 'server.crt'],
    [own.key, 'server.key'],
    [authority.ca, 'root.crt'],
  ] as const) {
    const to = join(cluster, name);
    copyFileSync(from, to);
    chownSync(to, uid, gid);
  }
  for (const role of Object.keys(ROLES)) {
    const encryption = role === 'md5ed' ? 'md5' : 'scram-sha-256';
    await server.query(
      `set password_encryption = '${encryption}'; create role ${role} login password '${SECRET}'`,
    );
  }
  const lines = Object.entries(ROLES).flatMap(([role, method]) => [
    `hostssl all ${role} 127.0.0.1/32 ${method}`,
    `hostnossl all ${role} 127.0.0.1/32 reject`,
  ]);
  const hba = join(cluster, 'pg_hba.conf');
  writeFileSync(hba, `${lines.join('\n')}\n${readFileSync(hba, 'utf8')}`);
  await server.query(`alter system set ssl = on`);
  await server.query(`alter system set ssl_ca_file = 'root.crt'`);
  await server.query('select pg_reload_conf()');
  await waitFor(async () => (await server.query<{ ssl: string }>('show ssl'))[0]?.ssl === 'on', {
    what: 'the server has TLS',
  });
});
after(() => {
  for (const { socket } of open) socket.destroy();
});

function to(user: RoleName, more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  const line = { host: 'localhost', tls: 'verify-full', ca: text(authority.ca) } as const;
  return optionsFor(server.port, { user, database: 'postgres', ...line, ...more });
}

const pem = ({ cert, key }: Issued) => ({ cert: text(cert), key: text(key) });

/** Connects; gives what the server knows of the session. */
async function seen(options: UpstreamOptions) {
  const upstream = await connectUpstream(options);
  open.add(upstream);
  const [row] = await server.query<{ usename: string; ssl: boolean; client_dn: string | null }>(
    'select usename, ssl, client_dn from pg_stat_activity join pg_stat_ssl using (pid) where pid = $1',
    { values: [upstream.processId] },
  );
  assert.ok(row !== undefined);
  return row;
}

test('a client certificate logs its role in without a password', async () => {
  const client = pem(authority.issue('certified', 'certified'));
  assert.deepEqual(await seen(to('certified', { password: null, client })), {
    usename: 'certified',
    ssl: true,
    client_dn: '/CN=certified',
  });
});

test('a role without one, or with one of another name or authority, is refused by the server', async () => {
  await refusal(to('certified', { password: null }));
  for (const client of [
    pem(authority.issue('other', 'somebody')),
    pem(stranger.issue('certified', 'certified')),
  ])
    await refusal(to('certified', { password: null, client }));
});

test('a server that lets a certificate in where a password was expected is refused', async () => {
  const client = pem(authority.issue('again', 'certified'));
  assert.match((await refusal(to('certified', { client }))).detail ?? '', /without any proof/);
});

test('clientcert=verify-full wants certificate and password, verify-ca any certificate of the authority', async () => {
  const client = pem(authority.issue('twofold', 'twofold'));
  assert.equal((await seen(to('twofold', { client }))).client_dn, '/CN=twofold');
  await refusal(to('twofold'));
  await refusal(to('twofold', { client, password: 'some-0ther-secret' }));
  await refusal(to('twofold', { client: pem(authority.issue('other2', 'somebody')) }));
  const any = await seen(to('chained', { client: pem(authority.issue('other3', 'somebody')) }));
  assert.equal(any.client_dn, '/CN=somebody');
});

test('a certificate and a key that do not belong together, or are none, are told as such and the key is not', async () => {
  const mine = pem(authority.issue('mine', 'certified'));
  const other = pem(authority.issue('others', 'certified'));
  for (const client of [
    { cert: mine.cert, key: other.key },
    { cert: mine.cert, key: SECRET },
    { cert: SECRET, key: mine.key },
  ]) {
    const error = await refusal(to('certified', { client }));
    assert.equal(error.detail, 'the client certificate or its key cannot be used');
    assert.ok(!JSON.stringify([error, String(error.cause)]).includes('PRIVATE KEY'));
  }
});

test('each weak way over TLS is refused unless the target lists it, and then works', async () => {
  for (const [user, weak] of [
    ['md5ed', 'md5'],
    ['plain', 'cleartext'],
    ['trusted', 'trust'],
  ] as const) {
    await refusal(to(user));
    await refusal(to(user, { weakAuth: (['md5', 'cleartext', 'trust'] as const).filter(w => w !== weak) }));
    assert.equal((await seen(to(user, { weakAuth: [weak] }))).usename, user);
  }
});

test('verify-ca takes any name of the authority, and no other authority; require takes anything', async () => {
  const elsewhere = { host: '127.0.0.1' };
  await refusal(to('scrammed', elsewhere));
  assert.equal((await seen(to('scrammed', { ...elsewhere, tls: 'verify-ca' }))).ssl, true);
  await refusal(to('scrammed', { ...elsewhere, tls: 'verify-ca', ca: text(stranger.ca) }));
  await refusal(to('scrammed', { ...elsewhere, tls: 'verify-ca', ca: undefined }));
  assert.equal((await seen(to('scrammed', { ...elsewhere, tls: 'require', ca: undefined }))).ssl, true);
});

test('TLS may begin at once, with certificate, name and channel binding as otherwise', async () => {
  const direct = { negotiation: 'direct' } as const;
  assert.equal((await seen(to('scrammed', direct))).ssl, true);
  const client = pem(authority.issue('direct', 'certified'));
  assert.equal(
    (await seen(to('certified', { ...direct, password: null, client }))).client_dn,
    '/CN=certified',
  );
  await refusal(to('scrammed', { ...direct, host: '127.0.0.1' }));
  await refusal(to('scrammed', { ...direct, ca: text(stranger.ca) }));
});

test('a TLS server that does not say that it speaks Postgres is not talked to directly, and refusing it in the very event of its handshake does not end the process', async () => {
  const own = authority.issue('web', 'localhost');
  let told = 0;
  const web = createServer(socket => {
    socket.on('error', () => {});
    const inner = new TLSSocket(socket, { isServer: true, cert: text(own.cert), key: text(own.key) });
    inner.on('error', () => {});
    inner.on('data', bytes => {
      told += bytes.length;
    });
  });
  await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  const error = await refusal(to('scrammed', { port, negotiation: 'direct' }));
  web.close();
  assert.match(error.detail ?? '', /application protocol/);
  assert.equal(told, 0);
});

test('an agent’s session runs on a client certificate of the target, and the record names its files and no more', async () => {
  const files = authority.issue('session', 'certified');
  const query = new URLSearchParams({
    sslmode: 'verify-full',
    sslrootcert: authority.ca,
    sslcert: files.cert,
    sslkey: files.key,
    sslnegotiation: 'direct',
  });
  const target = `postgres://certified@localhost:${server.port}/postgres?${query}`;
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(
    policy,
    `version: 1\naccess: [{ name: all, targets: ["*"], roles: ["*"] }]\nrules: [{ name: all, verdict: allow }]\n`,
  );
  const dev = await startDev({ args: ['--target', target, '--policy', policy] });
  const client = await RawClient.connect({ port: dev.pgPort });
  await client.login({ user: 'certified', database: 'postgres', password: await dev.token('agent-1') });
  client.destroy();
  const [session] = await dev.json<{ session: string }[]>('audit', 'sessions');
  const [opened] = await dev.json<{ body: { credential: string } }[]>('audit', 'show', session!.session);
  const version = opened?.body.credential ?? '';
  assert.ok(version.startsWith(`file:${files.cert}@`) && version.includes(` file:${files.key}@`), version);
});
