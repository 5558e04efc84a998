import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#cli/embedded-postgres.ts';
import { runProgram } from '#test/support/psql.ts';

/** The database that everything is measured in front of. */
export interface BenchCluster {
  readonly port: number;
  readonly database: 'bench';
  /** Logs in with SCRAM, as everybody does who can. */
  readonly user: 'bench';
  readonly password: 'bench-password';
  /** Needs no password: for what cannot pass SCRAM on (pgpool in raw mode, our own raw client). */
  readonly trustedUser: 'bench_trusted';
  readonly version: string;
  stop(): Promise<void>;
}

/**
 * Starts it, filling it on first use: pgbench's tables at this scale, and `bench_people` with this many rows. Kept under `dir`
 * for the next run.
 */
export async function startCluster(options: {
  dir: string;
  scale: number;
  rows: number;
  log: (line: string) => void;
}): Promise<BenchCluster> {
  const server = await startEmbeddedPostgres({
    dir: options.dir,
    log: options.log,
    // Room for the idle sessions; the rest is the server's default, durable commits among it.
    settings: { max_connections: '2200', shared_buffers: '512MB' },
  });
  try {
    trust(options.dir);
    const version = await fill(server, options);
    return {
      port: server.port,
      database: 'bench',
      user: 'bench',
      password: 'bench-password',
      trustedUser: 'bench_trusted',
      version,
      stop: server.stop,
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function trust(dir: string): void {
  const file = join(dir, 'cluster', 'pg_hba.conf');
  const line = 'host bench bench_trusted 127.0.0.1/32 trust\n';
  const text = readFileSync(file, 'utf8');
  if (!text.startsWith(line)) writeFileSync(file, line + text);
}

async function fill(
  server: EmbeddedPostgres,
  { scale, rows, log }: { scale: number; rows: number; log: (line: string) => void },
): Promise<string> {
  const superUser = { user: server.superuser, password: server.superPassword };
  const found = await query(server, { ...superUser, database: 'postgres' }, [
    'select pg_reload_conf()',
    "select 1 from pg_database where datname = 'bench'",
  ]);
  if (found.length === 0) {
    await query(server, { ...superUser, database: 'postgres' }, [
      'drop role if exists bench_trusted',
      'drop role if exists bench',
      "create role bench login password 'bench-password'",
      'create role bench_trusted login in role bench',
      'create database bench owner bench',
    ]);
  }
  const bench = { user: 'bench', password: 'bench-password', database: 'bench' };
  const mark = `scale ${scale}, rows ${rows}`;
  const [done] = await query(server, bench, [
    'create table if not exists bench_filled (mark text)',
    'select mark from bench_filled',
  ]);
  if (done?.mark !== mark) {
    log(`filling the database (${mark})`);
    const at = ['-h', '127.0.0.1', '-p', `${server.port}`, '-U', 'bench', 'bench'];
    const made = await runProgram('pgbench', ['-i', '-q', '-s', `${scale}`, ...at], {
      env: { PGPASSWORD: 'bench-password' },
      deadlineMs: 600_000,
    });
    if (made.code !== 0) throw new Error(`pgbench -i failed: ${made.stderr}`);
    await query(server, bench, [
      'drop table if exists bench_people',
      'create table bench_people (id int primary key, name text, email text, city text, joined timestamptz)',
      `insert into bench_people select n, 'person number ' || n, 'person.' || n || '@example.com',
         'city ' || n % 977, timestamptz '2020-01-01' + n * interval '37 seconds' from generate_series(1, ${rows}) n`,
      'vacuum analyze bench_people',
      'delete from bench_filled',
      `insert into bench_filled values ('${mark}')`,
    ]);
    await query(server, { ...superUser, database: 'bench' }, ['checkpoint']);
  }
  const [row] = await query(server, bench, ['show server_version']);
  return String(row?.server_version);
}

/** Rows of the last statement. */
async function query(
  { port }: { port: number },
  as: { user: string; password: string; database: string },
  statements: readonly string[],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ host: '127.0.0.1', port, ...as });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const text of statements) rows = (await client.query(text)).rows;
    return rows;
  } finally {
    await client.end();
  }
}
