import { after, before } from 'node:test';
import pg from 'pg';
import { type Catalog, loadCatalog } from '#proxy/catalog/load.ts';
import { analyse, loadParser } from '#proxy/policy/analyse.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { PROTECTED, SETUP } from './database.ts';

export interface EffectsBench {
  readonly server: TestPostgres;
  readonly client: pg.Client;
  /** Loads the catalog again, with these protected columns or those of the corpus. */
  load(protectedColumns?: Parameters<typeof loadCatalog>[1]['protectedColumns']): Promise<Catalog>;
  catalog: Catalog;
  /** Every statement of a text. Throws when it does not parse. */
  all(sql: string, searchPath?: readonly string[]): readonly StatementAnalysis[];
  /** The only statement of a text. */
  one(sql: string, searchPath?: readonly string[]): StatementAnalysis;
}

/** A server with the corpus' database and what `more` makes in it, its catalog, and the analysis over it; for all tests of the calling file. */
export function effectsBench(more = ''): EffectsBench {
  const bench = {} as { -readonly [K in keyof EffectsBench]: EffectsBench[K] };
  before(async () => {
    await loadParser();
    bench.server = await startPostgres();
    bench.client = new pg.Client(await bench.server.createDatabase('effects'));
    await bench.client.connect();
    await bench.client.query(`${SETUP};\n${more}`);
    bench.load = (protectedColumns = PROTECTED) =>
      loadCatalog(sql => rowsOf(bench.client, sql), { protectedColumns });
    bench.catalog = await bench.load();
    bench.all = (sql, searchPath = ['public']) => {
      const analysis = analyse(sql, bench.catalog, searchPath);
      if (analysis.kind !== 'statements') throw new Error(`${sql}: ${analysis.message}`);
      return analysis.statements;
    };
    bench.one = (sql, searchPath) => {
      const statements = bench.all(sql, searchPath);
      const [only] = statements;
      if (only === undefined || statements.length !== 1)
        throw new Error(`${sql}: ${statements.length} statements`);
      return only;
    };
  });
  after(() => bench.client?.end());
  return bench;
}

/** Rows as the wire has them in text format. */
export async function rowsOf(client: pg.Client, sql: string): Promise<(string | null)[][]> {
  const asText = { getTypeParser: () => (value: string) => value };
  const result = await client.query({
    text: sql,
    rowMode: 'array',
    types: asText as unknown as pg.CustomTypesConfig,
  });
  return result.rows as (string | null)[][];
}
