import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { atExit } from '../at-exit.ts';

/** A running emulator of Google's. `stop` ends it with all its children. */
export interface Emulator {
  /** `127.0.0.1:port`, as the client libraries' `…_EMULATOR_HOST` wants it. */
  readonly host: string;
  stop(): Promise<void>;
}

const COMMANDS = {
  firestore: ['emulators', 'firestore', 'start'],
  pubsub: ['beta', 'emulators', 'pubsub', 'start'],
} as const;

/** The group goes when its standard input closes: that of a pipe from a process which may end by kill -9. */
const WITH_PARENT =
  'exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -KILL 0) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-';

/** A JVM behind a Python program, on a busy machine. */
const START_MS = 120_000;
const STOP_MS = 10_000;

/**
 * Starts one of gcloud's emulators on a port of 127.0.0.1. Rejects with an Error whose message has what it said last: `gcloud` is not here,
 * the component is not installed, Java is missing, the port is taken. `data` is a folder of its own; its state is lost when it stops.
 */
export async function startEmulator(
  which: keyof typeof COMMANDS,
  port: number,
  data: string,
): Promise<Emulator> {
  mkdirSync(data, { recursive: true });
  const host = `127.0.0.1:${port}`;
  const folder = which === 'pubsub' ? [`--data-dir=${data}`] : [];
  // A group of its own: gcloud is a script that starts a script that starts Java, and a signal to the first ends that alone.
  const command = ['gcloud', ...COMMANDS[which], `--host-port=${host}`, ...folder, '--quiet'];
  const child = spawn('sh', ['-c', WITH_PARENT, 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: data,
  });
  child.stdin.on('error', () => {});
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('exit', code => resolve(`it ended with code ${code}`));
  });
  const forget = atExit(() => kill(child, 'SIGKILL'));
  const stop = async () => {
    forget();
    kill(child, 'SIGTERM');
    const late = setTimeout(() => kill(child, 'SIGKILL'), STOP_MS);
    await ended;
    // gcloud may go before its Java does.
    kill(child, 'SIGKILL');
    clearTimeout(late);
  };

  const until = Date.now() + START_MS;
  for (;;) {
    const why = await Promise.race([ended, answers(which, port).then(yes => (yes ? null : ''))]);
    if (why === null) return { host, stop };
    if (why !== '' || Date.now() > until) {
      await stop();
      throw new Error(
        `the ${which} emulator did not start: ${why === '' ? 'it does not answer' : why}\n${said}`.trim(),
      );
    }
    await pause(100);
  }
}

/** Both speak HTTP beside gRPC on the same port, and answer 200 to a plain GET once they work. */
async function answers(which: keyof typeof COMMANDS, port: number): Promise<boolean> {
  if (!(await listens(port))) return false;
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) });
    return reply.ok || which === 'pubsub';
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The whole group has gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
