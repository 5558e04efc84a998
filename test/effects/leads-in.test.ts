import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsBench } from './support.ts';

const bench = effectsBench();

/** A role with the rights of a superuser reaches the target's data from outside, and the catalog from inside. */
const LEADING = [
  `copy orders from program 'psql -c "select ssn from customers"'`,
  `copy orders from '/var/lib/postgres/base/1/2'`,
  `create server s foreign data wrapper f options (host 'localhost')`,
  `create user mapping for public server s options (user 'postgres')`,
  `create foreign table f (ssn text) server s options (table_name 'customers')`,
  `alter foreign table f options (set table_name 'customers')`,
  `import foreign schema public from server s into far`,
  `create subscription s connection 'host=localhost' publication p`,
  `create publication p for table customers`,
  `do $$ begin copy orders from program 'id'; end $$`,
];

test('what leads to data that nobody has read passes only where a person sees it', () => {
  for (const sql of LEADING) assert.equal(bench.one(sql).opaque, true, sql);
  for (const sql of ['copy orders from stdin', 'select * from orders', 'create extension citext'])
    assert.equal(bench.one(sql).opaque, false, sql);
});

const KEEPING = [
  `insert into orders (id) select query from pg_stat_get_activity(null)`,
  `create table q as select query from pg_stat_get_activity(null)`,
  `create view q as select pg_stat_get_backend_activity(1) as x`,
  `create table q as select pg_read_file('x') as x`,
  `insert into orders (id) select data from pg_logical_slot_peek_changes('s', null, null)`,
  `select set_config('my.x', pg_read_file('x'), false)`,
];

test('what tells of other sessions and of files is not kept where it is not masked', () => {
  for (const sql of KEEPING) assert.match(bench.one(sql).refusal ?? '', /kept where it is not masked/, sql);
  for (const sql of ['select query from pg_stat_get_activity(null)', `select pg_read_file('x')`]) {
    assert.equal(bench.one(sql).refusal, null, sql);
    assert.equal(bench.one(sql).touchesProtected, true, sql);
  }
});

const REWRITING = [
  `update pg_class set relname = 'x' where relname = 'customers'`,
  `update pg_catalog.pg_attribute set attname = 'x' where attname = 'ssn'`,
  'delete from pg_inherits',
  'insert into pg_rewrite select * from pg_rewrite',
  'alter extension hstore add table customers',
  'alter index customers rename to x',
  'alter type customers rename attribute ssn to x cascade',
];

test('what the policy protects by its name is not given another one by the catalog, an extension or a type', () => {
  for (const sql of REWRITING) assert.notEqual(bench.one(sql).refusal, null, sql);
});

const TRACES = [
  'create schema x',
  'create type x as enum ()',
  `create function x() returns int language sql as 'select 1'`,
  'prepare x as select 1',
  'deallocate all',
  'set constraints all deferred',
  'alter default privileges grant select on tables to public',
  `comment on table orders is 'x'`,
  'perform random()',
];

test('a block that reads protected values leaves nothing behind by which a condition could be told', () => {
  for (const command of TRACES) {
    const block = (condition: string) => `do $$ begin if (${condition}) > 1 then ${command}; end if; end $$`;
    assert.match(
      bench.one(block('select count(*) from customers where ssn like $x$1%$x$')).refusal ?? '',
      /block reads a protected relation/,
      command,
    );
    assert.equal(bench.one(block('select count(*) from orders')).refusal, null, command);
  }
  const plain = `do $$ begin if (select count(*) from customers) > 9 then raise exception 'x'; end if; end $$`;
  assert.equal(bench.one(plain).refusal, null);
});
