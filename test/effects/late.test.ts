import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsBench } from './support.ts';

/** `tidy` is harmless in `calm`, and empties a table in `wild`: which of them a name alone leads to is for the search_path to say. */
const bench = effectsBench(`
  create schema calm; create schema wild;
  create function calm.tidy() returns int language sql as 'select 1';
  create function wild.tidy() returns int language plpgsql as 'begin delete from public.log; return 1; end';
  create function calls_tidy() returns trigger language plpgsql as 'begin perform tidy(); return null; end';
  create function calls_calm() returns trigger language plpgsql as 'begin perform calm.tidy(); return null; end';
  create function pinned() returns trigger language plpgsql set search_path = calm as 'begin perform tidy(); return null; end';
  create function key(i int) returns int immutable language plpgsql as 'begin return tidy(); end';
  create function tidies(i int) returns int language plpgsql as 'begin return tidy(); end';
  create table at_once (id int);
  create trigger t after insert on at_once for each row execute function calls_tidy();
  create table later (id int);
  create constraint trigger t after insert on later deferrable for each row execute function calls_tidy();
  create table later_calm (id int);
  create constraint trigger t after insert on later_calm deferrable for each row execute function calls_calm();
  create table later_pinned (id int);
  create constraint trigger t after insert on later_pinned deferrable for each row execute function pinned();
  create table keyed (id int, exclude using btree (key(id) with =));
  create table later_keyed (id int, exclude using btree (key(id) with =) deferrable);
  create table parents (id int primary key, other int unique deferrable initially deferred);
  create table children (id int references parents deferrable initially deferred);
  create function puts() returns int language sql set search_path = calm as 'insert into public.later values (1) returning id';
`);
const PATH = ['calm', 'public'];
const writes = (sql: string) => bench.one(sql, PATH).effects.writes;

test('what runs at the end of its transaction may look names up in any search_path', () => {
  for (const sql of [
    'insert into later values (1)',
    'copy later from stdin',
    'select public.puts()',
    'with w as (insert into later values (1) returning id) select * from w',
    'insert into later_keyed values (1)',
    'declare c cursor with hold for select public.tidies(id) from base',
    'explain analyze insert into later values (1)',
  ])
    assert.ok(writes(sql).includes('public.log'), `${sql}: ${writes(sql)}`);
  for (const sql of [
    'insert into at_once values (1)',
    'insert into keyed values (1)',
    'insert into later_calm values (1)',
    'insert into later_pinned values (1)',
    'delete from later',
    'declare c cursor for select public.tidies(id) from base',
    'select public.tidies(1)',
  ])
    assert.ok(!writes(sql).includes('public.log'), `${sql}: ${writes(sql)}`);
});

test('keys of Postgres and cursors over plain tables leave nothing to look up', () => {
  for (const [sql, expected] of [
    ['insert into parents values (1, 1)', ['public.parents']],
    ['update children set id = 2', ['public.children']],
    ['insert into children values (1)', ['public.children']],
  ] as const) {
    const { effects, late } = bench.one(sql, PATH);
    assert.deepEqual(
      [effects.writes, effects.functions, effects.unknown, late],
      [expected, [], [], undefined],
      sql,
    );
  }
  assert.equal(
    bench.one('declare c cursor with hold for select id, v from base', PATH).effects.readOnly,
    true,
  );
});

test('behind what is left to the end of a transaction, a text that changes what it calls cannot be told', () => {
  const change = "create or replace function calm.tidy() returns int language sql as 'select 2'";
  const unknown = (sql: string) => bench.all(sql, PATH).at(-1)!.effects.unknown.length > 0;
  for (const before of [
    'insert into later_calm values (1)',
    'begin; savepoint a; insert into later_calm values (1); rollback to a',
    'declare c cursor with hold for select public.tidies(1)',
  ])
    assert.equal(unknown(`${before}; ${change}`), true, before);
  for (const before of [
    'insert into children values (1)',
    'begin; insert into later_calm values (1); commit',
  ])
    assert.equal(unknown(`${before}; ${change}`), false, before);
  assert.equal(unknown('insert into later_calm values (1); create table fresh (id int)'), false);
});
