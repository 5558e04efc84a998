import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '#proxy/policy/analyse.ts';
import { parse } from '#proxy/policy/effects/parse.ts';
import { loadModule, scanSync } from '#proxy/policy/effects/parser.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench();

/** Deeper than the stack, each in its own way, and in no more than 200 kB. */
const DEEP: readonly string[] = [
  `select ${'1 + '.repeat(20_000)}1`,
  `select id from customers where ${"name || '' || ".repeat(10_000)}'' = ''`,
  `select * from orders${' natural join orders'.repeat(9_000)}`,
  Array.from({ length: 15_000 }, () => 'select ssn from customers').join(' union all '),
  `select 1${'::int'.repeat(30_000)}`,
  `do $$ declare n int; begin n := ${'1 + '.repeat(20_000)}1; end $$`,
  `create view v as select ${'1 + '.repeat(20_000)}1`,
];

test('a text that nests deeper than the stack is refused with 54001, and never taken for a read', async () => {
  for (const sql of DEEP) {
    const analysis = analyse(sql, bench.catalog, ['public']);
    if (analysis.kind === 'syntax-error') {
      assert.equal(analysis.message, 'stack depth limit exceeded', sql.slice(0, 40));
      assert.equal(analysis.sqlstate, '54001');
    } else {
      // What does not parse inside a body is not read.
      assert.match(sql, /^do/);
      assert.ok(analysis.statements.every(s => !s.effects.readOnly && s.effects.unknown.length > 0));
    }
    await loadModule();
  }
});

test('however many of them the parser has been given, it reads the next text as it did the first', async () => {
  const plain = 'select a, b from t where c = 1';
  const [tree, tokens] = [parse(plain), scanSync(plain)];
  // Two dozen were enough to leave it without a stack for good.
  for (let i = 0; i < 80; i++) {
    analyse(DEEP[0]!, bench.catalog, ['public']);
    await loadModule();
    assert.deepEqual(parse(plain), tree, `after ${i + 1}`);
    assert.deepEqual(scanSync(plain), tokens, `after ${i + 1}`);
  }
  assert.equal(bench.one('select id from customers').effects.readOnly, true);
});

test('several of them in one go leave nothing that is read: what follows at once is unknown, and later ones are read again', async () => {
  for (let i = 0; i < 5; i++) analyse(DEEP[0]!, bench.catalog, ['public']);
  const at = analyse('select 1', bench.catalog, ['public']);
  assert.equal(at.kind, 'statements');
  for (const { effects } of at.kind === 'statements' ? at.statements : [])
    assert.ok(effects.readOnly || effects.unknown.length > 0);
  await loadModule();
  assert.equal(bench.one('select 1').effects.readOnly, true);
});
