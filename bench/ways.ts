import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runAs, serverAccount } from '#cli/embedded/account.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { freePort } from '#test/support/ports.ts';
import { lacks } from '#test/support/psql.ts';
import { waitFor } from '#test/support/wait-for.ts';
import type { BenchCluster } from './cluster.ts';
import { throughTunnel } from './tunnel.ts';

export type WayName = 'direct' | 'pgbouncer' | 'pgpool-II' | 'node pipe' | 'holdpoint' | 'holdpoint connect';

/** A way to the database: where pgbench connects. */
export interface Way {
  readonly name: WayName;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  /** Only of `holdpoint`. */
  readonly dev?: Dev;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Where the proxy leaves a CPU profile of each of its threads when it stops; it is slower for that. */
  readonly profile?: string | undefined;
  /** A checkout of another version, whose proxy is started. Default: this one. */
  readonly checkout?: string | undefined;
}
type Starter = (cluster: BenchCluster, options: StartOptions) => Promise<Way>;

/** Each rejects when it does not start; `absent` says why one cannot be tried at all. */
export const STARTERS: Readonly<Record<WayName, Starter>> = {
  direct: async cluster => ({
    name: 'direct',
    port: cluster.port,
    user: cluster.user,
    database: cluster.database,
    password: cluster.password,
    stop: async () => {},
  }),
  pgbouncer: startPgbouncer,
  'pgpool-II': startPgpool,
  'node pipe': startPipe,
  holdpoint: startHoldpoint,
  'holdpoint connect': async (cluster, options) => throughTunnel(await startHoldpoint(cluster, options)),
};

const NEEDS: Partial<Record<WayName, string>> = { pgbouncer: 'pgbouncer', 'pgpool-II': 'pgpool' };

export function absent(name: WayName): string | false {
  const program = NEEDS[name];
  return program === undefined ? false : lacks(program);
}

async function startPgbouncer(cluster: BenchCluster): Promise<Way> {
  const port = await freePort();
  const dir = configDir('pgbouncer');
  const { user, password, database } = cluster;
  const ini = `[databases]
bench = host=127.0.0.1 port=${cluster.port} dbname=${database} user=${user} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = session
default_pool_size = 100
max_client_conn = 2000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
logfile =
`;
  const child = await startProgram('pgbouncer', [writeConfig(dir, 'pgbouncer.ini', ini)], { dir, port });
  return { name: 'pgbouncer', port, user, database, stop: () => stopProgram(child, dir) };
}

async function startPgpool(cluster: BenchCluster): Promise<Way> {
  const [port, pcpPort] = [await freePort(), await freePort()];
  const dir = configDir('pgpool');
  const conf = `backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = ${port}
socket_dir = '${dir}'
pcp_listen_addresses = ''
pcp_port = ${pcpPort}
pcp_socket_dir = '${dir}'
backend_hostname0 = '127.0.0.1'
backend_port0 = ${cluster.port}
backend_weight0 = 1
backend_flag0 = 'DISALLOW_TO_FAILOVER'
enable_pool_hba = off
pool_passwd = ''
num_init_children = 32
max_pool = 1
load_balance_mode = off
connection_cache = on
health_check_period = 0
log_destination = 'stderr'
pid_file_name = '${dir}/pgpool.pid'
logdir = '${dir}'
use_watchdog = off
`;
  const files = ['-f', writeConfig(dir, 'pgpool.conf', conf), '-F', writeConfig(dir, 'pcp.conf', '')];
  const child = await startProgram('pgpool', ['-n', ...files, '-a', writeConfig(dir, 'pool_hba.conf', '')], {
    dir,
    port,
  });
  const { trustedUser: user, database } = cluster;
  return { name: 'pgpool-II', port, user, database, stop: () => stopProgram(child, dir) };
}

async function startPipe(cluster: BenchCluster): Promise<Way> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'pipe.ts'), `${cluster.port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { user, password, database } = cluster;
  return { name: 'node pipe', port: Number(line), user, password, database, stop: () => stopProgram(child) };
}

/** With everything on: identity, policy, records before forwarding, masks. As a user starts it, by its command. */
export async function startHoldpoint(
  cluster: BenchCluster,
  { profile, checkout }: StartOptions,
): Promise<Way> {
  const { user, password, port, database } = cluster;
  const target = `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const dev = await startDev({
    checkout,
    args: ['--target', target, '--policy', join(import.meta.dirname, 'policy.yaml')],
    env: profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` },
  });
  const at = new URL(dev.ready.pg);
  return {
    name: 'holdpoint',
    port: Number(at.port),
    user: decodeURIComponent(at.username),
    database: decodeURIComponent(at.pathname.slice(1)),
    password: await dev.token('bench', { ttl: '12h' }),
    dev,
    stop: async () => {
      await dev.stop();
    },
  };
}

/** A folder that the account which runs the programs can reach and write. */
function configDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `holdpoint-bench-${name}-`));
  const account = serverAccount();
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  if (account !== null) chownSync(dir, account.uid, account.gid);
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function writeConfig(dir: string, name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text, { mode: 0o600 });
  const account = serverAccount();
  if (account !== null) chownSync(file, account.uid, account.gid);
  return file;
}

/** Neither pgbouncer nor Postgres runs as root; resolves when the port answers. */
async function startProgram(
  file: string,
  args: readonly string[],
  { dir, port }: { dir: string; port: number },
): Promise<ChildProcess> {
  const child = spawn(file, args, {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    ...runAs(serverAccount()),
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  let fault: Error | null = null;
  child.once('error', error => {
    fault = error;
  });
  await waitFor(
    async () => {
      if (fault !== null || child.exitCode !== null) return true;
      return await answers(port);
    },
    { what: `${file} answers on its port\n${said}`, deadlineMs: 20_000 },
  );
  if (fault !== null || child.exitCode !== null) throw new Error(`${file} ended at once: ${fault ?? said}`);
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function stopProgram(child: ChildProcess, dir?: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    // Fast shutdown for pgpool, an orderly end for the others.
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
}
