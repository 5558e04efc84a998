import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startEmbeddedPostgres } from '#cli/embedded-postgres.ts';
import { type CatalogSnapshot, SNAPSHOT_FILE } from '#cli/policy-snapshot.ts';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { VIEW_TREES } from '#proxy/catalog/sql.ts';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import { OwnConnection } from '#proxy/upstream/query.ts';
import { sha256 } from '#schemas/canonical.ts';

type Rows = (string | null)[][];
type Server = Awaited<ReturnType<typeof startEmbeddedPostgres>>;

const SHOP = new URL('./shop.sql', import.meta.url);

/**
 * What a server answers to the queries of the catalog's loader: for an empty database, and what the sample shop adds to that.
 * `server` needs a super user's rights; two databases are made on it.
 */
export async function recordCatalog(
  server: Pick<Server, 'port' | 'superuser' | 'superPassword'>,
): Promise<CatalogSnapshot> {
  const postgres = await connect(server, 'postgres');
  const [[version = null] = []] = await postgres.query('show server_version');
  await postgres.query('create database snapshot_shop template template0');
  postgres.close();
  const empty = await answers(server, 'snapshot_shop');
  const shop = await connect(server, 'snapshot_shop');
  await shop.query(readFileSync(SHOP, 'utf8'));
  shop.close();
  const full = await answers(server, 'snapshot_shop');
  const changes = [...full].map(([key, rows]) => [key, change(empty.get(key) ?? [], rows)] as const);
  return { server: version ?? '', empty: Object.fromEntries(empty), shop: Object.fromEntries(changes) };
}

function change(before: Rows, after: Rows): { without: number[]; more: Rows } {
  const text = (row: Rows[number]): string => JSON.stringify(row);
  const [had, has] = [new Set(before.map(text)), new Set(after.map(text))];
  return {
    without: before.flatMap((row, i) => (has.has(text(row)) ? [] : [i])),
    more: after.filter(row => !had.has(text(row))),
  };
}

async function answers(
  server: Parameters<typeof recordCatalog>[0],
  database: string,
): Promise<Map<string, Rows>> {
  const connection = await connect(server, database);
  const found = new Map<string, Rows>();
  const query = async (sql: string): Promise<Rows> => {
    const rows = await connection.query(sql);
    found.set(sha256(sql), rows);
    return rows;
  };
  try {
    await loadCatalog(query, { protectedColumns: [] });
    // Which views it asks about hangs on the columns that a policy protects: recorded one by one, for any policy.
    const views = await connection.query(
      "select oid from pg_class where relkind in ('v', 'm') and oid >= 16384 order by oid",
    );
    for (const [oid] of views) await query(VIEW_TREES([Number(oid)]));
  } finally {
    connection.close();
  }
  return found;
}

async function connect(
  server: Parameters<typeof recordCatalog>[0],
  database: string,
): Promise<OwnConnection> {
  return new OwnConnection(
    await connectUpstream({
      host: '127.0.0.1',
      port: server.port,
      tls: 'disable',
      user: server.superuser,
      password: server.superPassword,
      weakAuth: [],
      database,
      parameters: new Map([['client_encoding', 'UTF8']]),
      deadlineMs: 30_000,
    }),
  );
}

/** The same from an embedded Postgres that is started for it, in a temporary folder. */
export async function recordFresh(): Promise<CatalogSnapshot> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-catalog-'));
  try {
    const server = await startEmbeddedPostgres({ dir });
    try {
      return await recordCatalog(server);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const json = JSON.stringify(await recordFresh());
  const bytes = gzipSync(json, { level: 9 });
  writeFileSync(SNAPSHOT_FILE, bytes);
  console.log(`written: ${SNAPSHOT_FILE.pathname}, ${bytes.length} bytes (${json.length} unpacked)`);
}
