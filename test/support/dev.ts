import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atExit } from '#cli/at-exit.ts';
import { beforeEnd } from '#test/support/before-end.ts';
import { freePort } from '#test/support/ports.ts';
import {
  cleanEnvironment,
  type Finished,
  type ProgramOptions,
  psql,
  runProgram,
} from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMAND = commandOf(ROOT);

function commandOf(checkout: string): string {
  return join(checkout, 'cli', 'holdpoint.ts');
}

/** The ready line of `holdpoint dev --json`. */
export interface Ready {
  readonly ready: true;
  /** User, host, port and database; no password. */
  readonly pg: string;
  readonly http: string;
  readonly data: string;
  readonly issuer: string;
}

export interface DevOptions {
  /** More arguments: `--policy`, `--target`, … */
  readonly args?: readonly string[];
  /** Default: a temp folder that goes with the tests. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another checkout, whose proxy is started. Default: this one. */
  readonly checkout?: string | undefined;
  /** Default 60 s: the machine may be busy. */
  readonly readyWithinMs?: number;
}

export interface Dev {
  /** Of the latest start; ports and data stay the same over `restart`. */
  readonly ready: Ready;
  readonly data: string;
  readonly pgPort: number;
  readonly httpPort: number;
  readonly process: ChildProcess;
  /** Everything it has written to stderr, over all its starts. */
  readonly stderr: string;
  /** An ID token: the Postgres password. */
  token(subject: string, options?: { email?: string; groups?: string[]; ttl?: string }): Promise<string>;
  /** `holdpoint … --data <data>`. Never rejects for an exit code. */
  cli(...args: string[]): Promise<Finished>;
  /** As `cli`, with `--json`: parsed. Rejects unless it exits 0 and prints JSON. */
  json<T = unknown>(...args: string[]): Promise<T>;
  /** psql through the proxy, each text one `-c`; stops at the first error. `options` may name another role or database. */
  psql(token: string, ...sql: (string | PsqlOptions)[]): Promise<Finished>;
  /** The Postgres URL with this token as its password, for drivers. */
  url(token: string, options?: { user?: string; database?: string }): string;
  /** What is held; with `all` everything. */
  approvals(options?: { all?: boolean }): Promise<{ id: string; state: string; [key: string]: unknown }[]>;
  /** Waits until exactly one approval is held, and gives its id. */
  held(deadlineMs?: number): Promise<string>;
  /** kill -9 of the process, with `postgres` also of the embedded server; resolves when they are gone. */
  kill9(options?: { postgres?: boolean }): Promise<void>;
  /** Starts again on the same data and ports, stopping it first where it runs. */
  restart(): Promise<void>;
  /** SIGINT, as Ctrl-C; gives the exit code. Rejects when it does not end within 30 s. */
  stop(): Promise<number | null>;
}

export interface PsqlOptions extends ProgramOptions {
  readonly user?: string;
  readonly database?: string;
  /** More psql arguments, before the `-c`s. */
  readonly args?: readonly string[];
}

/** Runs `holdpoint` with these arguments alone. */
export function holdpoint(args: readonly string[], options: ProgramOptions = {}): Promise<Finished> {
  return runProgram(process.execPath, [COMMAND, ...args], options);
}

/**
 * Starts `holdpoint dev` on free ports and waits until it is ready. It is stopped after the file's tests by itself, and what it
 * wrote to stderr is printed when one of them fails.
 */
export async function startDev(options: DevOptions = {}): Promise<Dev> {
  const data = options.data ?? tempDir('dev');
  const [pgPort, httpPort] = [await freePort(), await freePort()];
  let stderr = '';
  let running = await launch();

  async function launch(): Promise<{ child: ChildProcess; ready: Ready }> {
    const args = ['--json', '--data', data, '--pg-port', `${pgPort}`, '--http-port', `${httpPort}`];
    const command = commandOf(options.checkout ?? ROOT);
    const child = spawn(process.execPath, [command, 'dev', ...args, ...(options.args ?? [])], {
      env: { ...cleanEnvironment(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.once(
      'exit',
      atExit(() => child.kill('SIGKILL')),
    );
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    try {
      const ready = await firstLine(child, options.readyWithinMs ?? 60_000);
      // `beforeEnd` comes when nothing keeps this process any more: a server that runs must not.
      child.unref();
      for (const pipe of [child.stdout, child.stderr] as unknown as Socket[]) pipe.unref();
      return { child, ready };
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`holdpoint dev: ${(error as Error).message}\n${stderr}`, { cause: error });
    }
  }

  atExit(code => {
    if (code !== 0 && stderr !== '') console.error(`--- stderr of holdpoint dev (${data})\n${stderr}---`);
  });

  const cli: Dev['cli'] = (...args) => holdpoint([...args, '--data', data]);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr: said } = await cli(...args, '--json');
    if (code !== 0) throw new Error(`holdpoint ${args.join(' ')}: exit code ${code}\n${stdout}${said}`);
    return JSON.parse(stdout) as T;
  };
  const url: Dev['url'] = (token, { user, database } = {}) => {
    const at = new URL(running.ready.pg);
    at.password = encodeURIComponent(token);
    if (user !== undefined) at.username = encodeURIComponent(user);
    if (database !== undefined) at.pathname = `/${encodeURIComponent(database)}`;
    return at.href;
  };
  const approvals: Dev['approvals'] = ({ all } = {}) => json('approvals', 'list', ...(all ? ['--all'] : []));

  const dev: Dev = {
    data,
    pgPort,
    httpPort,
    get ready() {
      return running.ready;
    },
    get process() {
      return running.child;
    },
    get stderr() {
      return stderr;
    },
    cli,
    json,
    url,
    approvals,
    async token(subject, { email, groups = [], ttl } = {}) {
      const args = ['token', '--subject', subject, ...groups.flatMap(group => ['--group', group])];
      if (email !== undefined) args.push('--email', email);
      if (ttl !== undefined) args.push('--ttl', ttl);
      const { code, stdout, stderr: said } = await cli(...args);
      if (code !== 0) throw new Error(`holdpoint token: exit code ${code}\n${said}`);
      return stdout.trim();
    },
    psql(token, ...sql) {
      const texts = sql.filter(part => typeof part === 'string');
      const {
        user,
        database,
        args = [],
        ...rest
      } = Object.assign({}, ...sql.filter(part => typeof part === 'object')) as PsqlOptions;
      const at = new URL(running.ready.pg);
      if (user !== undefined) at.username = encodeURIComponent(user);
      if (database !== undefined) at.pathname = `/${encodeURIComponent(database)}`;
      const commands = texts.flatMap(text => ['-c', text]);
      return psql(['-d', at.href, '-v', 'ON_ERROR_STOP=1', ...args, ...commands], {
        ...rest,
        env: { PGPASSWORD: token, ...rest.env },
      });
    },
    held(deadlineMs = 15_000) {
      return waitFor(
        async () => {
          const list = await approvals();
          return list.length === 1 && list[0]!.id;
        },
        { what: 'one approval is held', deadlineMs, everyMs: 50 },
      );
    },
    async kill9({ postgres = false } = {}) {
      const servers = postmasters(data);
      const gone = exited(running.child);
      running.child.kill('SIGKILL');
      if (postgres) for (const pid of servers) killHard(pid);
      await gone;
    },
    async restart() {
      await dev.stop();
      running = await launch();
    },
    async stop() {
      const { child } = running;
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const gone = exited(child);
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await gone;
      clearTimeout(timer);
      if (child.signalCode === 'SIGKILL')
        throw new Error(`holdpoint dev did not stop within 30 s\n${stderr}`);
      return child.exitCode;
    },
  };
  beforeEnd(dev.stop);
  return dev;
}

function firstLine(child: ChildProcess, deadlineMs: number): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready within ${deadlineMs} ms`)), deadlineMs);
    child.once('error', reject);
    child.once('exit', code => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code} before it was ready`));
    });
    createInterface({ input: child.stdout! }).once('line', line => {
      clearTimeout(timer);
      try {
        const said = JSON.parse(line) as Ready;
        if (said.ready !== true) throw new Error('not ready');
        resolve(said);
      } catch (cause) {
        reject(new Error(`its first line is not the ready line: ${line}`, { cause }));
      }
    });
  });
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.ref();
  return new Promise(resolve => child.once('exit', () => resolve()));
}

/** Pids of the embedded servers under a data folder. */
function postmasters(data: string): number[] {
  return globSync(['*/postmaster.pid', '*/*/postmaster.pid'], { cwd: data })
    .map(file => join(data, file))
    .filter(file => existsSync(file))
    .map(file => Number.parseInt(readFileSync(file, 'utf8'), 10));
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
