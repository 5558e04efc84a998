import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approvalDocument, COLLECTIONS } from '#schemas/approval-document.ts';
import type { HoldMessage } from '#schemas/messages.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approve } from './decide.ts';
import { PATIENCE_MS } from './patience.ts';
import { codeOf, fresh, type Stack } from './stack.ts';
import { push } from './topics.ts';

/** Pub/Sub delivers at least once and in any order; people press more than once and at the same time. */
export function deliveries(stackOf: () => Stack): void {
  /** Delivers a message as Pub/Sub does: again, until the function has taken it. */
  async function deliver(message: HoldMessage): Promise<void> {
    const data = Buffer.from(JSON.stringify(message));
    await waitFor(
      async () => (await push(stackOf().functions.announce, 'holds', { data, attributes: {} })) < 300,
      { what: `announce has taken ${message.kind}`, deadlineMs: PATIENCE_MS, everyMs: 200 },
    );
  }

  test('a hold that is delivered again, late, when all is over, changes nothing and makes no second message', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    const document = approvalDocument.parse(
      (await stack.firestore.collection(COLLECTIONS.approvals).doc(id).get()).data(),
    );
    const again: HoldMessage = {
      v: 1,
      kind: 'held',
      approval: { ...JSON.parse(document.body), state: 'held', outcome: '', decisions: [] },
      instance: document.instance,
    };
    await Promise.all([deliver(again), deliver(again)]);
    await approve(stack, id, 'UANN');
    assert.equal(codeOf(await done), '');
    await stack.becomes(id, 'executed');
    await deliver(again);
    await deliver({
      v: 1,
      kind: 'ended',
      approval: id,
      event: { kind: 'expire' },
      at: again.approval.createdAt,
    });
    await stack.becomes(id, 'executed');
    assert.equal(stack.messages(id).length, 1);
    await stack.put('one', tag);
    assert.equal(await stack.rows('one', tag), 1, 'it did not run again');
  });

  test('an end that overtakes its beginning is kept: the hold appears, and nobody can decide it any more', async () => {
    const stack = stackOf();
    const tag = fresh();
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    const document = approvalDocument.parse(
      (await stack.firestore.collection(COLLECTIONS.approvals).doc(id).get()).data(),
    );
    agent.leave();
    await done;
    const other = `ap_${fresh().slice(1, 11)}`;
    const event = { kind: 'withdraw', why: 'the agent has left' } as const;
    await deliver({ v: 1, kind: 'ended', approval: other, event, at: document.createdAt });
    const held = { ...JSON.parse(document.body), id: other, state: 'held', outcome: '', decisions: [] };
    await deliver({ v: 1, kind: 'held', approval: held, instance: 'gone' });
    await stack.becomes(other, 'withdrawn');
    await stack.shows(other, /Withdrawn/);
    await assert.rejects(stack.press(other, 'approve', 'UANN'), /has no button/);
  });

  test('two people who press at once, and one who presses twice, release one run', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    await Promise.allSettled([
      stack.press(id, 'approve', 'UANN'),
      stack.press(id, 'approve', 'UANN'),
      stack.press(id, 'approve', 'UBOB'),
    ]);
    // Where the machine was too slow for all three.
    await approve(stack, id, 'UBOB');
    assert.equal(codeOf(await done), '');
    assert.equal(await stack.rows('one', tag), 0);
    const { decisions } = await stack.becomes(id, 'executed');
    assert.equal(decisions.length, 1, 'the second came too late to be a decision');
  });

  test('one approves and one denies at once: whoever was first counts, in Slack as in the database', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    const { dialog } = await stack.press(id, 'deny', 'UBOB');
    assert.ok(dialog);
    await Promise.all([
      stack.slack.submit(dialog, 'UBOB', 'no'),
      stack.press(id, 'approve', 'UANN').catch(() => {}),
    ]);
    // Where the machine was too slow for both.
    await approve(stack, id, 'UANN');
    const ran = codeOf(await done) === '';
    await stack.becomes(id, ran ? 'executed' : 'denied');
    assert.equal(await stack.rows('one', tag), ran ? 0 : 1);
  });
}
