import {
  bind,
  describe,
  execute,
  flush,
  parse,
  query,
  run,
  type Script,
  script,
  since,
  step,
  sync,
} from './support.ts';

const OFF = query('set standard_conforming_strings = off');
const ON = query('set standard_conforming_strings = on');
const QUIET = query('set escape_string_warning = off');

/** Of each, what it says and where it fails; with the setting on and off. */
const TEXTS: readonly string[] = [
  "select 'a\\b', 'a\\\\b', 'a\\'b'",
  "select 'a\\'', 'b'",
  "select '\\', 'x'",
  "select '\\'; select 'second'; select '\\\\'",
  "select n'a\\tb', text'\\x41\\102', e'\\'', b'1', x'1f'",
  "select 'a'\n'b\\nc'\n\t'\\'d'",
  "select 'a' -- it's\n'b\\\\'",
  "select e'a' -- '\n -- \\\n '\\'' as x",
  "select 'a' -- one\n\n -- two\n'b'",
  "select 'a' /* no */\n'b'",
  "select 'é\\u00e9𝄞', 1 as \"\\\", 'x\\y' y z",
  "select 'é𝄞' 'a\\b', 1",
  "select 'a\\b' 'c\\d'",
  "select 1 where 'a\\b' 1",
  "select '𝄞' -- 𝄞\n 'b' /* 𝄞 */ 'c'",
  "select 1; select 'a\\b' from nowhere",
  "select 1; select 'a\\b', nothing from items",
  "select 'a\\",
  "select 'a\\'",
  "select 'a\\u00'",
  "select 'a\\ud83d\\ude00'",
  "select 'a\\ud83d'",
  'select 1 as U&"a!0061" uescape \'!\'',
  "select $$\\'$$, $a$'\\$a$, '\\$$'",
  "select 'a' like 'a\\_' escape '\\'",
  "select 'a' not -- why\n in /* x */ ('b\\c')",
  'select 1 as a order by a nulls /* they */ first',
  "select '2020-01-01'::timestamp with -- a\n time /* b */ zone is not null",
  "select 'a' -- \\\n, '\\''",
  "select length('\\\\\\''), '\\\\'''",
  "do $$ begin raise notice 'a\\tb'; end $$",
  "do 'begin raise notice ''a\\\\tb''; end'",
  "create temporary table s (v text default 'a\\b'); insert into s values (default), ('c\\\\d'); table s",
  "create function pg_temp.f() returns text language sql as $$ select 'a\\\\b' $$; select pg_temp.f()",
  "prepare p as select 'a\\\\b', $1::text; execute p ('c\\\\d'); deallocate p",
  "declare c cursor with hold for select 'a\\\\b'; fetch c; close c",
  "comment on table items is 'a\\\\b'; select obj_description('items'::regclass); comment on table items is null",
];

/** Older servers find the same faults, in routines of other names. */
const NEWER_TEXTS: readonly string[] = [
  "select 'a\\000'",
  "select U&'a\\0061' as x",
  "select 'a\\'' fro m U&'x'",
  "select 'a'U&'x'",
  "select U&'a' uescape '!'",
];

function bothWays(text: string): Script[] {
  return [
    script(`standard strings: ${text}`, [query(text)], [...run(text), sync()]),
    script(`backslash escapes: ${text}`, [OFF], [query(text)], [...run(text), sync()], [ON], [query(text)]),
  ];
}

/** How strings and comments are read, and what a backslash is in them. */
export const STRINGS: readonly Script[] = [
  ...TEXTS.flatMap(bothWays),
  ...NEWER_TEXTS.flatMap(bothWays).map(one => since(18, one)),
  script(
    'warnings of what will be read otherwise',
    [OFF],
    [query("select 'a\\nb', 'a\\'b', 'a\\\\b'")],
    [QUIET],
    [query("select 'a\\nb'")],
    [query('set backslash_quote = off')],
    [query("select 'a\\'b'")],
    [query("select E'a\\'b'")],
    [query('reset all')],
    [query("select 'a\\nb'")],
  ),
  {
    ...script(
      'from the start-up packet',
      [query("select 'a\\tb'")],
      [query('reset all')],
      [query("select 'a\\tb'")],
      [ON],
      [query("select 'a\\tb'")],
    ),
    parameters: { standard_conforming_strings: 'off', escape_string_warning: 'off' },
  },
  {
    ...script(
      'from the options of the start-up packet',
      [query("select 'a\\'b'")],
      [query('discard all')],
      [query("select 'a\\'b'")],
    ),
    parameters: { options: '-c standard_conforming_strings=false' },
  },
  script(
    'in a transaction, and taken back',
    [QUIET],
    [query('begin')],
    [query('set local standard_conforming_strings = off')],
    [query("select 'a\\'b'")],
    [query('savepoint s')],
    [ON],
    [query("select 'a\\'")],
    [query('rollback to s')],
    [query("select 'a\\'b'")],
    [query('commit')],
    [query("select 'a\\'")],
  ),
  script(
    'in a pipeline',
    [
      ...run('set standard_conforming_strings = off'),
      ...run('set escape_string_warning = off'),
      ...run("select 'a\\'b'"),
      sync(),
    ],
    [
      ...run('set standard_conforming_strings = on'),
      ...run("select 'a\\'"),
      ...run('select 1/0'),
      ...run('select 2'),
      sync(),
    ],
    [...run("select 'a\\'b'"), sync()],
    [...run("select set_config('standard_conforming_strings', 'on', false)"), ...run("select 'a\\'"), sync()],
  ),
  script(
    'in one text with what comes behind it',
    [query("set standard_conforming_strings = off; select 'a\\'; set standard_conforming_strings = on")],
    [query("set standard_conforming_strings = off; select 'a\\'; select 'b\\'")],
    [query("set standard_conforming_strings = on; select 'a\\'b'")],
  ),
  script(
    'prepared in one reading, run in the other',
    [OFF],
    [QUIET],
    [parse({ name: 'p', sql: "select 'a\\'b', $1" }), describe('statement', 'p'), sync()],
    [ON],
    [bind({ statement: 'p', values: ['v'] }), execute(), sync()],
    [query('create temporary table other_catalog ()')],
    [bind({ statement: 'p', values: ['w'] }), execute(), sync()],
    [parse({ name: 'q', sql: "select 'a\\', $1" }), sync()],
    [OFF],
    [bind({ statement: 'q', values: ['v'] }), execute(), sync()],
    [query("prepare r as select 'a\\'b'")],
    [ON],
    [query('execute r')],
    [parse({ sql: "select 'x\\'" }), bind(), execute(), sync()],
  ),
  script(
    'a function that sets it while it is planned',
    [
      query(
        `create function pg_temp.off() returns text immutable language plpgsql as
         $$ begin return set_config('standard_conforming_strings', 'off', false); end $$`,
      ),
    ],
    [QUIET],
    [parse({ sql: 'select pg_temp.off()' }), bind({ portal: 'a' }), ...run("select 'a\\'b'"), sync()],
    [query("select 'a\\'b'")],
    step([parse({ sql: 'select pg_temp.off()' }), bind(), flush()], '12'),
    [execute(), ...run("select 'a\\'b'"), sync()],
  ),
  script(
    'by function',
    [query("select set_config('standard_conforming_strings', 'off', false)")],
    [query("select 'a\\tb'")],
    [query("select 'a\\tb'")],
    [query('set role to default')],
  ),
  since(
    18,
    script(
      'faults of the grammar that are no syntax errors',
      [query('create assertion x check (true)')],
      [query("select float(99) '1'")],
      [query('select 1::float(0)')],
      [query("set catalog 'x'")],
      [query('select count(*) over (rows between unbounded following and current row)')],
      [query('select count(*) over (rows between current row and unbounded preceding)')],
      [query('create aggregate a (out int) (sfunc = x)')],
      [query("select E'\\000'")],
      [query("select E'\\xff'")],
      [query("select E'\\u00'")],
      [query("select U&'\\0000'")],
      [query("select E'\\ud800'")],
      [query("create user u unencrypted password 'x'")],
      [query('create schema if not exists s create table t ()')],
      [
        query(
          'create or replace constraint trigger t after insert on items for each row execute function f()',
        ),
      ],
      [query('create extension x from old')],
      [query('create table t (a int, foreign key (a) references items match partial)')],
      [query('create table t (a int, check (a > 0) deferrable)')],
      [
        query(
          'create constraint trigger t after insert on items not valid for each row execute function f()',
        ),
      ],
      [query('create recursive view v (a) as select 1 with check option')],
      [query('select $99999999999')],
    ),
  ),
];
