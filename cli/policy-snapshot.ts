import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { sha256 } from '#schemas/canonical.ts';

type Rows = (string | null)[][];

/** Runs one query of the catalog's loader: rows of text, as the server prints it. */
export type CatalogQuery = (sql: string) => Promise<Rows>;

const rows = z.array(z.array(z.string().nullable()));

/**
 * What a fresh Postgres 18 answers to the queries of the catalog's loader, by the query's SHA-256: with nothing of anybody's in it
 * (`empty`), and with the sample shop: those rows without some (by position), and more. Written by cli/sample/record-catalog.ts.
 */
export const catalogSnapshot = z.strictObject({
  server: z.string(),
  empty: z.record(z.string(), rows),
  shop: z.record(z.string(), z.strictObject({ without: z.array(z.int()), more: rows })),
});
export type CatalogSnapshot = z.infer<typeof catalogSnapshot>;

/** The rows of one query, or null when it was never asked. A query for several OIDs is answered from the answers for each. */
export function replay(snapshot: CatalogSnapshot, sql: string, isShop: boolean): Rows | null {
  const whole = recorded(snapshot, sql, isShop);
  if (whole !== null) return whole;
  const list = / in \((\d+(?:, \d+)+)\)$/.exec(sql);
  if (list === null) return null;
  const head = sql.slice(0, list.index);
  const each = list[1]!.split(', ').map(oid => recorded(snapshot, `${head} in (${oid})`, isShop));
  return each.includes(null) ? null : each.flatMap(rows => rows ?? []);
}

function recorded(snapshot: CatalogSnapshot, sql: string, isShop: boolean): Rows | null {
  const key = sha256(sql);
  const empty = snapshot.empty[key];
  if (!isShop) return empty ?? null;
  const change = snapshot.shop[key];
  if (change === undefined) return null;
  const without = new Set(change.without);
  return [...(empty ?? []).filter((_, i) => !without.has(i)), ...change.more];
}

export const SNAPSHOT_FILE = new URL('./sample/catalog.json.gz', import.meta.url);

/** The snapshot of the repository. Throws where it is missing or damaged. */
export function readSnapshot(): CatalogSnapshot {
  return catalogSnapshot.parse(JSON.parse(gunzipSync(readFileSync(SNAPSHOT_FILE)).toString('utf8')));
}
