import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op } from '#proxy/session/op.ts';
import { OpQueue } from '#proxy/session/op-queue.ts';

function op(name: string): Op {
  return { kind: 'close', of: 'portal', name };
}

function nameOf(of: Op | undefined): string | undefined {
  return of?.kind === 'close' ? of.name : of?.kind;
}

test('messages under way are answered in the order in which they were sent, however many there are and have been', () => {
  const queue = new OpQueue();
  let sent = 0;
  let answered = 0;
  for (const most of [1, 3, 16, 17, 5, 2000, 40, 0]) {
    while (queue.length < most) queue.push(op(`${sent++}`));
    while (queue.length > most / 2) {
      assert.equal(nameOf(queue.head), `${answered++}`);
      queue.shift();
    }
  }
  assert.equal(queue.length, 0);
  assert.equal(queue.head, undefined);
  queue.shift();
  assert.equal(queue.length, 0);
});

test('what is skipped is all up to the next Sync, which is still to be answered, or everything where there is none', () => {
  const queue = new OpQueue();
  for (const next of [op('a'), op('b'), { kind: 'sync' } as const, op('c')]) queue.push(next);
  assert.deepEqual(queue.takeUntil('sync').map(nameOf), ['a', 'b']);
  assert.equal(queue.head?.kind, 'sync');
  queue.shift();
  assert.deepEqual(queue.takeUntil('sync').map(nameOf), ['c']);
  assert.deepEqual(queue.takeUntil(null), []);
});
