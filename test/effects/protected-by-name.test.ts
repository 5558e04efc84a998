import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsBench } from './support.ts';

/** Views and what they store, over tables that the policy says nothing of; `follows` and `kept` show protected ones under other names. */
const bench = effectsBench(`
  create view shown as select id, note, upper(note) as loud from log;
  create materialized view stored as select id, note from log;
  create view beneath as select * from shown;
  create view pg_stat_statements as select 1 as userid, 'x' as query;
  create view follows as select id, ssn as number from customers;
  create materialized view kept as select id, ssn as number from customers;
`);

const load = () =>
  bench.load(
    [
      ['customers', 'ssn'],
      ['shown', 'note'],
      ['stored', 'note'],
    ].map(([table = '', column = '']) => ({ schema: 'public', table, column, mask: 'redact' })),
  );

/** Every command by which a view, or what stands in it, gets another name. */
const RENAMING = (name: string, column: string) => [
  ...['view', 'materialized view', 'table', 'index', 'sequence', 'foreign table'].map(
    kind => `alter ${kind} ${name} rename to x`,
  ),
  ...['view', 'materialized view', 'table', 'foreign table'].flatMap(kind => [
    `alter ${kind} ${name} rename column ${column} to x`,
    `alter ${kind} if exists public.${name} rename ${column} to x`,
    `alter ${kind} ${name} set schema other`,
  ]),
  `alter sequence ${name} set schema other`,
  `alter type ${name} rename attribute ${column} to x`,
  `alter extension hstore add view ${name}`,
  `do $$ begin alter view ${name} rename to x; end $$`,
];

test('a view that the policy names keeps its name, and so do the columns that it names, by whatever command', async () => {
  bench.catalog = await load();
  for (const sql of [
    ...RENAMING('shown', 'note'),
    ...RENAMING('stored', 'note'),
    'alter schema public rename to x',
    // Which views of texts of statements there are is known by their names.
    ...RENAMING('pg_stat_statements', 'query'),
  ])
    assert.match(bench.one(sql).refusal ?? '', /^the policy protects this by its name/, sql);
});

test('what is not protected by its name may have another one', async () => {
  bench.catalog = await load();
  for (const sql of [
    'alter view shown rename column id to x',
    'alter view shown rename column loud to x',
    'alter view shown owner to agent',
    'alter view beneath rename to x',
    'alter view beneath rename column note to x',
    'alter view follows rename to x',
    'alter view follows rename column number to x',
    'alter view follows set schema other',
    'alter materialized view kept rename to x',
    'alter table kept rename column number to x',
    'alter view paid rename to x',
    'drop view beneath',
  ])
    assert.equal(bench.one(sql).refusal, null, sql);
});

test('the names that are protected are those of now', async () => {
  bench.catalog = await load();
  await bench.client.query(
    'alter view shown rename to shown_before; create view shown as select id, note from log',
  );
  bench.catalog = await load();
  assert.notEqual(bench.one('alter view shown rename to x').refusal, null);
  assert.equal(bench.one('alter view shown_before rename to x').refusal, null);
});
