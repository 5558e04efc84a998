import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approve } from './decide.ts';
import { PATIENCE_MS } from './patience.ts';
import { codeOf, fresh, type Stack } from './stack.ts';
import { push } from './topics.ts';

/** What `record` has to be sent of a session with one approved statement. The emulator does not hold back everything else. */
const NEEDED = ['session.open', 'hold', 'decision', 'forward', 'outcome', 'session.close'];

/** Processes that end in the middle of something, and two that want the same. */
export function crashes(stackOf: () => Stack): void {
  const claimed = async (id: string) =>
    (await stackOf().claims.collection(COLLECTIONS.claims).doc(id).get()).exists;

  test('a proxy that is killed while it holds takes the statement with it: an approval afterwards runs nothing', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const proxy = await stack.startProxy();
    const { id, done } = await (await stack.agent(proxy)).hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    await proxy.kill();
    assert.notEqual(codeOf(await done), '');
    await approve(stack, id, 'UANN');
    await stack.becomes(id, 'approved');
    // A new instance finds nothing to release.
    const next = await stack.startProxy();
    await (await stack.agent(next)).client.query('select 1');
    assert.equal(await claimed(id), false);
    assert.equal(await stack.rows('one', tag), 1);
    assert.equal(await next.stop(), 0);
  });

  test('SIGTERM withdraws what is held, tells agent and approvers, and ends in time with all of it published', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const proxy = await stack.startProxy();
    const { id, done } = await (await stack.agent(proxy)).hold(`delete from one where tag = '${tag}'`);
    await stack.message(id);
    const probe = await fetch(`http://127.0.0.1:${String(proxy.ready.http)}/ready`);
    assert.equal(`${probe.status} ${await probe.text()}`, '200 ready\n');
    assert.equal(await proxy.stop(), 0);
    assert.equal(codeOf(await done), '57P01');
    const { session } = await stack.becomes(id, 'withdrawn');
    await waitFor(
      async () =>
        (await stack.firestore.collection(COLLECTIONS.sessions).doc(session).get()).get('closedAt') !== null,
      { what: 'the end of the session is recorded', deadlineMs: PATIENCE_MS },
    );
    assert.equal(await stack.rows('one', tag), 1);
  });

  test('announce killed between the document and the message: delivered again, it makes the one message', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    let posting = 0;
    stack.slack.before = method => {
      if (method !== 'chat.postMessage') return null;
      posting += 1;
      return posting === 1 ? new Promise(() => {}) : null;
    };
    const { id, done } = await (await stack.agent()).hold(`delete from one where tag = '${tag}'`);
    await waitFor(() => posting === 1, { what: 'it is between its two writes', deadlineMs: PATIENCE_MS });
    await stack.becomes(id, 'held');
    await stack.restartFunction('announce');
    await approve(stack, id, 'UANN');
    stack.slack.before = () => null;
    assert.equal(codeOf(await done), '');
    assert.equal(stack.messages(id).length, 1);
    assert.equal(await stack.rows('one', tag), 0);
  });

  test('record killed in the middle: what it was told is told again, and counted once', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('one', tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    await approve(stack, id, 'UANN');
    await stack.restartFunction('record');
    assert.equal(codeOf(await done), '');
    const { session } = await stack.stored(id);
    await agent.client.end();
    const summary = stack.firestore.collection(COLLECTIONS.sessions).doc(session);
    // Pub/Sub tells again what was not taken, in any order; its emulator takes minutes for it where nobody listened for a while. So it is told
    // here too: once more does no harm.
    await waitFor(
      async () => {
        for (const one of stack.tail.of(session).toReversed())
          await push(stack.functions.record, 'audit', one);
        const taken = await summary.collection('events').get();
        const kinds = new Set(taken.docs.map(one => one.get('kind')));
        return NEEDED.every(kind => kinds.has(kind));
      },
      { what: 'every event of the session was taken', deadlineMs: PATIENCE_MS, everyMs: 500 },
    );
    await stack.becomes(id, 'executed');
    assert.equal((await summary.get()).get('held'), 1);
    const hold = await stack.tail.event(session, 'hold');
    for (let again = 0; again < 2; again += 1)
      await waitFor(async () => (await push(stack.functions.record, 'audit', hold)) < 300, {
        what: 'record has taken it again',
        deadlineMs: PATIENCE_MS,
      });
    assert.equal((await summary.get()).get('held'), 1);
  });
}
