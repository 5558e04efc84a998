import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A Node process of a stack on this machine. */
export interface NodeProcess {
  /** What it printed as its first line: JSON. */
  readonly ready: Record<string, unknown>;
  readonly pid: number;
  /** SIGTERM, and SIGKILL after `graceMs`; gives the exit code. Also of one that has ended. */
  stop(graceMs?: number): Promise<number | null>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<number | null>;
}

const START_MS = 60_000;
const STOP_MS = 12_000;
const WITH_PARENT = new URL('./with-parent.ts', import.meta.url).href;

/**
 * Starts a script of this repository and waits for its first line. It ends with this process, however that ends. `log` gets what it writes to
 * stderr, by line. Rejects with an Error of what it said last when it does not come up.
 */
export async function startNode(
  script: URL,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
): Promise<NodeProcess> {
  const child = spawn(process.execPath, ['--import', WITH_PARENT, script.pathname, ...args], {
    env: { ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Written to by nobody; when the child goes first, that is told by its exit.
  child.stdin.on('error', () => {});
  let said = '';
  createInterface({ input: child.stderr }).on('line', line => {
    said = `${said}${line}\n`.slice(-4000);
    log(line);
  });
  const ended = new Promise<number | null>(resolve => {
    child.once('exit', code => resolve(code));
    child.once('error', () => resolve(null));
  });
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const failed = (why: string) => {
      child.kill('SIGKILL');
      reject(
        new Error(
          `${script.pathname.split('/').slice(-2).join('/')} ${args.join(' ')}: ${why}\n${said}`.trim(),
        ),
      );
    };
    const late = setTimeout(() => failed(`it did not come up within ${START_MS / 1000} s`), START_MS);
    void ended.then(code => {
      clearTimeout(late);
      failed(`it ended with code ${code}`);
    });
    createInterface({ input: child.stdout }).on('line', line => {
      clearTimeout(late);
      try {
        resolve(JSON.parse(line) as Record<string, unknown>);
      } catch {
        log(line); // what comes behind the first line is for people
      }
    });
  });
  return {
    ready,
    pid: child.pid ?? 0,
    ended,
    async stop(graceMs = STOP_MS) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const code = await ended;
      clearTimeout(late);
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
