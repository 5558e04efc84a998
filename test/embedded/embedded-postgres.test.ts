import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { restoreLinks } from '#cli/embedded/binaries.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#cli/embedded-postgres.ts';
import { beforeEnd } from '#test/support/before-end.ts';
import { freePort } from '#test/support/ports.ts';
import { RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

const linuxOnly = process.platform === 'linux' ? false : 'needs /proc';

interface Server {
  readonly port: number;
  readonly password: string;
}

test('a first start makes a cluster, and later starts go on with its data and password', async t => {
  const dir = join(tempDir('embedded'), 'not', 'there', 'yet');
  const lines: string[] = [];
  const first = await start(t, dir, { log: line => lines.push(line) });
  assert.equal(first.freshlyCreated, true);
  assert.ok(lines.includes('creating the database cluster'), lines.join());
  await sql(at(first), 'create table kept as select 42 as answer');
  await first.stop();
  await first.stop();

  const second = await start(t, dir);
  assert.equal(second.freshlyCreated, false);
  assert.equal(second.superPassword, first.superPassword);
  assert.deepEqual(await sql(at(second), 'select answer from kept'), [{ answer: 42 }]);
  assert.equal(statSync(join(dir, 'superuser.password')).mode & 0o777, 0o600);
});

test('it asks for SCRAM, speaks UTF-8, is durable, and listens on loopback alone', async t => {
  const server = await start(t, tempDir('embedded'));
  await assert.rejects(sql({ port: server.port, password: 'guess' }, 'select 1'), { code: '28P01' });
  const [settings] = await sql(
    at(server),
    `select current_setting('fsync') fsync, current_setting('server_encoding') encoding,
      (select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256') other,
      (select datlocprovider from pg_database where datname = 'postgres') provider`,
  );
  assert.deepEqual(settings, { fsync: 'on', encoding: 'UTF8', other: 0, provider: 'b' });
  const outside = Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of outside) {
    await assert.rejects(RawClient.connect({ host: address, port: server.port }), { code: 'ECONNREFUSED' });
  }
});

test('the server gets nothing of our environment', { skip: linuxOnly }, async t => {
  process.env.PGOPTIONS = '-c work_mem=64kB';
  process.env.HOLDPOINT_TEST_SECRET = 'hunter2';
  t.after(() => {
    delete process.env.PGOPTIONS;
    delete process.env.HOLDPOINT_TEST_SECRET;
  });
  const dir = tempDir('embedded');
  await start(t, dir);
  const environment = readFileSync(`/proc/${postmaster(dir)}/environ`, 'utf8');
  assert.match(environment, /PATH=/);
  assert.doesNotMatch(environment, /hunter2|PGOPTIONS/);
});

test('after kill -9 of the process alone, what was committed is there', async t => {
  const dir = tempDir('embedded');
  const { child, server } = await inProcess(t, dir);
  await sql(server, 'create table kept as select generate_series(1, 1000) as n');
  await kill9(child);
  const again = await start(t, dir);
  assert.deepEqual(await sql(at(again), 'select count(*)::int from kept'), [{ count: 1000 }]);
});

test('after kill -9 of process and server, recovery is waited for and commits are there', async t => {
  const dir = tempDir('embedded');
  const { child, server } = await inProcess(t, dir);
  await sql(server, 'create table kept (n int)');
  for (let n = 0; n < 20; n += 1) await sql(server, `insert into kept values (${n})`);
  process.kill(postmaster(dir), 'SIGKILL');
  await kill9(child);
  const again = await start(t, dir);
  assert.deepEqual(await sql(at(again), 'select count(*)::int from kept'), [{ count: 20 }]);
  assert.match(readFileSync(again.logFile, 'utf8'), /not properly shut down/);
});

test('an orphan that outlived its process is stopped in an orderly way', { skip: linuxOnly }, async t => {
  const dir = tempDir('embedded');
  // Without setpriv on its PATH the server is not told of its parent's death.
  const { child, server } = await inProcess(t, dir, { PATH: folderWith('id') });
  await sql(server, 'create table kept as select 1 as n');
  const orphan = postmaster(dir);
  await kill9(child);
  assert.equal(process.kill(orphan, 0), true);
  const lines: string[] = [];
  const again = await start(t, dir, { log: line => lines.push(line) });
  assert.ok(
    lines.some(line => line.includes(`${orphan}`)),
    lines.join(),
  );
  assert.deepEqual(await sql(at(again), 'select n from kept'), [{ n: 1 }]);
  assert.doesNotMatch(readFileSync(again.logFile, 'utf8'), /not properly shut down/);
});

test(
  'a busy backend that outlived its server does not keep the next one out',
  { skip: linuxOnly },
  async t => {
    const dir = tempDir('embedded');
    const { child, server } = await inProcess(t, dir);
    const client = await connected(server);
    const [{ pid }] = (await client.query('select pg_backend_pid() pid')).rows as [{ pid: number }];
    const busy = client.query('select count(*) from generate_series(1, 1e11::bigint)').catch(error => error);
    await waitFor(() => /^R/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!), {
      what: 'busy',
    });
    process.kill(postmaster(dir), 'SIGKILL');
    await kill9(child);
    assert.equal(process.kill(pid, 0), true, 'the backend is still at it');
    const again = await start(t, dir);
    assert.deepEqual(await sql(at(again), 'select 1 as n'), [{ n: 1 }]);
    assert.ok((await busy) instanceof Error);
  },
);

test('a second start on the same folder is refused and leaves the first alone', async t => {
  const dir = tempDir('embedded');
  const { child, server } = await inProcess(t, dir);
  await assert.rejects(startEmbeddedPostgres({ dir }), {
    message: `${realpathSync(dir)} is in use by process ${child.pid}`,
  });
  assert.deepEqual(await sql(server, 'select 1 as n'), [{ n: 1 }]);
});

test('a stale lock file whose pid is another process by now does not keep it from starting', async t => {
  const dir = tempDir('embedded');
  await (await start(t, dir)).stop();
  const other = spawn('sleep', ['600']);
  t.after(() => other.kill('SIGKILL'));
  writeFileSync(
    join(dir, 'cluster', 'postmaster.pid'),
    `${other.pid}\n${dir}/cluster\n1\n5432\n\n127.0.0.1\n1 1\nready\n`,
  );
  const again = await start(t, dir);
  assert.deepEqual(await sql(at(again), 'select 1 as n'), [{ n: 1 }]);
  assert.equal(other.exitCode ?? other.signalCode, null, 'the other process lives');
});

test('a given port is used, and one that is taken is a one-line error', async t => {
  const dir = tempDir('embedded');
  const port = await freePort();
  const server = await start(t, dir, { port });
  assert.equal(server.port, port);
  await server.stop();
  const taken = createServer().listen(port, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  await assert.rejects(startEmbeddedPostgres({ dir, port }), {
    message: `port ${port} on 127.0.0.1 is in use`,
  });
});

test('a setting that Postgres refuses is an error that names it, and the folder is free afterwards', async t => {
  const dir = tempDir('embedded');
  await assert.rejects(
    startEmbeddedPostgres({ dir, settings: { shared_buffers: 'much' } }),
    /shared_buffers/,
  );
  assert.equal(existsSync(join(dir, 'owner.json')), false);
  const server = await start(t, dir, { settings: { work_mem: '5MB' } });
  assert.deepEqual(await sql(at(server), 'show work_mem'), [{ work_mem: '5MB' }]);
});

test('a cluster whose making was cut short is made anew', async t => {
  const dir = tempDir('embedded');
  mkdirSync(join(dir, 'cluster.new', 'base'), { recursive: true });
  writeFileSync(join(dir, 'cluster.new', 'PG_VERSION'), '18\n');
  const server = await start(t, dir);
  assert.equal(server.freshlyCreated, true);
  assert.equal(existsSync(join(dir, 'cluster.new')), false);
});

test('a password file that is lost, or not the cluster’s, is a clear error', async t => {
  const dir = tempDir('embedded');
  await (await start(t, dir)).stop();
  writeFileSync(join(dir, 'superuser.password'), 'another\n');
  await assert.rejects(startEmbeddedPostgres({ dir }), /superuser.password is not the cluster's/);
  await assert.rejects(
    startEmbeddedPostgres({ dir, settings: { fsync: 'off' } }),
    /is not the cluster's/,
    'and is free',
  );
});

test('the version of a cluster is checked before anything touches it', async t => {
  const dir = tempDir('embedded');
  await (await start(t, dir)).stop();
  writeFileSync(join(dir, 'cluster', 'PG_VERSION'), '9\n');
  await assert.rejects(startEmbeddedPostgres({ dir }), /was made by Postgres 9, and the embedded one is 18/);
});

test(
  'as root the server runs as another user, in folders open to it and in those only root may enter',
  {
    skip: process.getuid?.() === 0 ? linuxOnly : 'only root drops to another user',
  },
  async t => {
    for (const mode of [0o700, 0o777]) {
      const parent = tempDir('embedded');
      chmodSync(parent, mode);
      const dir = join(parent, 'data');
      mkdirSync(dir);
      chmodSync(dir, 0o777);
      const server = await start(t, dir);
      assert.notEqual(statSync(`/proc/${postmaster(dir)}`).uid, 0);
      assert.equal(readlinkSync(`/proc/${postmaster(dir)}/cwd`), join(realpathSync(dir), 'cluster'));
      // Files made and read back by path, through a checkpoint.
      await sql(at(server), 'create table kept as select generate_series(1, 100000) as n');
      await sql(at(server), 'checkpoint');
      await sql(at(server), 'vacuum full kept');
      assert.deepEqual(await sql(at(server), 'select count(*)::int from kept'), [{ count: 100_000 }]);
      await server.stop();
    }
  },
);

test(
  'a cluster keeps its owner when another user would be chosen today, and one copied by root is given back',
  {
    skip: process.getuid?.() === 0 ? linuxOnly : 'only root drops to another user',
  },
  async t => {
    const dir = tempDir('embedded');
    const first = await start(t, dir);
    await sql(at(first), 'create table kept as select 1 as n');
    const chosen = statSync(join(dir, 'cluster')).uid;
    await first.stop();
    for (const [owner, expected] of [
      [54_321, 54_321],
      [0, chosen],
    ] as const) {
      execFileSync('chown', ['-R', `${owner}:${owner}`, join(dir, 'cluster')]);
      const server = await start(t, dir);
      assert.equal(statSync(`/proc/${postmaster(dir)}`).uid, expected);
      assert.deepEqual(await sql(at(server), 'select n from kept'), [{ n: 1 }]);
      await server.stop();
    }
  },
);

test('links that a blocked install script did not make are made', () => {
  const native = join(tempDir('embedded'), 'native');
  mkdirSync(join(native, 'lib'), { recursive: true });
  writeFileSync(join(native, 'lib', 'libx.so.1.2'), 'x');
  writeFileSync(
    join(native, 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]),
  );
  restoreLinks(native);
  restoreLinks(native);
  assert.ok(lstatSync(join(native, 'lib', 'libx.so.1')).isSymbolicLink());
  assert.equal(readFileSync(join(native, 'lib', 'libx.so.1'), 'utf8'), 'x');
});

async function start(
  t: TestContext,
  dir: string,
  options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ ...options, dir });
  t.after(() => server.stop());
  return server;
}

/** In a process of its own, to be killed. */
async function inProcess(
  t: TestContext,
  dir: string,
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; server: Server }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server-process.ts'), dir], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => kill9(child));
  // What a kill leaves is ended by the next start: also here, so that nothing outlives the tests.
  beforeEnd(async () => (await startEmbeddedPostgres({ dir })).stop());
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return { child, server: JSON.parse(line) as Server };
}

async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A folder to put on PATH that holds this one program. */
function folderWith(program: string): string {
  const dir = tempDir('path');
  const script = `#!/bin/sh\nexec /usr/bin/env -i PATH=/usr/bin:/bin ${program} "$@"\n`;
  writeFileSync(join(dir, program), script, { mode: 0o755 });
  return dir;
}

function postmaster(dir: string): number {
  return Number.parseInt(readFileSync(join(dir, 'cluster', 'postmaster.pid'), 'utf8'), 10);
}

function at(server: EmbeddedPostgres): Server {
  return { port: server.port, password: server.superPassword };
}

async function connected(server: Server): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    password: server.password,
    database: 'postgres',
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function sql(server: Server, text: string): Promise<unknown[]> {
  const client = await connected(server);
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
