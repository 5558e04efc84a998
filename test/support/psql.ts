import { spawn, spawnSync } from 'node:child_process';

export interface Finished {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Added to ours; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** Killed after this; default 60 s. */
  readonly deadlineMs?: number;
  readonly cwd?: string;
}

/** Runs a program to its end. Rejects when it cannot be started or does not end inside the deadline. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...cleanEnvironment(), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, options.deadlineMs ?? 60_000);
    child.once('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', code => {
      clearTimeout(timer);
      if (late)
        reject(new Error(`${file} ${args.join(' ')} did not end in time\n${out.stdout}\n${out.stderr}`));
      else resolve({ code, ...out });
    });
    // A program that has ended without reading is no fault of the test.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
  });
}

/**
 * Runs psql without its start-up file. `args` as on its command line; name the server with `-d postgres://…`.
 * A password goes in `env.PGPASSWORD`.
 */
export function psql(args: readonly string[], options: ProgramOptions = {}): Promise<Finished> {
  return runProgram('psql', ['-X', '-w', ...args], options);
}

/**
 * For `test('…', { skip: lacks('psql') }, …)`: false, or the reason for skipping. Debian's psql and pgbench are one script that
 * stands for all of Postgres's clients, so that being there does not mean that they run.
 */
export function lacks(program: string): string | false {
  const there = 'command -v "$0" && case "$0" in psql|pgbench) "$0" --version;; esac';
  return spawnSync('sh', ['-c', there, program], { stdio: 'ignore' }).status === 0
    ? false
    : `${program} is not installed`;
}

/** The environment without PG* variables, which would change what a client does behind the test's back. */
export function cleanEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^PG[A-Z]/.test(entry[0]),
  );
  return Object.fromEntries(entries);
}
