import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, sql as kyselySql, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';

const ASK = "select 'it works'";

/** Connects as most programs do, asks for one row in a transaction, and leaves: what there is for Node. */
export const NODE: Readonly<Record<string, (url: string) => Promise<void>>> = {
  async pg(url) {
    const pool = new pg.Pool({ connectionString: url });
    const client = await pool.connect();
    await client.query('begin');
    await client.query(ASK);
    await client.query('commit');
    client.release();
    await pool.end();
  },

  async postgres(url) {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.begin(tx => tx.unsafe(ASK));
    await sql.end();
  },

  async kysely(url) {
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
    await db.transaction().execute(tx => kyselySql.raw(ASK).execute(tx));
    await db.introspection.getTables();
    await db.destroy();
  },

  async drizzle(url) {
    const pool = new pg.Pool({ connectionString: url });
    await drizzle(pool).transaction(tx => tx.execute(drizzleSql.raw(ASK)));
    await pool.end();
  },
};
