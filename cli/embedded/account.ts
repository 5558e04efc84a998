import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

/** The user that the server runs as where we are root: Postgres refuses to. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Null where we are not root and the server may simply run as we do. Throws when we are root and no other user is found. */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf(name, '-u');
    const gid = idOf(name, '-g');
    if (uid !== null && gid !== null && uid !== 0) return { name, uid, gid };
  }
  throw new Error(
    'Postgres does not run as root, and there is neither a user "postgres" nor a user "nobody"',
  );
}

/**
 * Whom an existing cluster asks for. Its owner stays its owner, also when a user "postgres" has come to this machine meanwhile; one
 * that root owns, because it was copied or unpacked, is given to `account`. Throws when we are not root and it is somebody else's.
 */
export function ownerOf(cluster: string, account: Account | null): Account | null {
  const { uid, gid } = statSync(cluster);
  if (account === null) {
    if (uid === process.getuid?.() || process.getuid === undefined) return null;
    throw new Error(
      `${cluster} belongs to another user (${uid}); run as that user or as root, or use another directory`,
    );
  }
  if (uid === 0) {
    execFileSync('chown', ['-R', '-h', `${account.uid}:${account.gid}`, cluster]);
    return account;
  }
  return uid === account.uid ? account : { name: `with id ${uid}`, uid, gid };
}

/** What `spawn` needs to run as this account. */
export function runAs(account: Account | null): { uid?: number; gid?: number } {
  return account === null ? {} : { uid: account.uid, gid: account.gid };
}

/**
 * Can this account enter and write the directory by its path? A directory under /root, or under a folder made with `mkdtemp` by
 * root, cannot be reached by others however open it is itself.
 */
export function reaches(account: Account | null, dir: string): boolean {
  if (account === null) return true;
  const script = 'cd "$0" && test -w . && test -x .';
  return (
    spawnSync('/bin/sh', ['-c', script, dir], { cwd: '/', stdio: 'ignore', ...runAs(account) }).status === 0
  );
}

function idOf(name: string, flag: '-u' | '-g'): number | null {
  try {
    return Number(
      execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    // `id` says "no such user" with its exit code; the caller tries the next name.
    return null;
  }
}
