import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlackMessage } from '#functions/slack/message.ts';
import {
  BeingPosted,
  createMessenger,
  type MessageState,
  type MessageStates,
} from '#functions/slack/messenger.ts';
import type { Channel } from '#functions/slack/web-api.ts';
import type { Approval } from '#schemas/approval.ts';
import { heldApproval, NOW } from '#test/hold/fixture.ts';

class Killed extends Error {}

/** A channel and a store whose every step may be the last one of a function: `dieAt` says before which (counted from 1), or after. */
function stage(approval: () => Approval) {
  const posts: { id: string; message: SlackMessage }[] = [];
  const stored = new Map<string, MessageState>();
  const life = { step: 0, dieBefore: 0, dieAfter: 0, now: NOW };
  const step = async <T>(work: () => T): Promise<T> => {
    life.step += 1;
    if (life.step === life.dieBefore) throw new Killed();
    const result = work();
    if (life.step === life.dieAfter) throw new Killed();
    return result;
  };
  const states: MessageStates = {
    change: (id, work) =>
      step(() => {
        const present = stored.get(id) ?? { ts: null, shown: '', lease: 0, attempts: 0 };
        const after = work(present);
        stored.set(id, after);
        return after;
      }),
  };
  const channel: Channel = {
    post: (id, message) =>
      step(() => {
        posts.push({ id, message });
        return String(posts.length - 1);
      }),
    update: (ts, message) =>
      step(() => {
        posts[Number(ts)]!.message = message;
      }),
    find: id => step(() => String(posts.findIndex(p => p.id === id))).then(ts => (ts === '-1' ? null : ts)),
  };
  const show = createMessenger({
    states,
    channel,
    load: async () => ({ approval: approval(), execution: null, shown: async () => {} }),
    consoleUrl: 'https://console.example.com',
    clock: () => life.now,
  });
  return { posts, life, show };
}

test('killed before or after any of its steps, and tried again, it leaves one message that shows what is', async () => {
  let deaths = 0;
  for (const when of ['dieBefore', 'dieAfter'] as const)
    for (let at = 1; at <= 6; at += 1) {
      let approval = heldApproval('ap_1');
      const { posts, life, show } = stage(() => approval);
      life[when] = at;
      await show('ap_1').catch(error => {
        assert.ok(error instanceof Killed);
        deaths += 1;
      });
      life[when] = 0;
      // What killed it may have left its lease: Pub/Sub comes again later.
      life.now += 60_000;
      approval = { ...approval, state: 'withdrawn', outcome: 'the agent disconnected' };
      await show('ap_1');
      await show('ap_1');
      assert.equal(posts.length, 1, `${when} ${at}`);
      assert.match(JSON.stringify(posts[0]!.message), /the agent disconnected/);
    }
  assert.ok(deaths >= 5, `${deaths} deaths only`);
});

test('while one posts, another waits for its turn instead of posting too', async () => {
  const { posts, life, show } = stage(() => heldApproval('ap_1'));
  life.dieBefore = 2;
  await assert.rejects(show('ap_1'), Killed);
  life.dieBefore = 0;
  await assert.rejects(show('ap_1'), BeingPosted);
  assert.equal(posts.length, 0);
});

test('a change that comes while a change is shown is shown too', async () => {
  let approval = heldApproval('ap_1');
  const { posts, show } = stage(() => {
    const seen = approval;
    approval = { ...approval, state: 'withdrawn', outcome: 'gone' };
    return seen;
  });
  await show('ap_1');
  assert.match(JSON.stringify(posts[0]!.message), /gone/);
});
