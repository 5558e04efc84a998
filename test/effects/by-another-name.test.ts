import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '#proxy/policy/judge.ts';
import { allowing, holding } from '#test/policy/policies.ts';
import { REQUEST } from '#test/policy/statements.ts';
import { effectsBench } from './support.ts';

/** A rule names a relation; a statement that reaches it by another name, or by none, meets the rule all the same. */
const bench = effectsBench(`
  create schema beside; create table beside.orders (id int); create table beside.log (id int);
  grant usage on schema beside to public;
  create schema closed; create table closed.orders (id int); create table closed.keys (id int, cardholder text);
  create function closed.paid() returns bigint language sql as 'select 1';
  create table keys (id int, cardholder text); create function paid() returns bigint language sql as 'delete from public.log; select 1';
  create table whole (id int primary key) partition by range (id);
  create table whole_1 partition of whole for values from (0) to (9);
  create table whole_2 partition of whole for values from (9) to (99);
  create table hangs (id int references whole on delete cascade) partition by range (id);
  create table hangs_1 partition of hangs for values from (0) to (9);
  create view over_whole as select id from whole;
  create function reads_whole() returns bigint language sql stable as 'select count(*) from public.whole';
  create function fills_whole() returns void language plpgsql as 'begin insert into public.whole values (1); end';
`);

const meets = (match: string, sql: string, path?: readonly string[]) =>
  judge(holding(`{ effects: { ${match} } }`), REQUEST, [bench.one(sql, path)]).kind === 'hold';

for (const sql of [
  'insert into whole values (1)',
  'update whole set id = 3',
  'delete from whole where id = 1',
  'merge into whole using log on whole.id = log.id when matched then delete',
  'truncate whole',
  'copy whole from stdin',
  'with gone as (delete from whole returning id) select * from gone',
  'update over_whole set id = 1',
  'select fills_whole()',
  'explain analyze delete from whole',
  'alter table whole add column more int',
  'drop table whole',
  'create index on whole (id)',
  'vacuum full whole',
])
  test(`a partition is written by the name of its parent: ${sql}`, () => {
    assert.equal(meets('writes: [public.whole_1]', sql), true);
    assert.equal(meets('writes: [public.whole_2]', sql), true);
    // People read the effects, and a rule that lists what may be touched lists the parent.
    assert.equal(bench.one(sql).effects.writes.includes('public.whole_1'), false);
  });

test('a partition is read by the name of its parent, and written by a foreign key of its parent', () => {
  for (const sql of [
    'select * from whole',
    'table over_whole',
    'select reads_whole()',
    'copy whole to stdout',
    'lock table whole',
  ])
    assert.equal(meets('reads: [public.whole_1]', sql), true, sql);
  assert.equal(meets('writes: [public.hangs_1]', 'delete from whole'), true);
});

test('a partition that is named does not stand for its neighbours, nor does a parent for what it is not asked', () => {
  assert.equal(meets('writes: [public.whole_2]', 'insert into whole_1 values (1)'), false);
  assert.equal(meets('reads: [public.whole_2]', 'select * from whole_1'), false);
  assert.equal(meets('writes: [public.whole_1]', 'select * from whole'), false);
  assert.equal(meets('onlyRelations: [public.whole]', 'select * from whole'), true);
});

test('a command of the catalog is about what the server finds in the path first', () => {
  for (const sql of [
    'alter table orders add column x int',
    'drop table orders',
    'create index on orders (id)',
  ]) {
    assert.equal(meets('writes: [public.orders]', sql, ['public', 'beside']), true, sql);
    assert.equal(meets('writes: [beside.orders]', sql, ['public', 'beside']), false, sql);
    assert.equal(meets('writes: [beside.orders]', sql, ['beside', 'public']), true, sql);
    assert.equal(meets('writes: [public.orders]', sql, ['beside', 'public']), false, sql);
    // Behind SET in one pipeline nobody knows the path.
    assert.equal(meets('writes: [public.orders]', sql, ['?']), true, sql);
  }
});

test('what is made is made in the first schema of the path that exists', () => {
  for (const sql of [
    'create table fresh (id int)',
    'create view fresh as select 1 as one',
    'create sequence fresh',
    'create type fresh as (a int)',
    'create table fresh as select 1 as one',
    'select 1 as one into fresh',
    'create materialized view fresh as select 1 as one',
  ]) {
    // As after connecting: "$user", public, and no schema is called like the user.
    assert.equal(meets('writes: [public.*]', sql, ['agent', 'public']), true, sql);
    assert.equal(meets('writes: [agent.*]', sql, ['agent', 'public']), false, sql);
    assert.equal(meets('writes: [public.*]', sql, ['beside', 'public']), false, sql);
    assert.equal(meets('writes: [beside.fresh]', sql, ['beside', 'public']), true, sql);
    assert.equal(meets('unknown: true', sql, ['?']), true, sql);
  }
  assert.equal(meets('writes: [beside.log]', 'create table log (id int)', ['beside', 'public']), true);
  assert.equal(meets('writes: [public.log]', 'create temporary table log (id int)'), false);
});

test('the server passes over a schema that its role may not use, and takes the name behind it', () => {
  const path = ['closed', 'public'];
  for (const sql of ['drop table orders', 'insert into orders select', 'create table orders (id int)'])
    for (const schema of ['closed', 'public'])
      assert.equal(meets(`writes: [${schema}.orders]`, sql, path), true, `${sql} in ${schema}`);
  for (const schema of ['closed', 'public'])
    assert.equal(meets(`reads: [${schema}.orders]`, 'select * from orders', path), true, schema);
  assert.equal(meets('writes: [public.log]', 'select paid()', path), true);
  assert.equal(meets('writes: [public.orders]', 'drop table orders', ['beside', 'public']), false);
  assert.equal(meets('writes: [public.fresh]', 'create table fresh ()', ['pg_toast', 'public']), true);
});

test('what belongs to a relation is changed by commands that name the relation before it', () => {
  for (const sql of [
    'drop trigger noted on log',
    'drop rule keep on log',
    'drop policy own on log',
    "comment on column log.note is 'x'",
    'comment on table log is null',
  ])
    assert.equal(meets('writes: [public.log]', sql), true, sql);
});

test('a command that takes along what it does not name cannot be told', () => {
  for (const sql of [
    'drop schema public cascade',
    'drop type status cascade',
    'drop function reads_whole() cascade',
    'drop owned by current_user',
    'reassign owned by current_user to postgres',
    'alter table all in tablespace pg_default set tablespace pg_default',
    'alter schema beside rename to gone',
  ])
    assert.equal(meets('unknown: true', sql), true, sql);
  for (const sql of ['drop table orders cascade', 'drop view paid cascade', 'drop function reads_whole()'])
    assert.equal(meets('unknown: false', sql), true, sql);
});

test('a rule that allows is not met by a partition that was not named', () => {
  const allowed = (match: string, sql: string) =>
    judge(allowing(`{ effects: { ${match} } }`), REQUEST, [bench.one(sql)]).kind === 'allow';
  assert.equal(allowed('writes: [public.whole_1]', 'insert into whole values (1)'), false);
  assert.equal(allowed('writes: [public.whole_1]', 'insert into whole_1 values (1)'), true);
});

test('a command on a function is about the function, for rules that hold or deny it', () => {
  const commands = [
    'alter function reads_whole() rename to other',
    'alter function public.reads_whole set schema beside',
    'alter routine reads_whole owner to current_user',
    'alter function reads_whole() stable',
    'alter function reads_whole() depends on extension plpgsql',
    'create or replace function reads_whole() returns bigint language sql as $$ select 1 $$',
    'create function reads_whole(int) returns bigint language sql as $$ select 1 $$',
    'create aggregate reads_whole(int) (sfunc = int4pl, stype = int)',
    'drop function reads_whole',
    'drop function fills_whole(), public.reads_whole()',
    'drop routine reads_whole()',
    "comment on function reads_whole() is 'x'",
    'grant execute on function reads_whole() to public',
    'do $$ begin drop function reads_whole(); end $$',
  ];
  for (const sql of commands) {
    assert.equal(meets('functions: [public.reads_whole]', sql), true, sql);
    assert.equal(meets('functions: [beside.reads_whole]', sql), false, sql);
    assert.deepEqual(bench.one(sql).effects.functions.includes('public.reads_whole'), false, sql);
  }
  assert.equal(meets('functions: [public.reads_whole]', 'drop function fills_whole()'), false);
  assert.equal(meets('functions: [public.reads_whole]', 'drop function reads_whole', ['?']), true);
  const create = 'create function fresh() returns int language sql as $$ select 1 $$';
  assert.equal(meets('functions: [public.fresh]', create, ['public']), true);
  assert.equal(meets('functions: [beside.fresh]', create, ['beside', 'public']), true);
  assert.equal(meets('unknown: true', create, ['?']), true);
});

test('a function that may be called may not be changed for that', () => {
  const allowed = (sql: string) =>
    judge(allowing('{ effects: { functions: [public.reads_whole] } }'), REQUEST, [bench.one(sql)]).kind ===
    'allow';
  assert.equal(allowed('select reads_whole()'), true);
  assert.equal(allowed('drop function reads_whole()'), false);
  assert.equal(allowed('alter function reads_whole() rename to other'), false);
});

test('what CASCADE takes a foreign key from is written', () => {
  for (const sql of [
    'drop table customers cascade',
    'alter table customers drop column id cascade',
    'alter table customers drop constraint customers_pkey cascade',
  ]) {
    assert.equal(meets('writes: [public.orders]', sql), true, sql);
    assert.equal(meets('writes: [public.orders]', sql.replace(' cascade', '')), false, sql);
    assert.equal(meets('writes: [public.lines]', sql), false, sql);
  }
  assert.equal(meets('writes: [public.hangs_1]', 'drop table whole cascade'), true);
  assert.equal(bench.one('drop table whole cascade').effects.writes.includes('public.hangs'), true);
});

test('what draws from a sequence calls a function', () => {
  for (const sql of [
    "select nextval('seq')",
    "select setval('seq', 1)",
    "insert into log (note) values ('x')",
  ]) {
    assert.equal(meets('functions: [pg_catalog.nextval, pg_catalog.setval]', sql), true, sql);
    assert.equal(meets('writes: [public.seq, public.log_id_seq]', sql), false, sql);
  }
});

test('attack: a schema with a comma in its name stands for no two others', async () => {
  await bench.client.query(`set check_function_bodies = off; create schema one; create schema two; create schema "one,two"; grant usage on schema one, two, "one,two" to public;
    create function one.helper() returns bigint language sql as 'delete from public.log; select 1';
    create function "one,two".helper() returns bigint language sql as 'select 1';
    create function calls_helper() returns bigint language sql as 'select helper()'`);
  bench.catalog = await bench.load();
  const writes = (path: readonly string[]) => bench.one('select public.calls_helper()', path).effects.writes;
  assert.deepEqual(writes(['one,two']), []);
  assert.deepEqual(writes(['one', 'two']), ['public.log']);
});
