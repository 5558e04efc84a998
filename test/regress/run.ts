import { spawn } from 'node:child_process';
import { createReadStream, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { cleanEnvironment } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';
import { differences } from './differences.ts';

/**
 * Runs Postgres's own regression scripts on three servers made alike, one of them behind the proxy, and says in which lines psql's output
 * differs. What the two direct runs differ in (process ids, timings) is the scripts' own. See README.md in this folder.
 */
const POLICY = `version: 1
access:
  - { name: everybody, targets: ["*"], roles: ["*"], maxSession: 12h }
rules:
  - { name: everything, verdict: allow }
  - { name: unknown, verdict: allow, match: { effects: { unknown: true } } }
`;
const DATABASE = 'regression';
const LATE_MS = 15 * 60_000;

interface Side {
  readonly port: number;
  readonly password: string;
}

const [source = '', ...only] = process.argv.slice(2);
if (source === '') {
  console.error('usage: node test/regress/run.ts FOLDER [script…]');
  process.exit(2);
}
const folder = resolve(source);
const out = process.env.OUT ?? tempDir('regress');
mkdirSync(out, { recursive: true });

const settings = { autovacuum: 'off', max_prepared_transactions: '5', shared_buffers: '128MB' };
const servers = await Promise.all([1, 2, 3].map(() => startPostgres({ settings })));
for (const server of servers) await prepare(server);
const [first, second, third] = servers as [TestPostgres, TestPostgres, TestPostgres];
const policy = join(tempDir('policy'), 'allow-all.yaml');
writeFileSync(policy, POLICY);
const dev = await startDev({
  args: ['--policy', policy, '--target', third.url({ database: DATABASE })],
});
const direct = [first, second].map(s => ({ port: s.port, password: s.superPassword }));
const proxied = { port: dev.pgPort, password: await dev.token('regress', { ttl: '12h' }) };

let differing = 0;
let most = 0;
const scripts = readFileSync(join(folder, 'parallel_schedule'), 'utf8')
  .split('\n')
  .filter(line => line.startsWith('test:'))
  .flatMap(line => line.slice('test:'.length).trim().split(/\s+/))
  .filter(name => only.length === 0 || name === 'test_setup' || only.includes(name));
for (const name of scripts) {
  const began = Date.now();
  const [one = '', other = '', ours = ''] = await Promise.all([
    play(name, direct[0]!, 'direct'),
    play(name, direct[1]!, 'again'),
    play(name, proxied, 'proxied'),
  ]);
  const memory =
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${dev.process.pid}/status`, 'utf8'))?.[1]) >> 10;
  most = Math.max(most, memory);
  const found = differences(one, other, ours);
  if (found.length > 0) differing++;
  const noise = one === other ? '' : ', the direct runs differ too';
  console.log(
    `${found.length === 0 ? 'same' : 'DIFFERS'} ${name} (${Date.now() - began} ms, ${memory} MiB${noise})`,
  );
  if (found.length > 0) console.log(found.slice(0, 60).join('\n'));
}
console.log(
  `${scripts.length - differing} of ${scripts.length} without a difference; at most ${most} MiB; output in ${out}`,
);
await dev.stop();
process.exit(differing === 0 ? 0 : 1);

/** As pg_regress makes its database. */
async function prepare(server: TestPostgres): Promise<void> {
  await server.query(
    `CREATE DATABASE ${DATABASE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  for (const setting of ['lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time'])
    await server.query(`ALTER DATABASE ${DATABASE} SET ${setting} TO 'C'`);
  await server.query(`ALTER DATABASE ${DATABASE} SET bytea_output TO 'hex'`);
  await server.query(`ALTER DATABASE ${DATABASE} SET timezone_abbreviations TO 'Default'`);
}

/** As pg_regress calls psql: the script on its standard input, everything that it says in one stream. */
function play(name: string, side: Side, label: string): Promise<string> {
  const file = join(out, `${name}.${label}`);
  const sink = openSync(file, 'w');
  const args = ['-X', '-a', '-q', '-w', '-h', '127.0.0.1', '-p', `${side.port}`, '-U', first.superuser];
  args.push('-d', DATABASE, '-v', 'HIDE_TABLEAM=on', '-v', 'HIDE_TOAST_COMPRESSION=on');
  const child = spawn(process.env.PSQL ?? 'psql', args, {
    cwd: out,
    stdio: ['pipe', sink, sink],
    env: {
      ...cleanEnvironment(),
      PGPASSWORD: side.password,
      PGTZ: 'America/Los_Angeles',
      PGDATESTYLE: 'Postgres, MDY',
      PGOPTIONS: '-c intervalstyle=postgres_verbose',
      PG_ABS_SRCDIR: folder,
      PG_ABS_BUILDDIR: out,
      PG_LIBDIR: process.env.PG_LIBDIR ?? folder,
      PG_DLSUFFIX: '.so',
      LC_ALL: 'C',
    },
  });
  child.stdin!.on('error', () => {});
  createReadStream(join(folder, 'sql', `${name}.sql`)).pipe(child.stdin!);
  return new Promise((done, fail) => {
    const late = setTimeout(() => child.kill('SIGKILL'), LATE_MS);
    child.once('error', fail);
    child.once('close', code => {
      clearTimeout(late);
      done(readFileSync(file, 'utf8') + (code === null ? '\n(did not end in time)\n' : ''));
    });
  });
}
