import assert from 'node:assert/strict';
import { Session } from 'node:inspector/promises';
import { test } from 'node:test';
import { analyse } from '#proxy/policy/analyse.ts';
import { LONGEST_BODY, sizeOf } from '#proxy/policy/effects/text-size.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench();

type Shape = (n: number) => string;

function each(n: number, one: (i: number) => string, between = ', '): string {
  return Array.from({ length: n }, (_, i) => one(i)).join(between);
}

function body(declared: string, statements: string): string {
  return `do $$ declare ${declared} begin ${statements} end $$`;
}

/** Texts that grow in one place. */
const SHAPES: Readonly<Record<string, Shape>> = {
  'names in a DO': n =>
    body(
      '',
      each(n, i => `perform fn${i}();`, ' '),
    ),
  'records with defaults': n =>
    body(
      each(n, i => `r${i} record := null;`, ' '),
      'null;',
    ),
  'records that are filled': n =>
    body(
      each(n, i => `r${i} record;`, ' '),
      each(n, i => `select id into r${i} from customers;`, ' '),
    ),
  'one record, read often': n =>
    body(
      'r record;',
      each(n, () => 'for r in select id from customers loop perform r.id; end loop;', ' '),
    ),
  'variables of types': n =>
    body(
      each(n, i => `v${i} customers%rowtype;`, ' '),
      'null;',
    ),
  'statements of a DO': n =>
    body(
      '',
      each(n, i => `insert into log (note) values ('${i}');`, ' '),
    ),
  blocks: n =>
    body(
      '',
      each(n, i => `declare x${i} int; begin x${i} := 1; end;`, ' '),
    ),
  AND: n => `select id from customers where ${each(n, i => `a${i} = a${i + 1}`, ' and ')} and a0 = ssn`,
  OR: n => `select id from customers where ${each(n, i => `id = ${i}`, ' or ')}`,
  IN: n => `select id from customers where ssn in (${each(n, i => `a${i}`)})`,
  CASE: n => `select case ${each(n, i => `when a${i} = ssn then b${i}`, ' ')} end from customers`,
  CTEs: n => `with ${each(n, i => `c${i} as (select ssn as s${i} from customers)`)} select s0 from c0`,
  'CTEs of one name': n =>
    `select 1 from ${each(n, i => `(with c as (select ssn from customers) select * from c) x${i}`)}, customers where x0.ssn = x1.ssn`,
  'a chain of CTEs': n =>
    `with c0 as (select ssn as s0 from customers), ${each(n, i => `c${i + 1} as (select s${i} as s${i + 1} from c${i})`)} select * from c${n}`,
  'a chain of CTEs, backwards': n =>
    `with recursive ${each(n, i => `c${n - i} as (select s${n - i - 1} as s${n - i} from c${n - i - 1})`)}, c0 as (select ssn as s0 from customers) select * from c${n}`,
  'writing CTEs': n =>
    `with ${each(n, i => `c${i} as (update customers set name = 'a' where id = ${i} returning id)`)} select * from c0`,
  'tables joined': n =>
    `select 1 from customers ${each(n, i => `join customers c${i} on c${i}.id = customers.id`, ' ')}`,
  'tables joined on a value': n =>
    `select 1 from customers c0 ${each(n, i => `join customers c${i + 1} on c${i}.ssn = c${i + 1}.ssn`, ' ')}`,
  'tables in FROM': n =>
    `select ${each(n, i => `c${i}.id::text, f${i}(c${i})`)} from ${each(n, i => `customers c${i}`)}`,
  'lateral subqueries': n =>
    `select 1 from orders c, ${each(n, i => `lateral (select c.id::text as a${i}) x${i}`)}`,
  'subqueries in FROM': n =>
    `select 1 from ${each(n, i => `(select ssn as s${i} from customers) c${i}`)} where ${each(n, i => `s${i} = 'a'`, ' and ')}`,
  'subqueries in a list': n => `select ${each(n, i => `(select ssn from customers where id = ${i})`)}`,
  'counts that are named': n => `select ${each(n, i => `count(*) as a${i}`)} from customers where ssn = 'a'`,
  columns: n => `select ${each(n, i => `ssn as a${i}`)} from customers order by ${each(n, i => `a${i}`)}`,
  parameters: n => `select concat(${each(n, i => `$${i + 1}`)})`,
  'rows of VALUES': n =>
    `insert into log (note) values ${each(n, i => `((select name from customers where id = ${i}))`)}`,
  SET: n => `update customers set ${each(n, i => `c${i} = ssn`)} where id = 1`,
  MERGE: n =>
    `merge into customers c using orders o on c.id = o.id ${each(n, i => `when matched and o.id = ${i} then update set name = 'a'`, ' ')}`,
  statements: n => each(n, i => `select ssn from customers where id = ${i}`, ';'),
  'tables that inherit': n => each(n, i => `create table t${i} () inherits (customers)`, ';'),
  'statements that prepare': n => each(n, i => `prepare p${i} as select ssn from customers`, ';'),
  'columns of a table': n => `create table t (${each(n, i => `c${i} int default ${i} check (c${i} > 0)`)})`,
  'columns of a view': n => `create view v as select ${each(n, i => `ssn as a${i}`)} from customers`,
  'parts of ALTER': n => `alter table customers ${each(n, i => `add column c${i} int`)}`,
  'bounds of a partition': n => `create table t partition of events for values in (${each(n, i => `${i}`)})`,
  GRANT: n => `grant select on ${each(n, () => 'orders')} to ${each(n, i => `r${i}`)}`,
  'a body in SQL': n =>
    `create function f() returns int language sql begin atomic ${each(n, i => `select ${i}`, ';')}; end`,
};

/** Texts that nest, no deeper than the stack allows. */
const NESTED: Readonly<Record<string, Shape>> = {
  calls: n => `select ${nest(n, 'lower(', 'ssn', ')')} from customers`,
  'calls that make rows': n => `select id from customers, ${nest(n, 'generate_series(1, ', '1', ')')} g`,
  'calls in a list that make rows': n => `select ${nest(n, 'generate_series(1, ', 'id', ')')} from customers`,
  'calls of a body': n =>
    `create function f() returns int language sql begin atomic select ${nest(n, 'lower(', "'a'", ')')}; end`,
  'calls of a rule': n =>
    `create rule r as on insert to orders do also insert into log (note) select ${nest(n, 'lower(', "'a'", ')')}`,
  'subqueries of a body': n =>
    `create function f() returns int language sql begin atomic ${nest(n, 'select (', 'select 1', ')')}; end`,
  'subqueries in a list': n => nest(n, 'select (', 'select ssn from customers', ') as a'),
  'subqueries in WHERE': n =>
    nest(n, 'select id from customers where ssn in (', 'select ssn from customers', ')'),
  'subqueries in FROM': n => nest(n, 'select ssn as x from (', 'select ssn from customers', ') s(ssn)'),
  CTEs: n => nest(n, 'with c(a) as (', 'select ssn from customers', ') select a as b from c'),
  CASE: n => `select id from customers where ${nest(n, 'case when ssn = a then b else ', '1', ' end')} = c`,
  arms: n =>
    `select * from (${each(n, i => `select ssn as a${i} from customers`, ' union all ')}) s where a0 = 'a'`,
  joins: n =>
    `select 1 from ${'('.repeat(n)}customers c${each(n, i => ` join customers d${i}(x${i}) on d${i}.x${i} = c.ssn) as j${i}`, '')}`,
  blocks: n => body('', nest(n, 'begin ', 'perform ssn from customers;', ' end;')),
};

function nest(n: number, open: string, inner: string, close: string): string {
  return open.repeat(n) + inner + close.repeat(n);
}

function of(shapes: Readonly<Record<string, Shape>>, n: number): (readonly [string, Shape, number])[] {
  return Object.entries(shapes).map(([name, shape]) => [name, shape, n] as const);
}

/** How often anything of the analysis was done: each function's calls, and each block's runs in them. */
async function work(session: Session, run: () => void): Promise<number> {
  await session.post('Profiler.takePreciseCoverage');
  run();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => url.includes('/proxy/policy/'))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}

test('what the analysis does for a text of twice the length is no more than twice as much, whatever makes it long', async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const worse: string[] = [];
  const all = [...of(SHAPES, 300), ...of(NESTED, 100)];
  for (const [name, shape, n] of all) {
    const once = (n: number) => work(session, () => analyse(shape(n), bench.catalog, ['public'], []));
    // What is found out once of what the texts name.
    await once(3);
    const [one, two] = [await once(n), await once(2 * n)];
    assert.ok(one > n, `${name}: nothing was counted`);
    if (two > 2.25 * one) worse.push(`${name}: ${one} for ${n}, ${two} for ${2 * n}`);
  }
  await session.post('Profiler.stopPreciseCoverage');
  session.disconnect();
  assert.deepEqual(worse, []);
});

test('what the compiler of PL/pgSQL compares names with, and what it copies, counts for the length of a text', () => {
  const variables = (n: number, uses: number) =>
    body(
      each(n, i => `v${i} int;`, ' '),
      each(uses, () => 'v0 := 1;', ' '),
    );
  assert.ok(sizeOf(variables(10_000, 10_000), false) > LONGEST_BODY);
  assert.ok(sizeOf(variables(100, 10_000), false) < LONGEST_BODY / 5);
  const quoted = `do '${variables(10_000, 10_000).slice(6, -3)}'`;
  assert.ok(sizeOf(quoted, false) > LONGEST_BODY);
  // Blocks and loops that are over have no names any more, whatever stands in their expressions.
  const blocks = each(
    10_000,
    i =>
      `declare x${i} int; begin for i in 1..2 loop x${i} := case when i = 1 then 1 else 2 end; end loop; end;`,
    ' ',
  );
  assert.ok(sizeOf(body('', blocks), false) < LONGEST_BODY);
  const conditions = each(20_000, () => 'unique_violation', ' or ');
  assert.ok(sizeOf(body('', `null; exception when ${conditions} then null;`), false) > LONGEST_BODY);
});

test('a scope that only seems to end counts to the end', () => {
  const uses = each(30_000, () => 'v0 := 1;', ' ');
  const declared = each(3_000, i => `v${i} int;`, ' ');
  for (const trick of [
    'perform 1 end;',
    'perform t.end; perform 1;',
    'create rule r as on insert to t do also (select 1; end; select 2);',
    'create function f() returns int begin atomic select 1; end;',
    'create function f() case ; end ;',
    'if true then null; end if;',
    'case 1 when 1 then null; end case;',
    'begin null; end;',
  ])
    assert.ok(sizeOf(body(declared, `${trick} ${uses}`), false) > LONGEST_BODY / 2, trick);
});

test('a row that is assigned to many columns counts once for each of them, as its tree does', () => {
  const columns = (n: number) => each(n, i => `c${i}`);
  const set = (n: number, value: string, rest = '') =>
    sizeOf(`update t set (${columns(n)}) = ${value}${rest}`, false);
  assert.ok(set(500, `(${each(500, i => `${i}`)})`) > 400_000);
  assert.ok(set(500, `(select ${each(500, i => `${i}`)} from t)`) > 400_000);
  for (const value of ["'a' is distinct from ", 't.where + ', 'array[1, 2] || ', '1 = (2, 3) and '])
    assert.ok(set(500, `${value}(${each(500, i => `${i}`)})`) > 400_000, value);
  // What stands behind it does not.
  assert.ok(set(50, '(1)', ` where ${each(5_000, i => `a = ${i}`, ' or ')}`) < 30_000);
  assert.ok(sizeOf(`select 1 where ${each(1_000, i => `(a, b) = (${i}, 1)`, ' or ')}`, false) < 30_000);
});
