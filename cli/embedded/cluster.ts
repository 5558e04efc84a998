import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, reaches, runAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { bareEnvironment, pathFor } from './child.ts';

export const SUPERUSER = 'postgres';

export interface Making {
  readonly binaries: Binaries;
  readonly account: Account | null;
  readonly log: (line: string) => void;
}

/** initdb works aside and its result is renamed into place: a cluster that exists is whole. */
export async function createCluster(dir: string, { binaries, account, log }: Making): Promise<void> {
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
      ...(Number(binaries.major) < 17 ? [] : ['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8']),
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
      let line = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        // initdb writes the beginning of a line, works, and then writes its end.
        const lines = (line + text).split('\n');
        line = lines.pop()!;
        for (const whole of lines) if (whole.endsWith(' ... ok')) log(whole.slice(0, -' ... ok'.length));
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

/** Throws when another major version of Postgres made the cluster. */
export function checkVersion(cluster: string, binaries: Binaries): void {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (found === binaries.major) return;
  throw new Error(`${cluster} was made by Postgres ${found}, and the embedded one is ${binaries.major}`);
}

/** Of the super user. */
export function readPassword(dir: string): string {
  const file = join(dir, 'superuser.password');
  if (!existsSync(file))
    throw new Error(`${file} is missing: put it back, or remove ${join(dir, 'cluster')} to begin anew`);
  chmodSync(file, 0o600);
  return readFileSync(file, 'utf8').trim();
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
