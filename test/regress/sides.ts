import { spawn } from 'node:child_process';
import { createReadStream, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { cleanEnvironment } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';
import { differences } from './differences.ts';

const POLICY = `version: 1
access:
  - { name: everybody, targets: ["*"], roles: ["*"], maxSession: 12h }
rules:
  - { name: everything, verdict: allow }
  - { name: unknown, verdict: allow, match: { effects: { unknown: true } } }
`;
const LATE_MS = 15 * 60_000;

/** One of the three ways to the same database, as the environment of a libpq program. */
export interface Side {
  readonly label: 'direct' | 'again' | 'proxied';
  readonly env: Readonly<Record<string, string>>;
}

export interface Sides {
  readonly servers: readonly TestPostgres[];
  readonly all: readonly [Side, Side, Side];
  readonly dev: Dev;
  /** What a program says on each side, and what is said differently through the proxy. */
  compare(name: string, play: (side: Side) => Promise<string>): Promise<boolean>;
  /** Says how it went, stops the proxy, and gives the exit code. */
  end(out: string): Promise<number>;
}

/** Three servers made alike with an empty database as pg_regress makes it, one of them behind a proxy with a policy that allows everything. */
export async function startSides(database: string, more: Record<string, string> = {}): Promise<Sides> {
  const settings = { autovacuum: 'off', max_prepared_transactions: '5', shared_buffers: '128MB', ...more };
  const servers = await Promise.all([1, 2, 3].map(() => startPostgres({ settings })));
  for (const server of servers) await prepare(server, database);
  const [one, other, third] = servers as [TestPostgres, TestPostgres, TestPostgres];
  const policy = join(tempDir('policy'), 'allow-all.yaml');
  writeFileSync(policy, POLICY);
  const comparing = new URL('../catalog/compare/hook.ts', import.meta.url).href;
  const dev = await startDev({
    args: ['--policy', policy, '--target', third.url({ database })],
    // Each catalog that is loaded is compared with one that is loaded whole.
    ...(process.env.COMPARE ? { env: { NODE_OPTIONS: `--import ${comparing}` } } : {}),
  });
  const side = (label: Side['label'], port: number, PGPASSWORD: string): Side => ({
    label,
    env: { PGHOST: '127.0.0.1', PGPORT: `${port}`, PGUSER: one.superuser, PGDATABASE: database, PGPASSWORD },
  });
  const all = [
    side('direct', one.port, one.superPassword),
    side('again', other.port, other.superPassword),
    side('proxied', dev.pgPort, await dev.token('regress', { ttl: '12h' })),
  ] as const;
  let played = 0;
  let differing = 0;
  let most = 0;
  return {
    servers,
    all,
    dev,
    async compare(name, play) {
      const began = Date.now();
      const [direct = '', again = '', ours = ''] = await Promise.all(all.map(play));
      const memory = residentMiB(dev.process.pid!);
      most = Math.max(most, memory);
      const found = differences(direct, again, ours);
      played++;
      if (found.length > 0) differing++;
      const noise = direct === again ? '' : ', the direct runs differ too';
      const verdict = found.length === 0 ? 'same' : 'DIFFERS';
      console.log(`${verdict} ${name} (${Date.now() - began} ms, ${memory} MiB${noise})`);
      if (found.length > 0) console.log(found.slice(0, 60).join('\n'));
      return found.length === 0;
    },
    async end(out) {
      const same = `${played - differing} of ${played} without a difference`;
      console.log(`${same}; at most ${most} MiB; output in ${out}`);
      await dev.stop();
      if (process.env.COMPARE)
        console.log(/^(catalogs compared|THE CATALOG IS NOT).*$/gm.exec(dev.stderr)?.[0]);
      return differing === 0 ? 0 : 1;
    },
  };
}

/** A program with `script` on its standard input; what it says in one stream, which is kept in `file`. */
export function run(
  program: string,
  args: readonly string[],
  how: { side: Side; script: string; file: string; cwd: string; env?: Record<string, string> },
): Promise<string> {
  const sink = openSync(how.file, 'w');
  const child = spawn(program, args, {
    cwd: how.cwd,
    stdio: ['pipe', sink, sink],
    env: { ...cleanEnvironment(), ...how.side.env, ...how.env, LC_ALL: 'C' },
  });
  child.stdin!.on('error', () => {});
  createReadStream(how.script).pipe(child.stdin!);
  return new Promise((done, fail) => {
    const late = setTimeout(() => child.kill('SIGKILL'), LATE_MS);
    child.once('error', fail);
    child.once('close', code => {
      clearTimeout(late);
      done(readFileSync(how.file, 'utf8') + (code === null ? '\n(did not end in time)\n' : ''));
    });
  });
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) >> 10;
}

/** As pg_regress makes its database. */
async function prepare(server: TestPostgres, database: string): Promise<void> {
  await server.query(
    `CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  for (const setting of ['lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time'])
    await server.query(`ALTER DATABASE ${database} SET ${setting} TO 'C'`);
  await server.query(`ALTER DATABASE ${database} SET bytea_output TO 'hex'`);
  await server.query(`ALTER DATABASE ${database} SET timezone_abbreviations TO 'Default'`);
}
