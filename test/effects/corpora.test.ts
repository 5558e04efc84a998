import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READS } from './reads.corpus.ts';
import { effectsBench } from './support.ts';
import { WRITES } from './writes.corpus.ts';

const bench = effectsBench();

test('no way of writing counts as a read', () => {
  assert.ok(WRITES.length > 450, `the corpus has shrunk to ${WRITES.length}`);
  const missed = WRITES.filter(sql => bench.all(sql).every(s => s.effects.readOnly));
  assert.deepEqual(missed, []);
});

test('no way of writing counts as a read when nothing is protected', async () => {
  const catalog = bench.catalog;
  bench.catalog = await bench.load([]);
  const missed = WRITES.filter(sql => bench.all(sql).every(s => s.effects.readOnly));
  bench.catalog = catalog;
  assert.deepEqual(missed, []);
});

test('no way of writing counts as a read when the search path is not known', () => {
  const missed = WRITES.filter(sql => bench.all(sql, ['?']).every(s => s.effects.readOnly));
  assert.deepEqual(missed, []);
});

test('ordinary reads count as reads, and no invariant refuses them', () => {
  const held = READS.flatMap(sql =>
    bench
      .all(sql)
      .filter(s => !s.effects.readOnly || s.refusal !== null)
      .map(s => ({ sql, unknown: s.effects.unknown, commands: s.effects.commands, refusal: s.refusal })),
  );
  assert.deepEqual(held, []);
});

test('where the check of some domain writes, variables of users’ types may be of it: of that name, or of the one that they had', () => {
  for (const sql of ["select * from r_setof('new')", 'select f_recdef()'])
    assert.ok(
      bench.all(sql).some(s => s.effects.functions.includes('public.w_plpgsql')),
      sql,
    );
  assert.ok(bench.all('select r_plpgsql(1)').every(s => !s.effects.functions.includes('public.w_plpgsql')));
});

test('what counts as a read runs where the server refuses writes', async () => {
  const failed: { sql: string; message: string }[] = [];
  for (const sql of READS) {
    // Values are bound by drivers; the simple protocol has none.
    if (/\$[0-9]/.test(sql) && !sql.startsWith('prepare')) continue;
    await bench.client.query('set default_transaction_read_only = on');
    try {
      await bench.client.query(sql);
    } catch (fault) {
      failed.push({ sql, message: (fault as Error).message });
    } finally {
      await bench.client.query('rollback');
    }
  }
  await bench.client.query('reset default_transaction_read_only');
  assert.deepEqual(failed, []);
});
