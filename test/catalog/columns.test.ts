import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf } from '#proxy/catalog/columns.ts';
import { hashOf } from '#proxy/catalog/version.ts';

test('columns are what their text says, however much was read between', () => {
  const text = (i: number) =>
    JSON.stringify([
      [1, `id${i}`, 23],
      [3, 'x'.repeat(1 << 16), 25 + i],
    ]);
  for (let round = 0; round < 3; round++)
    for (let i = 0; i < 200; i++) {
      const { all, types, numbers } = columnsOf(text(i));
      assert.deepEqual(JSON.parse(text(i)), all);
      assert.deepEqual([types.get(`id${i}`), numbers.get(`id${i}`)], [23, 1]);
      assert.deepEqual([types.size, numbers.get('x'.repeat(1 << 16))], [2, 3]);
    }
  assert.equal(columnsOf(text(0)), columnsOf(text(0)), 'not read twice');
  assert.deepEqual(columnsOf(null).all, []);
});

test('two catalogs have one version exactly where they have the same rows', () => {
  const none = { schema: 'a', table: 'b', column: 'c', mask: 'null' } as const;
  const catalogs = [
    { a: [], b: [] },
    { a: [['b']], b: [] },
    { a: [], b: [['b']] },
    { a: [['1'], ['2']], b: [] },
    { a: [['1', '2']], b: [] },
    { a: [['1\n["2"]']], b: [] },
    { a: [['1']], b: [['2']] },
    { a: [['1'], [null]], b: [] },
    { a: [['1'], ['null']], b: [] },
  ];
  const versions = catalogs.flatMap(answers => [hashOf(answers, []), hashOf(answers, [none])]);
  assert.equal(new Set(versions).size, versions.length);
  const row = (n: number) => [String(n), null];
  const many = Array.from({ length: 200_000 }, (_, i) => row(i));
  assert.equal(
    hashOf({ a: many }, []),
    hashOf({ a: many.toReversed() }, []),
    'in any order, and however many',
  );
});
