import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#cli/embedded-postgres.ts';
import { beforeEnd } from '#test/support/before-end.ts';
import { tempDir } from '#test/support/temp.ts';

export interface TestPostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: string;
  readonly superPassword: string;
  /** With user and password; names the database `postgres`. */
  readonly superUrl: string;
  /** The folder of the cluster: `cluster/`, `postgres.log`. */
  readonly dir: string;
  /** The super user's URL of another database, or another user's. */
  url(options: { database?: string; user?: string; password?: string }): string;
  /** Makes an empty database and gives its superUrl. */
  createDatabase(name: string): Promise<string>;
  /** Runs SQL as the super user; several statements are allowed without values. Rows of the last one. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    options?: { values?: unknown[]; database?: string },
  ): Promise<Row[]>;
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Commits survive a crash of the machine. Off by default: a test's data need only survive a killed process, and that they do. */
  readonly fsync?: boolean;
  /** Lets every role in without a password: for `RawClient`, which speaks no SCRAM. */
  readonly trust?: boolean;
  /** An older major version, of those in test/servers: see `lacksServer`. */
  readonly major?: OldMajor;
  /** Asks this role for its password in clear text, as the proxy asks for a token. */
  readonly cleartextFor?: string;
}

/**
 * A Postgres 18 of its own, on a free port, in a temp folder, up in half a second. Call it once per test file, at the top or in
 * `before`; it stops by itself after the file's last hook.
 */
export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const dir = tempDir('postgres');
  const major = options.major ?? chosenMajor();
  const native = major === undefined ? undefined : nativeOf(major);
  // Up to 15 a server goes to its own folder and back to find itself, so it has to be able to walk where it is.
  if (native !== undefined) chmodSync(dir, 0o711);
  copyInto(await template(native), dir);
  if (options.trust) {
    writeFileSync(join(dir, 'cluster', 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
  } else if (options.cleartextFor !== undefined) {
    const lines = [`all ${options.cleartextFor} 127.0.0.1/32 password`, 'all all 127.0.0.1/32 scram-sha-256'];
    writeFileSync(join(dir, 'cluster', 'pg_hba.conf'), lines.map(line => `host ${line}\n`).join(''));
  }
  const server = await startEmbeddedPostgres({
    dir,
    ...(native === undefined ? {} : { native }),
    settings: {
      ...(options.fsync ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
      shared_buffers: '32MB',
      ...options.settings,
    },
  });
  const started = describe(server, dir);
  beforeEnd(started.stop);
  return started;
}

function describe(server: EmbeddedPostgres, dir: string): TestPostgres {
  const url: TestPostgres['url'] = ({ database = 'postgres', user, password }) => {
    const name = encodeURIComponent(user ?? server.superuser);
    const secret = password ?? (user === undefined ? server.superPassword : null);
    const login = secret === null ? name : `${name}:${encodeURIComponent(secret)}`;
    return `postgres://${login}@127.0.0.1:${server.port}/${encodeURIComponent(database)}`;
  };
  const query: TestPostgres['query'] = async (sql, { values, database } = {}) => {
    const client = new pg.Client({ connectionString: url(database === undefined ? {} : { database }) });
    // A server that is killed under a query ends the connection too: the query's promise tells it, and an event that nobody hears would
    // end the test.
    client.on('error', () => {});
    await client.connect();
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(sql, values);
      return (Array.isArray(result) ? result.at(-1)!.rows : result.rows) as never;
    } finally {
      await client.end();
    }
  };
  return {
    host: '127.0.0.1',
    port: server.port,
    superuser: server.superuser,
    superPassword: server.superPassword,
    superUrl: url({}),
    dir,
    url,
    query,
    createDatabase: async name => {
      await query(`create database "${name.replaceAll('"', '""')}"`);
      return url({ database: name });
    },
    stop: server.stop,
  };
}

const SERVERS = join(import.meta.dirname, '..', 'servers', 'node_modules');

/** The older servers that the tests know. */
export const OLD_MAJORS = ['13', '14', '15', '16', '17'] as const;
export type OldMajor = (typeof OLD_MAJORS)[number];

/** For `skip`: false, or why this server is not here. CI has them all: there it is a failure. */
export function lacksServer(major: OldMajor): string | false {
  if (existsSync(nativeOf(major))) return false;
  const why = `Postgres ${major} is not installed: run npm ci --prefix test/servers`;
  if (process.env.CI === 'true') throw new Error(why);
  return why;
}

/** HOLDPOINT_POSTGRES=13 runs whatever test names no server of its own on that one. */
export function chosenMajor(): OldMajor | undefined {
  const chosen = process.env.HOLDPOINT_POSTGRES ?? '18';
  const major = OLD_MAJORS.find(old => old === chosen);
  if (major === undefined && chosen !== '18') throw new Error(`HOLDPOINT_POSTGRES: there is no ${chosen}`);
  return major;
}

function nativeOf(major: OldMajor): string {
  return join(SERVERS, `postgres-${major}`, 'native');
}

/**
 * A cluster made once and copied for each server: initdb takes a second, a copy a tenth. The runner gives a folder that goes with
 * its run; a file run alone uses one that stays.
 */
async function template(native: string | undefined): Promise<string> {
  const manifest =
    native === undefined
      ? join(dirname(createRequire(import.meta.url).resolve('embedded-postgres')), '..', 'package.json')
      : join(native, '..', 'package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const home =
    process.env.HOLDPOINT_TEST_CACHE ?? join(tmpdir(), `holdpoint-test-${process.getuid?.() ?? 'user'}`);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const ready = join(home, `postgres-${version}`);
  if (existsSync(ready)) return ready;
  const fresh = mkdtempSync(join(home, 'new-'));
  if (native !== undefined) for (const folder of [home, fresh]) chmodSync(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dir: fresh,
    ...(native === undefined ? {} : { native }),
    settings: { fsync: 'off' },
  });
  await server.stop();
  try {
    renameSync(fresh, ready);
  } catch (error) {
    // Another test process was first; its template is as good.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(ready)) throw error;
  }
  return ready;
}

function copyInto(from: string, to: string): void {
  // `cp` because the owner must come along, which node's own copy leaves behind.
  execFileSync('cp', ['-a', join(from, 'cluster'), join(from, 'superuser.password'), to]);
}
