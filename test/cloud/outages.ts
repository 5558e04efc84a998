import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { GrpcRefusal } from '#cli/emulators/grpc-server.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approve } from './decide.ts';
import { PATIENCE_MS } from './patience.ts';
import { codeOf, fresh, PASSWORD, SECRET, type Stack } from './stack.ts';

/** Every dependency down, slow, flapping, and back. What is looked at is the database. */
export function outages(stackOf: () => Stack): void {
  async function heldDelete(table = 'one') {
    const stack = stackOf();
    const tag = fresh();
    await stack.put(table, tag);
    const agent = await stack.agent();
    return { stack, tag, agent, ...(await agent.hold(`delete from ${table} where tag = '${tag}'`)) };
  }

  for (const weather of ['down', 'silent'] as const)
    test(`Pub/Sub ${weather}: no write is forwarded and no session opened, and all of it works again afterwards`, async () => {
      const stack = stackOf();
      const { client } = await stack.agent();
      stack.wires.pubsub.set(weather);
      try {
        const write = client.query(`update people set email = 'during@example.com' where id = 1`);
        const late = await Promise.all([
          write.then(
            () => '',
            (error: { code?: string }) => error.code,
          ),
          stack.agent().then(
            () => '',
            (error: { code?: string }) => error.code,
          ),
        ]);
        assert.deepEqual(late, ['58030', '58030']);
        const [row] = await stack.db.query(`select email from people where id = 1`, { database: 'shop' });
        assert.notEqual(row?.email, 'during@example.com');
      } finally {
        stack.wires.pubsub.set('clear');
      }
      await waitFor(
        async () => {
          const again = await stack.agent();
          await again.client.query(`update people set email = 'after@example.com' where id = 1`);
          await again.client.end();
          return true;
        },
        { what: 'writes pass again', deadlineMs: PATIENCE_MS },
      );
    });

  test('Firestore down while a statement waits, flapping while it is decided, and back: it runs once', async () => {
    const { stack, tag, id, done } = await heldDelete();
    await stack.message(id);
    stack.wires.firestore.set('down');
    await approve(stack, id, 'UANN');
    for (let i = 0; i < 4; i += 1) {
      stack.wires.firestore.set(i % 2 === 0 ? 'clear' : 'down');
      await pause(60);
    }
    assert.equal((await stack.rows('one', tag)) <= 1, true);
    stack.wires.firestore.set('clear');
    assert.equal(codeOf(await done), '');
    assert.equal(await stack.rows('one', tag), 0);
    await stack.becomes(id, 'executed');
  });

  test('Firestore that answers slowly: an approval takes its time, and works', async () => {
    const { stack, tag, id, done } = await heldDelete();
    stack.wires.firestore.delayMs = 150;
    await approve(stack, id, 'UANN');
    assert.equal(codeOf(await done), '');
    stack.wires.firestore.delayMs = 0;
    assert.equal(await stack.rows('one', tag), 0);
  });

  test('Firestore silent until the deadline is over: the statement is refused, and its approval of the last moment is worth nothing', async () => {
    const { stack, tag, id, done } = await heldDelete('brief');
    await stack.message(id);
    stack.wires.firestore.set('silent');
    try {
      await stack.press(id, 'approve', 'UANN').catch(() => {});
      assert.notEqual(codeOf(await done), '');
    } finally {
      stack.wires.firestore.set('clear');
    }
    // Where the press itself was too late for the five seconds, there is no approval that could be worth something.
    const after = await waitFor(
      async () => {
        const approval = await stack.stored(id);
        return approval.state !== 'held' && approval.state !== 'approved' && approval;
      },
      { what: 'its end', deadlineMs: PATIENCE_MS },
    );
    assert.equal(after.state, after.decisions.length === 1 ? 'withdrawn' : 'expired');
    assert.equal(await stack.rows('brief', tag), 1);
  });

  test('Secret Manager down, a version disabled, rotated: sessions are refused with that, and one that is open goes on', async () => {
    const stack = stackOf();
    const { secrets } = stack.backends;
    const open = await stack.agent();
    const refused = async () =>
      assert.rejects(stack.agent(), (error: Error & { code?: string }) => {
        assert.equal(error.code, '58000');
        assert.ok(!error.message.includes(PASSWORD));
        return true;
      });
    secrets.before = () => {
      throw new GrpcRefusal(status.PERMISSION_DENIED, 'no');
    };
    await refused();
    secrets.before = () => {};
    const newest = secrets.add(SECRET, PASSWORD);
    secrets.set(newest, 'disabled');
    await refused();
    await open.client.query('select 1');
    await stack.db.query(`alter role agent password 'rotated-secret'`);
    secrets.before = () => {
      // The rotation is half done: the server has it, and the first read still gives the old one.
      if (secrets.asked.length === before + 2) secrets.add(SECRET, 'rotated-secret');
    };
    secrets.set(newest, 'enabled');
    const before = secrets.asked.length;
    const agent = await stack.agent();
    await agent.client.query('select 1');
    secrets.before = () => {};
    assert.equal(secrets.asked.length, before + 2);
  });

  test('KMS that cannot sign: the person is told that nothing was decided, and may press again', async () => {
    const { stack, tag, id, done } = await heldDelete();
    stack.backends.kms.before = () => {
      throw new GrpcRefusal(status.UNAVAILABLE, 'down');
    };
    stack.slack.whispers.length = 0;
    await waitFor(
      async () => {
        await stack.press(id, 'approve', 'UANN');
        return stack.slack.whispers.some(w => /nothing was decided|longer than Slack waits/.test(w.text));
      },
      { what: 'who presses is told', deadlineMs: PATIENCE_MS },
    );
    await stack.becomes(id, 'held');
    assert.equal(await stack.rows('one', tag), 1);
    stack.backends.kms.before = () => {};
    await approve(stack, id, 'UANN');
    assert.equal(codeOf(await done), '');
    assert.equal(await stack.rows('one', tag), 0);
  });

  test('Slack down while a hold is announced: the message comes when Slack is back, once', async () => {
    const stack = stackOf();
    let refusals = 0;
    stack.slack.before = method => {
      if (method !== 'chat.postMessage' || refusals >= 2) return null;
      refusals += 1;
      return 'internal_error';
    };
    const { tag, id, done } = await heldDelete();
    await approve(stack, id, 'UBOB');
    stack.slack.before = () => null;
    assert.equal(refusals, 2);
    assert.equal(codeOf(await done), '');
    assert.equal(stack.messages(id).length, 1);
    assert.equal(await stack.rows('one', tag), 0);
  });
}
