import assert from 'node:assert/strict';
import test from 'node:test';
import { undoable } from '#cli/dev/undo.ts';

test('what had started is ended, last first, when a later part does not start, and the reason is told', async () => {
  const ended: string[] = [];
  const starting = undoable(async undo => {
    undo.push(() => ended.push('first'));
    undo.push(() => Promise.reject(new Error('cannot be ended')));
    undo.push(() => ended.push('third'));
    throw new Error('the port is taken');
  });
  await assert.rejects(starting, /the port is taken/);
  assert.deepEqual(ended, ['third', 'first']);
});

test('a part that cannot be ended keeps no other from it, and is told', async () => {
  const ended: string[] = [];
  const stop = await undoable((undo, stop) => {
    undo.push(() => ended.push('first'));
    undo.push(() => {
      throw new Error('cannot be ended');
    });
    return Promise.resolve(stop);
  });
  await assert.rejects(stop(), /cannot be ended/);
  assert.deepEqual(ended, ['first']);
  await stop();
  assert.deepEqual(ended, ['first']);
});
