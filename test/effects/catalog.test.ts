import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { CatalogLoader } from '#proxy/catalog/loader.ts';
import type { CatalogView } from '#proxy/policy/catalog-view.ts';
import { PROTECTED } from './database.ts';
import { effectsBench, rowsOf } from './support.ts';

const bench = effectsBench();

async function origin(relation: string, column: string): Promise<[number, number]> {
  const { rows } = await bench.client.query(
    `select attrelid::int as oid, attnum from pg_attribute where attrelid = $1::regclass and attname = $2`,
    [relation, column],
  );
  return [rows[0].oid, rows[0].attnum];
}

test('the catalog is what the analysis asks for', () => {
  const view: CatalogView = bench.catalog;
  assert.equal(view.hasProtected, true);
});

test('masks follow protected columns into partitions, parents, views and statistics', async () => {
  const mask = async (relation: string, column: string) =>
    bench.catalog.maskOf(...(await origin(relation, column)));
  assert.deepEqual(await mask('customers', 'ssn'), { column: 'public.customers.ssn', mask: 'redact' });
  assert.deepEqual(await mask('customers', 'card'), { column: 'public.customers.card', mask: 'partial' });
  assert.equal(await mask('customers', 'email'), null);
  assert.deepEqual(await mask('events_2024', 'ssn'), { column: 'public.events.ssn', mask: 'hash' });
  assert.deepEqual(await mask('people', 'number'), { column: 'public.customers.ssn', mask: 'redact' });
  assert.equal((await mask('people', 'shout'))?.mask, 'redact');
  assert.equal(await mask('people', 'id'), null);
  assert.equal(await mask('people', 'one'), null);
  assert.equal((await mask('s_renamed', 'secret'))?.column, 'public.customers.ssn');
  assert.equal((await mask('s_mat', 'ssn'))?.column, 'public.customers.ssn');
  assert.equal((await mask('s_mat', 'c'))?.mask, 'redact');
  assert.equal((await mask('s_agg', 'v'))?.mask, 'redact');
  assert.equal(await mask('s_agg', 'n'), null);
  assert.equal((await mask('s_union', 'b'))?.mask, 'redact');
  assert.equal((await mask('through', 'x'))?.mask, 'redact');
  assert.equal(await mask('through', 'id'), null);
  assert.equal((await mask('pg_stats', 'most_common_vals'))?.mask, 'null');
  assert.equal((await mask('pg_stat_activity', 'query'))?.mask, 'null');
  assert.equal(await mask('pg_stats', 'tablename'), null);
  assert.equal(await mask('paid', 'status'), null);
});

test('a protected child protects its parent, and the parent’s other children stay as they are', async () => {
  const catalog = await bench.load([{ schema: 'public', table: 'events_2024', column: 'ssn', mask: 'null' }]);
  assert.equal(catalog.maskOf(...(await origin('events', 'ssn')))?.mask, 'null');
  assert.equal(catalog.maskOf(...(await origin('events_2025', 'ssn'))), null);
});

test('a child’s values are masked in each of its parents, and by what hides them where two masks meet', async () => {
  await bench.client.query(`create table above (ssn text); create table beside_it (ssn text);
    create table below () inherits (customers, above); create table under () inherits (below, beside_it)`);
  const protect = (table: string, mask: 'partial' | 'redact' | 'null') =>
    ({ schema: 'public', table, column: 'ssn', mask }) as const;
  const masks = async (...names: Parameters<typeof bench.load>[0] & object) => {
    const catalog = await bench.load(names);
    const found = ['customers', 'above', 'below', 'beside_it', 'under'].map(async name =>
      catalog.maskOf(...(await origin(name, 'ssn'))),
    );
    return (await Promise.all(found)).map(mask => mask?.mask ?? null);
  };
  assert.deepEqual(await masks(protect('customers', 'partial')), [
    'partial',
    'partial',
    'partial',
    'partial',
    'partial',
  ]);
  for (const names of [
    [protect('customers', 'partial'), protect('above', 'redact')],
    [protect('above', 'redact'), protect('customers', 'partial')],
  ])
    assert.deepEqual(await masks(...names), Array(5).fill('redact'));
  // Those of `under` are read in each table above.
  assert.deepEqual(await masks(protect('beside_it', 'null')), ['null', 'null', 'null', 'null', 'null']);
  await bench.client.query('drop table below cascade; drop table above, beside_it');
});

test('without protected columns nothing is masked, statistics included', async () => {
  const catalog = await bench.load([]);
  assert.equal(catalog.hasProtected, false);
  assert.equal(catalog.maskOf(...(await origin('pg_stats', 'most_common_vals'))), null);
});

test('protected columns that the target does not have are reported', async () => {
  const names = [
    { schema: 'public', table: 'customers', column: 'nothing', mask: 'null' },
    { schema: 'public', table: 'nothing', column: 'ssn', mask: 'null' },
    ...PROTECTED,
  ] as const;
  assert.deepEqual((await bench.load(names)).missing, ['public.customers.nothing', 'public.nothing.ssn']);
});

test('a role without any right loads the same catalog', async () => {
  await bench.client.query('create role nobody_at_all login');
  await bench.client.query('set role nobody_at_all');
  const catalog = await bench.load();
  await bench.client.query('reset role');
  const again = await bench.load();
  assert.equal(catalog.relationsNamed('orders').length, 1);
  assert.equal(catalog.version, again.version);
});

test('loading leaves the connection as it was, also when it fails', async () => {
  const state = async () => (await bench.client.query('show search_path')).rows;
  const before = await state();
  await bench.load();
  assert.deepEqual(await state(), before);
  const broken = loadCatalog(
    async sql => {
      if (sql.includes('pg_trigger')) throw new Error('cut');
      return rowsOf(bench.client, sql);
    },
    { protectedColumns: PROTECTED },
  );
  await assert.rejects(broken, /cut/);
  assert.deepEqual(await state(), before);
  const { rows } = await bench.client.query(
    'select pg_current_xact_id_if_assigned() is null as idle, now() = statement_timestamp() as alone',
  );
  assert.deepEqual(rows, [{ idle: true, alone: true }]);
});

const CHANGES = [
  'create table changed (a int)',
  'alter table changed add column b text',
  'alter table changed rename column b to c',
  'create view changed_view as select 1 as x',
  'create or replace view changed_view as select 2 as x',
  'create function changed_fn() returns int language sql as $$ select 1 $$',
  'create or replace function changed_fn() returns int language sql as $$ select 2 $$',
  'alter function changed_fn() immutable',
  'create operator public.<=!=> (leftarg = int, rightarg = int, function = int4pl)',
  'create domain changed_domain as int',
  'alter domain changed_domain add check (value > 1)',
  'create cast (mood as float8) with inout',
  'alter table changed enable row level security',
  'create policy changed_policy on changed using (true)',
  'create trigger changed_trigger before insert on changed for each row execute function tg()',
  'alter table changed disable trigger changed_trigger',
  'create rule changed_rule as on delete to changed do instead nothing',
  'create index changed_index on changed (a)',
  'alter table changed add constraint changed_check check (a > 0)',
  'create aggregate changed_agg (int) (sfunc = int4pl, stype = int)',
  'create schema changed_schema',
  'alter schema changed_schema rename to changed_schema2',
  'create table changed_child () inherits (changed)',
  'drop table changed_child',
];

/** Nothing of these is loaded: they change no answer. */
const UNLOADED = /schema|with inout|create index/;

test('a change of the catalog is seen, whatever it is, and nothing else is taken for one', async () => {
  const loader = new CatalogLoader(sql => rowsOf(bench.client, sql), { protectedColumns: PROTECTED });
  const load = async () => (await loader.load()).catalog.version;
  assert.equal(await loader.isUnchanged(), false, 'nothing is loaded');
  let version = await load();
  const wrong: string[] = [];
  for (const sql of CHANGES) {
    if (!(await loader.isUnchanged())) wrong.push(`unchanged before: ${sql}`);
    await bench.client.query(sql);
    if (await loader.isUnchanged()) wrong.push(`changed: ${sql}`);
    const next = await load();
    if (next === version && !UNLOADED.test(sql)) wrong.push(`version: ${sql}`);
    version = next;
  }
  assert.deepEqual(wrong, []);
  await bench.client.query(
    "insert into log (note) values ('x'); update accounts set abalance = 3 where aid = 1; select count(*) from orders",
  );
  assert.equal(await loader.isUnchanged(), true);
  assert.equal(await load(), version);
});

test('a database of its own has its own catalog, and an empty one loads', async () => {
  const client = new pg.Client(await bench.server.createDatabase('bare'));
  await client.connect();
  const catalog = await loadCatalog(sql => rowsOf(client, sql), { protectedColumns: PROTECTED });
  await client.end();
  assert.equal(catalog.hasProtected, false);
  assert.equal(catalog.missing.length, PROTECTED.length);
  assert.notEqual(catalog.version, bench.catalog.version);
});
