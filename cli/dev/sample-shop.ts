import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#cli/embedded-postgres.ts';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import { OwnConnection } from '#proxy/upstream/query.ts';
import type { DevTarget } from './target.ts';

const SCHEMA = new URL('../sample/shop.sql', import.meta.url);
const PASSWORD = 'HOLDPOINT_SHOP_PASSWORD';

export interface SampleShop {
  readonly postgres: EmbeddedPostgres;
  readonly target: DevTarget;
}

/**
 * The sample shop in an embedded Postgres under `dir`, filled on first use. The mark that it is full is the database's last table of
 * contents: a start that was killed while filling begins the database anew.
 */
export async function startSampleShop(dir: string, log: (line: string) => void): Promise<SampleShop> {
  const postgres = await startEmbeddedPostgres({ dir: join(dir, 'postgres'), log });
  try {
    await fill(postgres, log);
    const password = await agentPassword(join(dir, 'postgres', 'agent.password'), postgres);
    return {
      postgres,
      target: {
        name: 'shop',
        role: 'agent',
        secrets: { [PASSWORD]: password },
        target: {
          host: '127.0.0.1',
          port: postgres.port,
          database: 'shop',
          tls: 'disable',
          weakAuth: [],
          roles: { agent: { secret: `env:${PASSWORD}` } },
        },
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function fill(postgres: EmbeddedPostgres, log: (line: string) => void): Promise<void> {
  const admin = await connect(postgres, 'postgres');
  try {
    const [ready] = await admin.query(`select 1 from pg_database where datname = 'shop'`);
    if (ready !== undefined) return;
    log('filling the sample shop');
    await admin.query('drop database if exists shop_filling with (force)');
    await admin.query(`create database shop_filling template template0 encoding 'UTF8'`);
    const shop = await connect(postgres, 'shop_filling');
    try {
      await shop.query(readFileSync(SCHEMA, 'utf8'));
      await shop.query('analyze');
    } finally {
      shop.close();
    }
    // Renamed at the end: a shop that exists is full.
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop_filling'`,
    );
    await admin.query('alter database shop_filling rename to shop');
  } finally {
    admin.close();
  }
}

/** The agent's password in the database: random, and set anew at each start, so that file and server agree after any crash. */
async function agentPassword(file: string, postgres: EmbeddedPostgres): Promise<string> {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const password = readFileSync(file, 'utf8');
  if (!/^[A-Za-z0-9_-]{32}$/.test(password))
    throw new Error(`${file} does not hold the password that was put there`);
  const admin = await connect(postgres, 'postgres');
  try {
    await admin.query(`alter role agent password '${password}'`);
  } finally {
    admin.close();
  }
  return password;
}

async function connect(postgres: EmbeddedPostgres, database: string): Promise<OwnConnection> {
  return new OwnConnection(
    await connectUpstream({
      host: '127.0.0.1',
      port: postgres.port,
      tls: 'disable',
      user: postgres.superuser,
      password: postgres.superPassword,
      weakAuth: [],
      database,
      parameters: new Map([['client_encoding', 'UTF8']]),
      deadlineMs: 30_000,
    }),
  );
}
