import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { HEAD } from '#test/session/support.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { tempDir } from '#test/support/temp.ts';

/**
 * Whoever ends every session of the server but his own ends the one that the proxy reads the catalog over, too: at any moment, and no
 * agent may see it. A relay before the server waits for the moment.
 */
type Moment = 'signing in' | 'starting' | 'loading';

const ENDED = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
const QUERY = 0x51;

let db: TestPostgres;
let dev: Dev;
let token: string;
/** What is still to come, each at its moment. */
let strikes: Moment[] = [];
const sockets = new Set<Socket>();
const relay = createServer(between);

before(async () => {
  db = await startPostgres({ trust: true });
  await db.query(`create role agent login password 'agent-secret'`);
  await db.createDatabase('shop');
  await db.query('create table items (id int); grant all on schema public to agent', { database: 'shop' });
  await new Promise<void>(listening => relay.listen(0, '127.0.0.1', listening));
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(policy, `${HEAD}rules:\n  - { name: all, verdict: allow }\n`);
  const { port } = relay.address() as AddressInfo;
  const url = db.url({ database: 'shop', user: 'agent', password: 'agent-secret' });
  const target = url.replace(`:${db.port}/`, `:${port}/`);
  dev = await startDev({ args: ['--policy', policy, '--target', target] });
  token = await dev.token('agent-1', { email: 'agent-1@example.com' });
});

after(() => {
  relay.close();
  for (const socket of sockets) socket.destroy();
});

function between(proxy: Socket): void {
  const server = connect(db.port, '127.0.0.1');
  let catalog = false;
  for (const [one, other] of [
    [proxy, server],
    [server, proxy],
  ] as const) {
    sockets.add(one);
    one.on('error', () => one.destroy());
    one.on('close', () => other.destroy());
    one.on('end', () => other.end());
  }
  server.on('data', chunk => proxy.write(chunk));
  proxy.on('data', chunk => {
    const starts = chunk.includes('holdpoint catalog');
    catalog ||= starts;
    const [next] = strikes;
    const now = next === 'loading' ? catalog && chunk[0] === QUERY : next !== undefined && starts;
    if (!now) {
      server.write(chunk);
      return;
    }
    strikes.shift();
    if (next === 'loading') {
      // The server's own words reach the proxy with its question under way.
      void db.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'holdpoint catalog' and datname = 'shop'`);
      return;
    }
    // Before it is let in, the server ends a session without a word.
    if (next === 'starting') {
      const head = Buffer.from([0x45, 0, 0, 0, 0]);
      head.writeInt32BE(ENDED.length + 4, 1);
      proxy.write(Buffer.concat([head, ENDED]));
    }
    proxy.end();
    server.destroy();
  });
}

for (const moments of [
  ['loading'],
  ['signing in'],
  ['starting'],
  ['loading', 'starting'],
  ['loading', 'loading'],
] satisfies Moment[][])
  test(`the session of the catalog is ended (${moments.join(', then ')}): an agent that comes, and one that is there, wait and are served`, async () => {
    const [there, comes] = [new pg.Client(dev.url(token)), new pg.Client(dev.url(token))];
    await there.connect();
    const name = `made_${moments.join('_').replace(' ', '_')}`;
    try {
      strikes = [...moments];
      await end();
      // What it changes has to be read before the next statement is judged, and before anybody is let in.
      await there.query(`create table ${name} (id int)`);
      const [{ rows }] = await Promise.all([there.query(`select * from ${name}`), comes.connect()]);
      assert.deepEqual(rows, []);
      assert.deepEqual((await comes.query(`select * from ${name}`)).rows, []);
      assert.deepEqual(strikes, []);
    } finally {
      strikes = [];
      await Promise.all([there.end(), comes.end()]);
    }
  });

/** Idle as it is: the next load has to connect. */
async function end(): Promise<void> {
  await db.query(`select pg_terminate_backend(pid, 60000) from pg_stat_activity
    where application_name = 'holdpoint catalog' and datname = 'shop'`);
}
