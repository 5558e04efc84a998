import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Claims a data directory for this process, so that a second start does not take the first one's live server for an orphan and
 * stop it. The claim of a process that is gone counts for nothing, and one that was just killed is given a moment to go. Gives the
 * release; rejects, naming the other, when it is taken.
 */
export async function claimDirectory(dir: string): Promise<() => void> {
  const file = join(dir, 'owner.json');
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  // Written aside and linked into place: whoever reads the claim reads all of it, and only one of two can link.
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, mine, { mode: 0o600 });
  try {
    const patience = Date.now() + PATIENCE_MS;
    for (let attempt = 0; attempt < 10; ) {
      try {
        linkSync(aside, file);
        return () => {
          if (read(file) === mine) rmSync(file, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = living(read(file));
      if (holder !== null) {
        if (Date.now() > patience) throw new Error(`${dir} is in use by process ${holder}`);
        await pause(50);
        continue;
      }
      attempt += 1;
      rmSync(file, { force: true });
    }
    throw new Error(`${dir} is being claimed by several processes at once`);
  } finally {
    unlinkSync(aside);
  }
}

/** A process that was killed may need this long to give back its memory, and its lock with it. */
const PATIENCE_MS = 3000;

function living(claim: string | null): number | null {
  if (claim === null) return null;
  try {
    const { pid, started } = JSON.parse(claim) as { pid: number; started: string | null };
    return started !== null && startOf(pid) === started ? pid : null;
  } catch {
    // A claim that cannot be read was torn by a crash: its process is gone.
    return null;
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** When the process began, as its system writes it; null when there is none. A pid alone is used again after a reboot. */
function startOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // proc(5): field 22, counted after the command's closing bracket, which may itself hold spaces.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    // No such process: both ways say so by failing.
    return null;
  }
}
