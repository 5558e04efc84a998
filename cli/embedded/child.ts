import { existsSync } from 'node:fs';
import { type Account, reaches } from './account.ts';

/** Nothing of ours: PG* variables would change the server, and its programs (COPY … PROGRAM) could read whatever secret is there. */
export function bareEnvironment(): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * How the server names its own directory. Where the account cannot walk there by path (a folder below one that only root may
 * enter), it is started inside and names it by its working directory, which Postgres never leaves.
 */
export function pathFor(account: Account | null, dir: string): string {
  if (reaches(account, dir)) return dir;
  if (process.platform === 'linux' && existsSync('/proc/self/cwd')) return '/proc/self/cwd';
  throw new Error(`the user ${account?.name} cannot reach ${dir}; use another directory (--data)`);
}
