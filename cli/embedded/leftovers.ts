import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Ends what an earlier run that was killed has left on this cluster: a postmaster without its parent (fast shutdown, so that it
 * writes its checkpoint), or backends without their postmaster. Must only be called by the one who has claimed the directory.
 * Rejects when something is still there at the deadline.
 */
export async function endLeftovers(
  cluster: string,
  options: { deadlineMs: number; log: (line: string) => void },
): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const began = Date.now();
  let told = false;
  for (;;) {
    const running = processesOn(cluster, pidFile);
    if (running.length === 0) {
      // With nothing running here the file is stale, and its pid may be another process by now, which Postgres would take for its own.
      rmSync(pidFile, { force: true });
      return;
    }
    const waited = Date.now() - began;
    if (waited > options.deadlineMs) {
      throw new Error(`an earlier Postgres on ${cluster} does not stop (process ${running.join(', ')})`);
    }
    if (!told) options.log(`stopping the Postgres that an earlier run left (process ${running[0]})`);
    told = true;
    const postmaster = readPidFile(pidFile)?.pid ?? null;
    const left = options.deadlineMs - waited;
    for (const pid of running) {
      // Fast shutdown for a postmaster (its backends follow it), immediate exit for backends that have none; force near the end.
      if (left < options.deadlineMs / 4) signal(pid, 'SIGKILL');
      else if (pid === postmaster) signal(pid, 'SIGINT');
      else if (postmaster === null || !running.includes(postmaster)) signal(pid, 'SIGQUIT');
    }
    await delay(100);
  }
}

/** Pids of all server processes whose working directory is this cluster. */
function processesOn(cluster: string, pidFile: string): number[] {
  if (process.platform !== 'linux') {
    const pid = readPidFile(pidFile)?.pid;
    return pid !== undefined && commandOf(pid).includes(cluster) ? [pid] : [];
  }
  const wanted = realpathSync(cluster);
  return readdirSync('/proc')
    .filter(name => /^[0-9]+$/.test(name) && linkOf(`/proc/${name}/cwd`) === wanted)
    .filter(name =>
      linkOf(`/proc/${name}/exe`)
        ?.replace(/ \(deleted\)$/, '')
        .endsWith('/postgres'),
    )
    .map(Number);
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    // Gone meanwhile, or another user's: neither is a server that we started.
    return null;
  }
}

/** The postmaster's lock file; null when there is none, or none that is whole. */
export function readPidFile(pidFile: string): { pid: number; ready: boolean } | null {
  try {
    const text = readFileSync(pidFile, 'utf8');
    const pid = Number.parseInt(text, 10);
    return Number.isInteger(pid) && pid > 0 ? { pid, ready: /\nready\s*$/.test(text) } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The command line, where there is no /proc: a pid from a lock file may be anybody's by now. Empty when there is no such process. */
function commandOf(pid: number): string {
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
