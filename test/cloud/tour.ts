import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import { requestDigest } from '#schemas/request.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approve, deny } from './decide.ts';
import { PATIENCE_MS } from './patience.ts';
import { codeOf, fresh, type Stack } from './stack.ts';

/** The tour of the main job, with every part a process of its own. */
export function tour(stackOf: () => Stack): void {
  test('protected values are masked, and a small keyed write runs', async () => {
    const stack = stackOf();
    const { client } = await stack.agent();
    const { rows } = await client.query('select email from people where id = 1');
    assert.deepEqual(rows, [{ email: 'a***@***.com' }]);
    assert.equal((await client.query(`update people set email = 'bo@example.com' where id = 1`)).rowCount, 1);
  });

  test('a held delete that is approved by a button in Slack runs once, and its message tells how', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    assert.equal(await stack.rows('one', tag), 1);
    assert.equal((await stack.press(id, 'approve', 'UANN')).status, 200);
    await approve(stack, id, 'UANN');
    assert.equal(codeOf(await done), '');
    assert.equal(await stack.rows('one', tag), 0);
    await stack.becomes(id, 'executed');
    await stack.shows(id, /Approved.*ann@example\.com.*it ran, 1 row/);
    assert.equal(stack.messages(id).length, 1);
    const session = (await stack.becomes(id, 'executed')).session;
    await agent.client.end();
    await waitFor(
      async () => {
        const summary = (await stack.firestore.collection(COLLECTIONS.sessions).doc(session).get()).data();
        assert.equal(summary?.held, 1);
        assert.notEqual(summary?.closedAt, null);
        return true;
      },
      { what: 'the summary of the session', deadlineMs: PATIENCE_MS },
    );
  });

  test('a denial reaches the agent with its reason, and nothing ran', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const { id, done } = await (await stack.agent()).hold(`delete from one where tag = '${tag}'`);
    await deny(stack, id, 'UBOB', 'not on a Friday');
    const result = await done;
    assert.ok(result instanceof Error);
    assert.match(JSON.stringify(result), /not on a Friday/);
    assert.equal(await stack.rows('one', tag), 1);
  });

  test('one of two needed approvals releases nothing, the second does', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('two', tag);
    const { id, done } = await (await stack.agent()).hold(`delete from two where tag = '${tag}'`);
    await approve(stack, id, 'UANN');
    await stack.press(id, 'approve', 'UANN');
    await stack.shows(id, /1 more approval needed/);
    assert.equal(await stack.rows('two', tag), 1);
    await approve(stack, id, 'UBOB');
    assert.equal(codeOf(await done), '');
    assert.equal(await stack.rows('two', tag), 0);
  });

  test('an agent that leaves withdraws its statement, and its button is gone', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id } = await agent.hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    agent.leave();
    await stack.becomes(id, 'withdrawn');
    await stack.shows(id, /Withdrawn/);
    await assert.rejects(stack.press(id, 'approve', 'UANN'), /has no button/);
    assert.equal(await stack.rows('one', tag), 1);
  });

  test('what nobody decides expires at its deadline, and a press after it decides nothing', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('brief', tag);
    const { id, done } = await (await stack.agent()).hold(`delete from brief where tag = '${tag}'`);
    assert.match((await done) instanceof Error ? String(await done) : '', /not approved in time/);
    const approval = await stack.becomes(id, 'expired');
    // Somebody's screen still shows the button.
    const value = JSON.stringify({ id, request: requestDigest(approval) });
    stack.slack.whispers.length = 0;
    await waitFor(
      async () => {
        await stack.slack.send({
          type: 'block_actions',
          team: { id: 'T0' },
          user: { id: 'UANN', team_id: 'T0' },
          channel: { id: stack.slack.channel },
          trigger_id: 't',
          actions: [{ type: 'button', action_id: 'approve', value }],
        });
        return stack.slack.whispers.some(w => /Nothing has changed/.test(w.text));
      },
      { what: 'who presses is told', deadlineMs: PATIENCE_MS },
    );
    assert.equal((await stack.becomes(id, 'expired')).decisions.length, 0);
    assert.equal(await stack.rows('brief', tag), 1);
  });
}
