import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBody } from '#proxy/policy/analyse.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench(`
  create function looks_up() returns int language plpgsql as 'begin return (select count(*) from log); end';
  create table fills (t text, i int default looks_up());
`);
const unknown = (sql: string) => bench.one(sql).effects.unknown.length > 0;

test('a statement that changes the search_path while it runs cannot be told where it calls what looks names up', () => {
  for (const sql of [
    "select set_config('search_path', 'public', false), looks_up()",
    "select looks_up() from (select set_config('search_path', 'public', true)) s",
    "select looks_up() where set_config('Search_Path', 'public', true) is not null",
    "select set_config('role', 'x', false), looks_up()",
    "insert into fills (t) values (set_config('search_path', 'public', false))",
    "explain analyze select set_config('search_path', 'public', false), looks_up()",
  ])
    assert.equal(unknown(sql), true, sql);
  for (const sql of [
    "select set_config('search_path', '', false)",
    "select pg_catalog.set_config('search_path', 'public', false), now(), lower('A')",
    "select set_config('work_mem', '4MB', false), looks_up()",
    'select looks_up()',
  ])
    assert.equal(unknown(sql), false, sql);
});

test('nor can an EXECUTE whose values change it before its body runs', () => {
  const body = bench.one('select looks_up()');
  const run = (given: string) => withBody(bench.one(`execute p(${given})`), body).effects;
  assert.equal(run("set_config('search_path', 'public', false)").unknown.length > 0, true);
  assert.equal(run("set_config('work_mem', '4MB', false)").unknown.length, 0);
  assert.equal(run("'a'").unknown.length, 0);
});
