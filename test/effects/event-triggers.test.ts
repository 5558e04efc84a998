import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionsOf } from '#proxy/policy/definitions.ts';
import { judge } from '#proxy/policy/judge.ts';
import { holding } from '#test/policy/policies.ts';
import { REQUEST } from '#test/policy/statements.ts';
import { effectsBench } from './support.ts';

/** What an event trigger's function does is done by every statement beside which it may run. */
const bench = effectsBench(`
  create table noted (tag text); create table never (tag text);
  create function note() returns event_trigger language plpgsql as 'begin insert into public.noted values (tg_tag); end';
  create function quiet() returns event_trigger language plpgsql as 'begin delete from public.never; end';
  create function greet() returns event_trigger language plpgsql as 'begin delete from public.never; end';
  create event trigger noting on ddl_command_end execute function note();
  create event trigger quieted on ddl_command_start execute function quiet();
  alter event trigger quieted disable;
`);

const meets = (match: string, sql: string) =>
  judge(holding(`{ effects: { ${match} } }`), REQUEST, [bench.one(sql)]).kind === 'hold';

for (const sql of [
  'create table fresh (id int)',
  'create temporary table fresh (id int)',
  'create table fresh as select 1 as one',
  'select 1 as one into fresh',
  'create materialized view fresh as select 1 as one',
  'create view fresh as select 1 as one',
  'create index on log (note)',
  'create schema fresh',
  'create function fresh() returns int language sql as $$ select 1 $$',
  'create extension citext',
  'create trigger fresh before insert on log for each row execute function fresh()',
  'create policy fresh on log',
  'create rule fresh as on insert to log do nothing',
  'alter table log add column more int',
  'alter table log rename to more',
  'alter table log owner to current_user',
  'alter default privileges grant select on tables to public',
  'drop table log',
  'drop owned by current_user',
  'grant select on log to public',
  'revoke select on log from public',
  "comment on table log is 'x'",
  "security label on table log is 'x'",
  'refresh materialized view sums',
  'reindex table log',
  'import foreign schema far from server there into public',
  'do $$ begin create table fresh (id int); end $$',
  'explain analyze create table fresh as select 1 as one',
])
  test(`an event trigger runs beside: ${sql}`, () => {
    assert.equal(meets('writes: [public.noted]', sql), true);
    assert.equal(meets('writes: [public.never]', sql), false);
  });

test('no event trigger runs beside what is no DDL', () => {
  for (const sql of [
    'select * from log',
    "insert into log (note) values ('x')",
    'truncate log',
    'vacuum log',
    'analyze log',
    'begin',
    'set work_mem = 1000',
    'lock table log',
    'explain select 1',
  ])
    assert.equal(meets('writes: [public.noted]', sql), false, sql);
});

test('what runs at every connection from now on counts where it is put there', () => {
  assert.equal(
    meets('writes: [public.never]', 'create event trigger hello on login execute function greet()'),
    true,
  );
});

test('a body that makes something meets them, and so does what calls it', async () => {
  await bench.client.query(
    `create procedure makes() language sql as 'create table fresh (id int)';
     create procedure counts() language sql as 'select count(*) from public.log'`,
  );
  bench.catalog = await bench.load();
  assert.equal(meets('writes: [public.noted]', 'call makes()'), true);
  assert.equal(meets('writes: [public.noted]', 'call counts()'), false);
});

test('an event trigger that changes, or is made, changes what a held statement means', async () => {
  const digest = (text: string) => {
    const effects = bench.all(text).map(analysis => analysis.effects);
    return definitionsOf(bench.catalog, {
      text,
      searchPath: ['public'],
      types: [],
      strings: 'standard',
      effects,
      values: null,
    });
  };
  const [ddl, read] = ['create table fresh (id int)', 'select 1'];
  const seen = [digest(ddl)];
  const plain = digest(read);
  for (const change of [
    'alter event trigger quieted enable',
    `create or replace function quiet() returns event_trigger language plpgsql as 'begin delete from public.log; end'`,
    'drop event trigger quieted',
  ]) {
    await bench.client.query(change);
    bench.catalog = await bench.load();
    seen.push(digest(ddl));
    assert.equal(digest(read), plain, change);
  }
  assert.equal(new Set(seen).size, 3, 'each is another, and the last is the first again');
  assert.equal(seen.at(-1), seen[0]);
});

test('one that nobody can read, or that is not there, makes DDL unknown', async () => {
  await bench.client.query(
    `create function spoken() returns event_trigger language plpgsql as 'begin execute tg_tag; end';
     create event trigger speaking on sql_drop execute function spoken(); alter event trigger speaking enable replica`,
  );
  bench.catalog = await bench.load();
  assert.equal(meets('unknown: true', 'create table fresh (id int)'), true);
  assert.equal(meets('unknown: true', 'select * from log'), false);
});

test('one that reads protected values has all DDL refused, for it may carry them anywhere', async () => {
  await bench.client.query(
    `drop event trigger speaking;
     create function taking() returns event_trigger language plpgsql as
       'begin insert into public.log (note) select ssn from public.customers; end';
     create event trigger takes on ddl_command_end execute function taking()`,
  );
  bench.catalog = await bench.load();
  assert.notEqual(bench.one('create table fresh (id int)').refusal, null);
  assert.equal(bench.one('select id from log').refusal, null);
});
