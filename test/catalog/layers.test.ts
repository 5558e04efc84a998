import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { CatalogLoader } from '#proxy/catalog/loader.ts';
import { PROTECTED, SETUP } from '#test/effects/database.ts';
import { rowsOf } from '#test/effects/support.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { CHANGES } from './changes.ts';
import { keysOf, pictureOf } from './picture.ts';

let agent: pg.Client;
let own: pg.Client;
let other: pg.Client;

before(async () => {
  const server = await startPostgres({ settings: { allow_system_table_mods: 'on', autovacuum: 'off' } });
  const url = await server.createDatabase('layers');
  [agent, own, other] = [new pg.Client(url), new pg.Client(url), new pg.Client(url)];
  await Promise.all([agent.connect(), own.connect(), other.connect()]);
  await agent.query(SETUP);
  await own.query(`set search_path to 'pg_catalog'`);
});

after(() => Promise.all([agent?.end(), own?.end(), other?.end()]));

const newLoader = (client: pg.Client) =>
  new CatalogLoader(sql => rowsOf(client, sql), { protectedColumns: PROTECTED });

test('after every change, the catalog in layers answers as one that was loaded whole', async () => {
  const loader = newLoader(own);
  const before = (await loader.load()).catalog.version;
  const versions = new Map<string, string>([[before, (await whole()).version]]);
  const wrong: string[] = [];
  for (const [i, sql] of CHANGES.entries()) {
    await agent.query(sql).catch((error: Error) => wrong.push(`${sql}: ${error.message}`));
    const { catalog } = await loader.load();
    const full = await whole();
    const keys = await keysOf(sql => rowsOf(own, sql));
    const [layered, expected] = [pictureOf(catalog, keys), pictureOf(full, keys)];
    for (const part of Object.keys(expected))
      if (layered[part] !== expected[part]) wrong.push(`${sql}: ${part}`);
    // Two versions are the same exactly where those of a whole load are.
    const known = versions.get(catalog.version);
    if (known !== undefined)
      assert.equal(known, full.version, `${sql}: the version stays, the catalog does not`);
    versions.set(catalog.version, full.version);
    if (i % 10 !== 0) continue;
    const fresh = await newLoader(other).load();
    await other.query('deallocate all');
    assert.equal(catalog.version, fresh.catalog.version, `${sql}: a fresh load has another version`);
  }
  assert.equal(new Set(versions.values()).size, versions.size, 'one catalog, one version');
  assert.deepEqual(wrong, []);
});

function whole() {
  return loadCatalog(sql => rowsOf(own, sql), { protectedColumns: PROTECTED });
}
