import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, withBody } from '#proxy/policy/analyse.ts';
import type { Effects } from '#schemas/effects.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench();

const EXPECTED: readonly (readonly [string, Partial<Effects>])[] = [
  ['select 1', { commands: ['select'], keyed: true, rows: 1, readOnly: true }],
  ['select * from orders where id = 5', { keyed: true, rows: 1, reads: ['public.orders'] }],
  ['select * from orders where id = $1', { keyed: true, rows: 1 }],
  // A function that gives no set gives one row (TypeORM asks the first of them when it connects).
  ['select * from current_schema()', { rows: 1, readOnly: true }],
  ['select * from version() v, current_date d', { rows: 1 }],
  ['select * from generate_series(1, 9)', { rows: null }],
  ['select * from rows from (version(), generate_series(1, 9)) with ordinality', { rows: null }],
  ['select * from not_known_here()', { rows: null }],
  ['select * from orders o where 5 = o.id and status = $1', { keyed: true, rows: 1 }],
  ['select * from orders where id in (1, 2, 3)', { keyed: true, rows: 3 }],
  ['select * from orders where id = any (array[1, 2])', { keyed: true, rows: 2 }],
  ['select * from orders where id = 1 or id = 2', { keyed: false, rows: 1000 }],
  ['select * from orders where id = customer_id', { keyed: false }],
  ['select * from orders where id > 5', { keyed: false, rows: 1000 }],
  ['select * from orders where id = null', { keyed: false, rows: 1000 }],
  ['select * from orders where null = id', { keyed: false, rows: 1000 }],
  ['select * from orders where id = null::integer', { keyed: true, rows: 1 }],
  ['select * from lines where order_id = 1', { keyed: false, rows: 1500 }],
  ['select * from lines where order_id = 1 and pos = 2', { keyed: true, rows: 1 }],
  ['select * from lines where order_id in (1, 2) and pos in (1, 2)', { keyed: true, rows: 4 }],
  ['select * from orders limit 7', { keyed: false, rows: 7 }],
  ['select * from orders where id = 1 limit 7', { rows: 1 }],
  ['select count(*) from orders', { rows: 1 }],
  ['select count(*)::int, coalesce(max(id), 0) + 1 from orders', { rows: 1 }],
  ['select 1 from orders having count(*) > 5', { rows: 1 }],
  ['select percentile_cont(0.5) within group (order by id) from orders', { rows: 1 }],
  ['select case when bool_or(id > 5) then $1 end from orders', { rows: 1 }],
  ['select (select count(*) from lines) from orders', { rows: 1000 }],
  ['select exists (select max(id) from lines) from orders', { rows: 1000 }],
  ['select count(*) over () from orders', { rows: 1000 }],
  ['select sum(count(*)) over () from orders', { rows: 1 }],
  ['select abs(id) from orders', { rows: 1000 }],
  ['select count(*), generate_series(1, 9) from orders', { rows: null }],
  ['select status, count(*) from orders group by 1', { rows: 1000 }],
  ['select * from orders o join lines l on l.order_id = o.id', { keyed: false, rows: 1500 }],
  ['select * from orders o, lines l where l.order_id = o.id and o.id > 5', { keyed: false, rows: 1500 }],
  ['select * from orders o join lines l using (id)', { keyed: false, rows: 1500 }],
  ['select * from orders o cross join lines l', { keyed: false, rows: 1_500_000 }],
  ['select * from orders o join lines l on o.id = o.id', { keyed: false, rows: 1_500_000 }],
  ['select * from orders o join lines l on l.order_id > o.id', { keyed: false, rows: 1_500_000 }],
  ['select * from orders union all select * from orders', { rows: 2000 }],
  ['select generate_series(1, 10)', { rows: null }],
  ['select * from events', { reads: ['public.events'], rows: 300 }],
  ['select * from events_2024', { reads: ['public.events', 'public.events_2024'] }],
  ['select * from base', { reads: ['public.base', 'public.derived'] }],
  ['select * from paid', { reads: ['public.orders', 'public.paid'] }],
  [
    "insert into log (note) values ('a'), ('b')",
    { commands: ['insert'], keyed: true, rows: 2, writes: ['public.log'] },
  ],
  [
    'insert into log (note) select status from orders',
    { keyed: false, rows: 1000, reads: ['public.orders'] },
  ],
  [
    "update orders set status = 'x' where id = 1",
    { commands: ['update'], keyed: true, rows: 1, withoutWhere: false },
  ],
  ["update orders set status = 'x'", { keyed: false, withoutWhere: true, rows: 1000 }],
  ['delete from log', { commands: ['delete'], withoutWhere: true }],
  ['delete from lines where order_id = 1 and pos = 1', { keyed: true, rows: 1, writes: ['public.lines'] }],
  [
    'delete from orders where id = 1',
    { writes: ['public.lines', 'public.orders'], keyed: false, rows: null },
  ],
  [
    'truncate orders cascade',
    { commands: ['truncate'], writes: ['public.lines', 'public.orders'], withoutWhere: true },
  ],
  [
    'insert into triggered values (1)',
    { writes: ['public.accounts', 'public.triggered'], functions: ['public.tg'] },
  ],
  [
    'insert into ruled values (1)',
    { commands: ['insert', 'delete'], writes: ['public.log', 'public.ruled'], withoutWhere: true },
  ],
  ['update paid set status = $1', { writes: ['public.orders', 'public.paid'] }],
  ['with d as (delete from log returning *) select * from d', { commands: ['select', 'delete'] }],
  [
    'select w_plpgsql(1)',
    { commands: ['select', 'insert'], functions: ['public.w_plpgsql'], writes: ['public.log'] },
  ],
  ['select w_dynamic($1)', { commands: ['select'], unknown: ['public.w_dynamic runs SQL from a string'] }],
  ['explain delete from log', { commands: ['explain', 'delete'], readOnly: false }],
  ["copy orders to '/tmp/x'", { commands: ['copy-out'], outside: true }],
  ['copy orders from stdin', { commands: ['copy-in'], writes: ['public.orders'], rows: null }],
  [
    'create table t as select * from orders',
    { commands: ['ddl'], reads: ['public.orders'], writes: ['public.t'] },
  ],
  ['alter table orders owner to x', { commands: ['ddl', 'privilege'], writes: ['public.orders'] }],
  ['grant all on orders to public', { commands: ['privilege'], writes: ['public.orders'] }],
  ['drop table orders, log', { commands: ['ddl'], writes: ['public.log', 'public.orders'] }],
  ['create view v as select w_plpgsql(1)', { commands: ['ddl', 'insert'], readOnly: false }],
  ['do $$ begin perform 1; end $$', { commands: ['do'], unknown: [] }],
  ['vacuum orders', { commands: ['maintenance'] }],
  [
    'select * from nothere',
    { reads: ['nothere'], unknown: ['relation nothere is not in the catalog'], readOnly: false },
  ],
  ["select nextval('seq')", { commands: ['select'], functions: ['pg_catalog.nextval'], readOnly: false }],
  ['select pg_terminate_backend(1)', { commands: ['select', 'call'], readOnly: false }],
  ['', { commands: ['empty'], readOnly: true }],
  ['-- nothing', { commands: ['empty'] }],
];

for (const [sql, expected] of EXPECTED)
  test(`effects of: ${sql}`, () => {
    const { effects } = bench.one(sql);
    const found = Object.fromEntries(Object.keys(expected).map(key => [key, effects[key as keyof Effects]]));
    if (expected.functions)
      found.functions = effects.functions.filter(
        f => !f.startsWith('pg_catalog.') || expected.functions?.includes(f),
      );
    assert.deepEqual(found, expected);
  });

test('session actions are told', () => {
  const kinds = (sql: string) =>
    bench
      .all(sql)
      .flatMap(s => s.actions.map(a => ({ ...a, body: 'body' in a ? a.body.effects.commands : undefined })));
  const told = (sql: string) => JSON.parse(JSON.stringify(kinds(sql)));
  assert.deepEqual(told('begin'), [{ kind: 'begin', readOnly: null }]);
  assert.deepEqual(told('begin read only'), [{ kind: 'begin', readOnly: true }]);
  assert.deepEqual(told('start transaction isolation level serializable, read write'), [
    { kind: 'begin', readOnly: false },
  ]);
  assert.deepEqual(told('commit and chain'), [{ kind: 'commit' }, { kind: 'begin', readOnly: null }]);
  assert.deepEqual(told('rollback'), [{ kind: 'rollback' }]);
  assert.deepEqual(told('savepoint a; rollback to a; release a'), [
    { kind: 'savepoint', name: 'a' },
    { kind: 'rollback-to', name: 'a' },
    { kind: 'release', name: 'a' },
  ]);
  const prepare = 'prepare p as delete from log';
  assert.deepEqual(told(prepare), [{ kind: 'prepare', name: 'p', body: ['delete'], text: prepare }]);
  const declare = 'declare c cursor for select 1';
  assert.deepEqual(told(declare), [{ kind: 'declare', name: 'c', body: ['select'], text: declare }]);
  assert.deepEqual(told("prepare p as select '\\'"), [{ kind: 'prepare', name: 'p', body: ['select'] }]);
  assert.deepEqual(told('deallocate all; deallocate p; close c; close all; discard all'), [
    { kind: 'deallocate', name: null },
    { kind: 'deallocate', name: 'p' },
    { kind: 'close', name: 'c' },
    { kind: 'close', name: null },
    { kind: 'discard' },
  ]);
  assert.deepEqual(told('set Work_Mem = 1; reset all'), [
    { kind: 'set', setting: 'work_mem' },
    { kind: 'set', setting: null },
  ]);
  assert.deepEqual(told("select set_config('Search_Path', 'x', false)"), [
    { kind: 'set', setting: 'search_path' },
  ]);
  assert.deepEqual(told("select set_config(name, 'x', false) from pg_settings where name = 'search_path'"), [
    { kind: 'set', setting: 'search_path' },
  ]);
  assert.deepEqual(told('set transaction read write'), [{ kind: 'set', setting: 'transaction_read_only' }]);
});

test('EXECUTE and FETCH are unknown until their body is added, and then what it is', () => {
  const execute = bench.one('execute p(1)');
  assert.equal(execute.executes, 'p');
  assert.equal(execute.effects.readOnly, false);
  assert.equal(execute.touchesProtected, true);
  const reads = withBody(execute, bench.one('select * from orders where id = $1'));
  assert.equal(reads.effects.readOnly, true);
  assert.deepEqual(reads.effects.reads, ['public.orders']);
  assert.equal(reads.touchesProtected, false);
  const writes = withBody(execute, bench.one('delete from log'));
  assert.deepEqual(writes.effects.commands, ['prepare', 'delete']);
  assert.equal(writes.effects.readOnly, false);
  assert.equal(withBody(execute, undefined).effects.readOnly, false);
  assert.notDeepEqual(withBody(execute, undefined).effects.unknown, []);
  const fetched = withBody(bench.one('fetch 5 from c'), bench.one('select * from customers'));
  assert.equal(fetched.effects.readOnly, true);
  assert.equal(fetched.effects.rows, 5);
  assert.equal(fetched.touchesProtected, true);
  const current = bench.one("update orders set status = 'x' where current of c");
  assert.equal(current.cursor, 'c');
  assert.equal(withBody(current, bench.one('select * from orders')).effects.readOnly, false);
  assert.equal(withBody(bench.one('execute p(w_plpgsql(1))'), bench.one('select 1')).effects.readOnly, false);
  const plain = bench.one('select 1');
  assert.equal(withBody(plain, undefined), plain);
});

test('outputs are clean only where nothing read can be in them', () => {
  const clean = (sql: string) => bench.one(sql).cleanOutputs;
  assert.deepEqual(
    clean("select 1, 'x', count(*), now(), current_user, $1, null::text from customers"),
    Array(7).fill(true),
  );
  assert.deepEqual(
    clean('select ssn, count(ssn), 1 + 1, upper($1), (select 1) from customers'),
    Array(5).fill(false),
  );
  assert.equal(clean('select * from customers'), null);
  assert.equal(clean('select 1, c.* from customers c'), null);
  assert.equal(clean('select 1 union select 2'), null);
  assert.equal(clean('values (1)'), null);
  assert.equal(clean('delete from log returning 1'), null);
  assert.deepEqual(bench.one('select count(*) from orders', ['evil', 'pg_catalog', 'public']).cleanOutputs, [
    true,
  ]);
});

test('settings that would make the proxy read another text than the server are refused', () => {
  for (const sql of [
    "set client_encoding = 'SJIS'",
    "set names 'big5'",
    "select set_config('client_encoding', 'gbk', false)",
    "set client_encoding = 'Win-932'",
    "set client_encoding = 's\u212ajis'",
    "alter role postgres set client_encoding = 'nothing'",
    "do $$ begin set client_encoding = 'nothing'; end $$",
    "do $$ begin set client_encoding = 'latin1'; end $$",
    "select set_config(note, 'x', false) from log",
    "select set_config('client_encodingX'::varchar(15), 'latin1', false)",
    "select set_config('client_encodingX'::name::varchar(15)::text, 'latin1', false)",
    "select set_config(name, 'x', false) from pg_settings where name = 'work_mem' or true",
    "select set_config(name, 'x', false) from pg_settings where name <> 'work_mem'",
    "select set_config(name, 'x', false) from pg_settings where name like 'work_mem'",
    "select set_config(name, 'x', false) from pg_settings where name = 'client_encodingX'::varchar(15)",
    "select set_config(setting, 'x', false) from pg_settings where name = 'work_mem'",
    "select set_config(a, 'x', false) from pg_settings p (a, name) where name = 'work_mem'",
    "select set_config(q.name, 'x', false) from pg_settings p, pg_settings q where p.name = 'work_mem'",
    "select 1 from pg_settings where name = 'work_mem' and set_config(name, 'x', false) = 'x'",
    "select (select set_config(name, 'x', false) from (select note as name from log) l) from pg_settings where name = 'work_mem'",
    "with pg_settings as (select note as name from log) select set_config(name, 'x', false) from pg_settings where name = 'work_mem'",
    "select set_config(name, 'x', false) from pg_settings where name = $1",
    "alter database postgres set client_encoding = 'latin1'",
    "alter system set client_encoding = 'latin1'",
    "create function f() returns int language sql set client_encoding = 'latin1' as 'select 1'",
  ])
    assert.notEqual(bench.one(sql).refusal, null, sql);
  for (const sql of [
    'set standard_conforming_strings = on',
    'set standard_conforming_strings = off',
    "select set_config('Standard_Conforming_Strings', $1, false)",
    "select set_config(name, 'off', false) from pg_settings where name = 'standard_conforming_strings'",
    'alter role postgres set standard_conforming_strings = off',
    'alter system set standard_conforming_strings = off',
    "create function f() returns int language sql set standard_conforming_strings = off as 'select 1'",
    "set client_encoding = 'UTF8'",
    "set names 'utf-8'",
    "set names 'nothing'",
    "select set_config('client_encoding', 'nothing', false)",
    'set names default',
    'reset standard_conforming_strings',
    'set client_encoding to default',
    'set client_encoding to unicode',
    "set client_encoding = 'latin1'",
    "set local client_encoding to 'koi8r'",
    "set names 'win1252'",
    "select set_config('client_encoding', 'EUC_JP', false)",
    'set work_mem = 1',
    "select set_config('work_mem', $1, false)",
    "select set_config('work_mem'::text, $1, false)",
    "select set_config(name, 'view, foreign-table', false) from pg_settings where name = 'restrict_nonsystem_relation_kind'",
    "select set_config(s.name, '1', true) from pg_catalog.pg_settings s where s.setting <> '' and s.name = 'work_mem'",
  ])
    assert.equal(bench.one(sql).refusal, null, sql);
});

test('ordinary changes of protected tables are not refused', () => {
  for (const sql of [
    'update customers set phone = $1 where email = $2',
    "update customers set ssn = 'x' where id = 1",
    'update customers set name = upper(name) where ssn = $1',
    "insert into customers (email, ssn) values ('a', $1)",
    "insert into customers (email, ssn) values ('a', 'b') on conflict (email) do update set ssn = excluded.ssn",
    'insert into orders (customer_id) select id from customers where ssn = $1',
    'insert into log (note) select count(*)::text from customers',
    "update orders set status = 'x' from customers c where c.id = customer_id and c.ssn = $1",
    'delete from customers where ssn = $1',
    'merge into customers c using log l on c.id = l.id when matched then update set name = l.note',
    "update customers set name = 'x', id = nextval('seq') where id = 1",
    'create index on customers (ssn)',
    'alter table customers add column nick text',
    'drop table customers',
  ])
    assert.equal(bench.one(sql).refusal, null, sql);
});

test('a protected column may get its own value back, in other case or a constant where it is NULL, and nothing else', () => {
  for (const sql of [
    'update customers set ssn = lower(ssn)',
    "update customers set ssn = coalesce(upper(pg_catalog.lower(ssn)), '0'), phone = coalesce(phone, 'x'::text) where id = 1",
    'update customers c set ssn = lower(c.ssn), phone = phone where c.card = $1',
    'update public.customers set card = customers.card',
  ])
    assert.equal(bench.one(sql).refusal, null, sql);
  for (const sql of [
    'update customers set ssn = lower(card)',
    'update customers set name = lower(ssn)',
    'update customers set ssn = coalesce(ssn, card)',
    'update customers set ssn = coalesce(card, ssn)',
    'update customers set ssn = coalesce(ssn, $1, lower(phone))',
    'update customers set ssn = reverse(ssn)',
    "update customers set ssn = rtrim(ssn, 'm')",
    "update customers set ssn = lower(ssn) || ''",
    'update customers set ssn = lower(ssn collate "C")',
    'update customers set ssn = o.ssn from customers o where o.id = 1',
    'update customers set ssn = lower(ssn), name = ssn',
    'update customers set (ssn, name) = (lower(ssn), lower(ssn))',
    'update customers set (ssn, name) = row(ssn, ssn)',
    'update customers c set ssn = lower(x.ssn) from customers x',
    'update customers set ssn = (select lower(o.ssn) from customers o limit 1)',
    'update customers set ssn = lower(lower(lower(lower(lower(ssn)))))',
  ])
    assert.notEqual(bench.one(sql).refusal, null, sql);
  assert.notEqual(
    bench.one('update customers set ssn = lower(ssn)', ['evil', 'pg_catalog', 'public']).refusal,
    null,
    'a function of somebody is before the one of Postgres',
  );
});

test('a keyed change of a protected table stays keyed', () => {
  const { effects } = bench.one('update customers set phone = $1 where email = $2');
  assert.equal(effects.keyed, true);
  assert.equal(effects.rows, 1);
  assert.deepEqual(effects.unknown, []);
});

test('what comes after a change of meaning in the same text is unknown', () => {
  const last = (sql: string, path?: readonly string[]) =>
    bench.all(sql, path).at(-1)?.effects.unknown.length ?? 0;
  for (const sql of [
    'set search_path to evil; select * from orders',
    'create table x (a int); select * from orders',
    'reset all; select 1',
    "select set_config('search_path', 'evil', false); select 1",
    'do $$ begin null; end $$; drop table log; select 1',
    'discard all; select 1',
    'set role x; select 1',
  ])
    assert.notEqual(last(sql), 0, sql);
  for (const sql of [
    'set search_path to evil; commit',
    'create table x (a int); show all',
    'select 1; select 2',
    'delete from log; select 1',
    'commit; select * from orders',
  ])
    assert.equal(last(sql), 0, sql);
});

test('names resolve by the search path, pg_catalog first unless it is named', () => {
  const readOnly = (sql: string, path: readonly string[]) => bench.one(sql, path).effects.readOnly;
  assert.equal(readOnly("select lower('X')", ['public']), true);
  assert.equal(readOnly("select lower('X')", ['evil', 'public']), true);
  assert.equal(readOnly("select lower('X')", ['evil', 'pg_catalog', 'public']), false);
  assert.equal(readOnly("select f_pathy('X')", ['public']), true);
  assert.equal(readOnly("select public.f_pathy('X')", ['evil', 'pg_catalog', 'public']), false);
  assert.equal(readOnly('select * from public.v_pathy', ['evil', 'pg_catalog', 'public']), false);
  assert.equal(readOnly('select 1 = 1', ['ops', 'public']), true);
  assert.equal(readOnly('select 1 = 1', ['ops', 'pg_catalog']), false);
  for (const sql of [
    'select case 1 when 1 then 2 end',
    'select nullif(1, 2)',
    'select 1 in (1, 2)',
    'select 1 in (select 1)',
    'select 1 = any (array[1])',
    'select 1 is distinct from 2',
    'select (1, 2) = (1, 2)',
    'select * from orders join lines l using (id)',
    'select 1 from orders natural join log',
    'select * from orders where id = 1',
  ]) {
    assert.equal(readOnly(sql, ['ops', 'pg_catalog', 'public']), false, sql);
    assert.equal(readOnly(sql, ['ops', 'public']), true, sql);
  }
  assert.equal(readOnly('select * from orders', ['elsewhere']), false);
  assert.equal(readOnly("select lower('X')", ['?']), false);
});

test('statements that cannot run in a transaction block are marked', () => {
  for (const sql of [
    'vacuum',
    'create database d',
    'alter system reset all',
    'create index concurrently on orders (id)',
    'reindex database x',
    'commit prepared $$x$$',
    'call w_commit()',
    "do $$ begin execute 'x'; end $$",
    'discard all',
  ])
    assert.equal(bench.one(sql).ownTransaction, true, sql);
  for (const sql of [
    'select 1',
    'analyze',
    'create index on orders (id)',
    'call w_proc(1)',
    'do $$ begin delete from log; end $$',
    'create table t (a int)',
  ])
    assert.equal(bench.one(sql).ownTransaction, false, sql);
});

test('declared parameter types count: a value of a type runs the functions of that type', async () => {
  const [row] = (
    await bench.client.query(
      "select 'd_trap'::regtype::oid::int as oid, 'positive'::regtype::oid::int as fine",
    )
  ).rows;
  const readOnly = (types: number[]) => {
    const analysis = analyse('select $1', bench.catalog, ['public'], types);
    return analysis.kind === 'statements' && analysis.statements.every(s => s.effects.readOnly);
  };
  assert.equal(readOnly([row.oid]), false);
  assert.equal(readOnly([row.fine, 0, 25]), true);
});

test('text that does not parse says what and where', () => {
  const at = (sql: string) => analyse(sql, bench.catalog, ['public']);
  assert.deepEqual(at('selec 1'), {
    kind: 'syntax-error',
    message: 'syntax error at or near "selec"',
    position: 1,
    source: { file: 'scan.l', routine: 'scanner_yyerror' },
  });
  assert.deepEqual(at("select 'é', x y z"), {
    kind: 'syntax-error',
    message: 'syntax error at or near "z"',
    position: 17,
    source: { file: 'scan.l', routine: 'scanner_yyerror' },
  });
  assert.equal(at('select 1\0').kind, 'syntax-error');
  assert.equal(at('select \ud800').kind, 'syntax-error');
});

test('a text that nests too deep is refused as a server refuses it, or else unknown', () => {
  for (const sql of [
    `select 1${'+1'.repeat(60_000)}`,
    `select ${'case when true then '.repeat(3000)}1${' end'.repeat(3000)}`,
  ]) {
    const analysis = analyse(sql, bench.catalog, ['public']);
    if (analysis.kind === 'syntax-error')
      assert.match(analysis.message, /^memory exhausted|^stack depth limit exceeded$/);
    else
      for (const { effects, touchesProtected } of analysis.statements) {
        if (effects.readOnly) continue;
        assert.ok(effects.unknown.length > 0);
        assert.equal(touchesProtected, true);
      }
  }
  assert.equal(bench.one('select 1').effects.readOnly, true);
});

test('what hangs on the value of a parameter is refused until there is one, and then judged by it', () => {
  const bound = (sql: string, ...values: (string | null | undefined)[]) =>
    bench.one(sql).bound?.by(values) ?? null;
  const sql = 'select set_config($1, $2, false)';
  assert.notEqual(bench.one(sql).refusal, null);
  assert.equal(bench.one(sql).bound?.before.refusal, null);
  assert.equal(bench.one(sql).bound?.before.effects.readOnly, false);
  assert.deepEqual(bound(sql, 'Work_Mem', '1')?.actions, [{ kind: 'set', setting: 'work_mem' }]);
  assert.equal(bound(sql, 'work_mem', undefined)?.refusal, null);
  assert.equal(bound(sql, 'client_encoding', 'LATIN1')?.otherEncoding, true);
  assert.equal(bound(sql, 'standard_conforming_strings', 'off')?.otherStrings, true);
  assert.deepEqual(bound(sql, null, 'x')?.actions, []);
  for (const values of [
    [undefined, 'x'],
    ['client_encoding', undefined],
    ['client_encoding', 'sjis'],
    ['a\0b', 'x'],
  ])
    assert.notEqual(bound(sql, ...values)?.refusal ?? null, null, values.join());
  // Where the value has no say, there is nothing to wait for.
  assert.equal(bench.one("select set_config('work_mem', $1, false)").bound, undefined);
  assert.equal(bench.one('select setting from pg_settings where name = $1').bound, undefined);
  // What is refused for another reason is refused at once, and what no value can tell.
  assert.notEqual(bench.one('select set_config($1, ssn, false) from customers').bound?.before.refusal, null);
  assert.equal(bench.one("select set_config($1 || 'x', 'y', false)").bound, undefined);
  const valid = 'select pg_input_is_valid($1, $2)';
  assert.deepEqual(bound(valid, '1', 'integer')?.effects.unknown, []);
  assert.notDeepEqual(bound(valid, '1', 'no such type')?.effects.unknown, []);
  const prepared = bench.one(`prepare p as ${sql}`).actions[0];
  assert.ok(prepared?.kind === 'prepare');
  const execute = withBody(bench.one("execute p('work_mem', '1')"), prepared.body);
  assert.equal(execute.refusal, null);
  assert.deepEqual(execute.actions, [{ kind: 'set', setting: 'work_mem' }]);
  assert.notEqual(withBody(bench.one("execute p('work' || '_mem', '1')"), prepared.body).refusal, null);
  assert.notEqual(withBody(bench.one('fetch c'), prepared.body).refusal, null);
});
