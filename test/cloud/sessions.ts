import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import type { NodeProcess } from '#cli/emulators/node-process.ts';
import { type ApprovalDocument, COLLECTIONS } from '#schemas/approval-document.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approve, revoke } from './decide.ts';
import { PATIENCE_MS } from './patience.ts';
import { fresh, type Stack } from './stack.ts';

/** Two instances of the proxy that know of each other through Firestore alone. */
export function sessions(stackOf: () => Stack): void {
  let other: NodeProcess;
  before(async () => {
    other = await stackOf().startProxy();
  });
  after(() => other?.stop());

  /** Somebody who needs an approval to get in: the approval that they wait for, and when they are in. */
  async function knock(subject: string, at: NodeProcess) {
    const client = await stackOf().client(subject, at);
    const noticed = new Promise<string>(resolve => {
      client.on('notice', ({ message }) => {
        const id = /held for approval (\S+):/.exec(message ?? '')?.[1];
        if (id !== undefined) resolve(id);
      });
    });
    const inside = client.connect();
    const early = inside.then(() => assert.fail('nobody had to approve'));
    return { client, inside, id: await Promise.race([noticed, early]) };
  }
  /** Why the proxy ends the session. */
  const ended = (client: pg.Client) =>
    new Promise<{ code?: string; message: string }>(resolve => client.once('error', resolve));
  const asked = (subject: string) => `Let ${subject} <dev@example.com>`;

  test('a session is opened by a button in Slack, on any instance, and revoked there it ends on all of them', async () => {
    const stack = stackOf();
    const subject = `night-${fresh()}`;
    const first = await knock(subject, stack.proxy);
    const { id } = first;
    await stack.shows(id, new RegExp(asked(subject)));
    await approve(stack, id, 'UANN');
    await first.inside;
    assert.equal((await first.client.query('select 1 as one')).rows[0]?.one, 1);
    await stack.shows(id, /It can be used until/);
    const second = await stack.client(subject, other);
    await second.connect();
    assert.equal((await second.query('select 1 as one')).rows[0]?.one, 1);
    assert.equal((await stack.stored(id)).state, 'approved', 'it is not used up');

    const ends = [first.client, second].map(ended);
    await revoke(stack, id, 'UBOB', 'go to bed');
    for (const { code, message } of await Promise.all(ends)) {
      assert.equal(code, '57P05');
      assert.match(message, new RegExp(`approval ${id}: revoked by bob@example.com: go to bed$`));
    }
    await stack.becomes(id, 'withdrawn');
    await stack.shows(id, /Revoked.*bob@example\.com.*go to bed/);
    await assert.rejects(stack.press(id, 'revoke', 'UANN'), /has no button/);

    // Somebody who may write in Firestore puts the approval back as it was before.
    const document = stack.firestore.collection(COLLECTIONS.approvals).doc(id);
    const { decisions } = (await document.get()).data() as ApprovalDocument;
    assert.ok((await stack.claims.collection(COLLECTIONS.revocations).doc(id).get()).exists);
    await document.update({ state: 'approved', decisions: decisions.slice(0, 1) });
    for (const proxy of [stack.proxy, other]) {
      const again = await knock(subject, proxy);
      assert.notEqual(again.id, id, 'it has to be asked for anew');
      (
        again.client as unknown as { connection: { stream: { destroy(): void } } }
      ).connection.stream.destroy();
      await again.inside.catch(() => {});
      await stack.becomes(again.id, 'withdrawn');
    }
  });

  /** Asks for what comes back for its approval, and gives that. */
  async function named(client: pg.Client, sql: string): Promise<string> {
    const told = await client.query(sql).catch((error: Error) => error);
    const id = /ap_[0-9a-z]+/.exec(JSON.stringify(told))?.[0];
    assert.ok(id, 'the refusal names the approval');
    return id;
  }
  async function updated(tag: string): Promise<number | undefined> {
    const [row] = await stackOf().db.query<{ n: number }>('select n from later where tag = $1', {
      values: [tag],
      database: 'shop',
    });
    return row?.n;
  }

  test('a grant that was asked for at one is used at the other, and asked for again at the first it is used up', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('later', tag);
    const sql = `update later set n = n + 1 where tag = '${tag}'`;
    const here = (await stack.agent()).client;
    const there = (await stack.agent(other)).client;
    const id = await named(here, sql);
    await approve(stack, id, 'UANN');
    assert.equal((await there.query(sql)).rowCount, 1);
    assert.notEqual(await named(here, sql), id);
    assert.notEqual(await named(there, sql), id);
    assert.equal(await updated(tag), 1);
    await stack.shows(id, /it ran, 1 row/);
  });

  test('one grant and the same statement at both, at once, runs one time', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('later', tag);
    const sql = `update later set n = n + 1 where tag = '${tag}'`;
    const first = (await stack.agent()).client;
    const id = await named(first, sql);
    await approve(stack, id, 'UANN');
    const second = (await stack.agent(other)).client;
    const results = await Promise.all(
      [first, second, first, second].map(client => client.query(sql).catch((error: Error) => error)),
    );
    assert.equal(results.filter(r => !(r instanceof Error)).length, 1);
    assert.equal(await updated(tag), 1);
  });

  test('a grant that was revoked while nobody used it runs at neither', async () => {
    const stack = stackOf();
    const tag = fresh();
    await stack.put('later', tag);
    const sql = `update later set n = n + 1 where tag = '${tag}'`;
    const clients = [(await stack.agent()).client, (await stack.agent(other)).client];
    const id = await named(clients[0]!, sql);
    await approve(stack, id, 'UANN');
    await revoke(stack, id, 'UBOB', 'not any more');
    for (const client of clients) assert.notEqual(await named(client, sql), id);
    assert.equal(await updated(tag), 0);
    await waitFor(
      async () => (await stack.stored(id)).outcome === 'revoked by bob@example.com: not any more',
      {
        what: 'the record says who revoked it',
        deadlineMs: PATIENCE_MS,
      },
    );
  });
}
