import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf } from '#proxy/catalog/columns.ts';
import { Held } from '#proxy/catalog/held.ts';
import type { Answers } from '#proxy/catalog/questions.ts';
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
    { types: [], casts: [] },
    { types: [['1']], casts: [] },
    { types: [], casts: [['1']] },
    { types: [['1'], ['2']], casts: [] },
    { types: [['1'], ['129']], casts: [] },
    { types: [['1', '2']], casts: [] },
    { types: [['1', '\n["2"]']], casts: [] },
    { types: [['1']], casts: [['2']] },
    { types: [['1'], ['1', null]], casts: [] },
    { types: [['1'], ['1', 'null']], casts: [] },
  ];
  const version = (answers: Partial<Answers>, names: Parameters<typeof hashOf>[1]) =>
    hashOf(Held.from(answers), names);
  const versions = catalogs.flatMap(answers => [version(answers, []), version(answers, [none])]);
  assert.equal(new Set(versions).size, versions.length);
  const row = (n: number) => [String(n), null];
  const many = Array.from({ length: 200_000 }, (_, i) => row(i));
  const whole = version({ types: many }, []);
  assert.equal(whole, version({ types: many.toReversed() }, []), 'in any order, and however many');
  // As it is reached by changes, too: rows that came, went and were others in between.
  const some = Held.from({ types: many.slice(100) });
  const more = some.with('types', [...many.slice(0, 100), ['7777', 'x']], ['7777', '199999']);
  assert.notEqual(hashOf(more, []), whole);
  assert.equal(hashOf(more.with('types', [row(7_777), row(199_999)], ['7777', '199999']), []), whole);
  assert.equal(more.with('types', [['7777', 'x']], ['7777']), more, 'what is the same stays');
});
