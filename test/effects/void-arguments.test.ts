import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '#proxy/policy/analyse.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench();

test('a parameter of type void is no argument: what is left is judged, as the server would call it', () => {
  const VOID = 2278;
  const of = (sql: string, ...types: number[]) => {
    const analysis = analyse(sql, bench.catalog, ['public'], types);
    assert.equal(analysis.kind, 'statements', sql);
    return analysis.kind === 'statements' ? analysis.statements[0]! : assert.fail();
  };
  const called = (sql: string, ...types: number[]) => {
    const { unknown, functions, readOnly } = of(sql, ...types).effects;
    return unknown.length > 0 ? 'unknown' : `${functions.join(' ')} ${readOnly ? 'reads' : 'writes'}`;
  };
  // How a JDBC driver writes {? = call f(?)}.
  assert.match(called('select * from w_plpgsql($1, $2) as result', VOID, 23), /public\.w_plpgsql writes$/);
  assert.equal(called('select * from upper($1, $2) as result', VOID, 25), called('select upper($1)', 25));
  assert.equal(called('select w_plpgsql($1, $2)', 23, 23), 'unknown');
  for (const set of ["'search_path', 'x'", "'client_encoding', 'SJIS'", "'work_mem', '1MB'"])
    assert.deepEqual(
      of(`select set_config($1, ${set}, false)`, VOID),
      of(`select set_config(${set}, false)`),
    );
  const rewrites = (first: string) => `select ts_rewrite(${first}, 'a'::tsquery, 'select 1, 2')`;
  for (const [sql, ...types] of [
    [rewrites('$1'), VOID],
    [rewrites('$1::void')],
    [rewrites('($1::void)::void'), 0],
    [`with v as (select pg_sleep(0) union all select $1) ${rewrites('$1')}`],
    [`prepare p (void) as ${rewrites('$1')}`],
    [`prepare p as ${rewrites('$1::void')}`, 25],
    [`declare c cursor for ${rewrites('$1')}`, VOID],
    [`explain analyze ${rewrites('$1')}`, VOID],
  ] as [string, ...number[]][]) {
    const { effects, actions } = of(sql, ...types);
    const bodies = actions.flatMap(a =>
      a.kind === 'prepare' || a.kind === 'declare' ? [a.body.effects] : [],
    );
    for (const { unknown } of bodies.length > 0 ? bodies : [effects]) assert.notDeepEqual(unknown, [], sql);
  }
  assert.match(called(rewrites('$1'), 3615), / reads$/);
  assert.match(called(rewrites('$1')), / reads$/);
});
