import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createExpire } from '#functions/expire/expire.ts';
import type { Approval } from '#schemas/approval.ts';
import { heldApproval } from '#test/hold/fixture.ts';

class TooMany extends Error {}

/** A desk with messages that are behind, and what a tick does with them. */
function stage(behind: string[], show: (id: string) => Promise<void>) {
  const life = { now: 0, last: [] as string[], said: [] as string[] };
  const tick = createExpire({
    desk: {
      expireDue: async (): Promise<Approval[]> => [heldApproval('ap_due')],
      behind: async limit => behind.slice(0, limit),
      putLast: async id => void life.last.push(id),
    },
    show,
    tooMany: error => error instanceof TooMany,
    clock: () => life.now,
    log: message => life.said.push(message),
  });
  return { life, tick };
}
const ids = (count: number) => Array.from({ length: count }, (_, i) => `ap_${i}`);

test('one message that cannot be shown goes behind the others, and stands in the way of none', async () => {
  const shown: string[] = [];
  const { life, tick } = stage(ids(6), async id => {
    if (id === 'ap_1') throw new Error('altered');
    shown.push(id);
  });
  assert.deepEqual(await tick(), { expired: 1, shown: 5 });
  assert.deepEqual(shown.sort(), ['ap_0', 'ap_2', 'ap_3', 'ap_4', 'ap_5']);
  assert.deepEqual(life.last, ['ap_1']);
  assert.equal(life.said.length, 1);
});

test('where Slack takes no more calls, the rest waits for the next tick in its order', async () => {
  let asked = 0;
  const { life, tick } = stage(ids(40), async () => {
    asked += 1;
    throw new TooMany();
  });
  assert.deepEqual(await tick(), { expired: 1, shown: 0 });
  assert.ok(asked <= 4, `${asked} were asked for`);
  assert.deepEqual(life.last, []);
});

test('a tick ends before the next one begins, however many messages are behind and however long each takes', async () => {
  const { life, tick } = stage(ids(5000), async () => {
    life.now += 10_000;
  });
  const { shown } = await tick();
  assert.ok(shown > 0 && life.now < 100_000, `${shown} shown in ${life.now} ms`);
});
