import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import { OwnConnection } from '#proxy/upstream/query.ts';
import { runAs } from './account.ts';
import { bareEnvironment, pathFor } from './child.ts';
import { type Making, SUPERUSER } from './cluster.ts';
import { endLeftovers, readPidFile } from './leftovers.ts';

const LEFTOVER_DEADLINE_MS = 40_000;

export interface Starting extends Making {
  readonly dir: string;
  readonly cluster: string;
  readonly superPassword: string;
  readonly port: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly deadline: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exited: Promise<void>;
}

/**
 * Starts the server on a whole cluster, after ending what an earlier run has left there, and resolves when a query has been
 * answered. Tries again while shared memory is still held, or while another took the port that was free.
 */
export async function startServer(starting: Starting): Promise<Running> {
  const { dir, cluster, log, deadline } = starting;
  for (;;) {
    await endLeftovers(cluster, { deadlineMs: LEFTOVER_DEADLINE_MS, log });
    const port = starting.port ?? (await freePort());
    const logFile = join(dir, 'postgres.log');
    if (sizeOf(logFile) > 16 * 2 ** 20) renameSync(logFile, `${logFile}.1`);
    const from = sizeOf(logFile);
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
    const said = readFileSync(logFile).subarray(from).toString('utf8');
    if (/Address already in use/i.test(said)) {
      if (starting.port !== undefined) throw new Error(`port ${port} on 127.0.0.1 is in use`);
    } else if (!/still in use|lock file "postmaster.pid" already exists/.test(said)) {
      const why = said.split('\n').filter(line => /FATAL|PANIC|ERROR|HINT/.test(line));
      throw new Error(`Postgres does not start: ${why.join(' ') || said.trim().slice(-500)} (${logFile})`);
    }
    if (Date.now() > deadline) throw new Error(`Postgres does not start: ${said.trim().slice(-500)}`);
    await delay(200);
  }
}

function spawnServer({ dir, cluster, binaries, account, settings }: Starting, port: number): ChildProcess {
  // A file and not a pipe: a server whose reader is gone or slow would stand still or lose its last words.
  const output = openSync(join(dir, 'postgres.log'), 'a', 0o600);
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
    const lock = readPidFile(pidFile);
    if (lock?.pid === child.pid && lock?.ready) {
      const answer = await tryQuery({ port, superPassword });
      if (answer === 'ready') return 'ready';
      if (answer === 'wrong password') {
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

/** By the proxy's own way to a server: this file needs no driver that only the tests have. */
async function tryQuery(at: {
  port: number;
  superPassword: string;
}): Promise<'ready' | 'wrong password' | 'not yet'> {
  let connection: OwnConnection | null = null;
  try {
    connection = new OwnConnection(
      await connectUpstream({
        ...{ host: '127.0.0.1', port: at.port, tls: 'disable' },
        ...{ user: SUPERUSER, password: at.superPassword, weakAuth: ['trust'], database: 'postgres' },
        parameters: new Map(),
        deadlineMs: 5000,
      }),
    );
    await connection.query('select 1');
    return 'ready';
  } catch (error) {
    const { sqlstate } = ((error as Error).cause ?? {}) as { sqlstate?: string };
    return sqlstate === '28P01' ? 'wrong password' : 'not yet';
  } finally {
    connection?.close();
  }
}

/** Resolves when it has gone. */
export async function stopServer(child: ChildProcess, exited: Promise<void>): Promise<void> {
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
