import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsBench } from './support.ts';

/** Each column is called like its type, or like what it is for; masked by what leaves something of a value (`clear`: by what leaves nothing). */
const bench = effectsBench(`
  create domain word as text; create domain letter as "char";
  create type kind as (card text, born date);
  create table of_kind of kind;
  create table forms (card text, ends varchar(40), born date, seen timestamptz, amount numeric(20, 6), doc jsonb, host inet,
    hashed text, word word, letter letter, list text[], clear date);
`);

const load = () =>
  bench.load([
    ...['card', 'ends', 'born', 'seen', 'amount', 'doc', 'host', 'word', 'letter', 'list'].map(column => ({
      schema: 'public',
      table: 'forms',
      column,
      mask: 'partial' as const,
    })),
    { schema: 'public', table: 'forms', column: 'hashed', mask: 'hash' },
    { schema: 'public', table: 'forms', column: 'clear', mask: 'redact' },
    { schema: 'public', table: 'of_kind', column: 'card', mask: 'partial' },
    { schema: 'public', table: 'of_kind', column: 'born', mask: 'partial' },
  ]);

/** What a cast cuts off, or what DateStyle, TimeZone and digits behind the point put at the end, is another part each time. */
const OTHERWISE = [
  'alter card type name',
  'alter card type json',
  'alter born type text',
  'alter born type varchar(40)',
  'alter born type word',
  'alter seen type text',
  'alter amount type character varying',
  'alter doc type text',
  'alter host type text',
  'alter letter type text',
  'alter list type text',
  'alter hashed type name',
  'alter card type nowhere.known',
  'add column x int, alter card type name',
];

test('a mask that leaves a part of a value goes on leaving the same part', async () => {
  bench.catalog = await load();
  for (const sql of [
    ...OTHERWISE.map(change => `alter table forms ${change}`),
    'alter type kind alter attribute card type name cascade',
    'alter type kind alter attribute born type text cascade',
  ])
    assert.match(bench.one(sql).refusal ?? '', /another part of the protected values/, sql);
});

test('a type that shows no other part of a protected value can be had', async () => {
  bench.catalog = await load();
  for (const change of [
    'alter card type varchar(64)',
    'alter card type varchar',
    'alter card type char(64)',
    'alter card type word',
    'alter ends type text',
    'alter ends type varchar(80)',
    'alter word type text',
    'alter born type timestamptz',
    'alter seen type timestamp(3)',
    'alter amount type numeric(30, 2)',
    'alter amount type float8',
    'alter card type text[]',
    'alter clear type text',
    'alter card set not null',
  ])
    assert.equal(bench.one(`alter table forms ${change}`).refusal, null, change);
  for (const change of ['card type varchar(9) cascade', 'card type name', 'born type timestamp cascade'])
    assert.equal(bench.one(`alter type kind alter attribute ${change}`).refusal, null, change);
});
