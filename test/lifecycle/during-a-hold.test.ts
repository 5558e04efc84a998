import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, heldNotice, startGate } from '#test/session/support.ts';
import type { Frame, RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { seen } from './support.ts';

/** What the server says on its own account while a statement is held: it reaches the agent as it would a session that waits for its user, and the hold lives on. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const HELD = "update notes set body = 'x' where id = 2 returning body";
const DEADLINE_MS = 30_000;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(async () => {
  await gate.clear();
  await gate.look("update notes set body = 'two' where id = 2");
});

async function ask(client: RawClient, ...messages: Buffer[]): Promise<readonly Frame[]> {
  client.send(...messages);
  return client.untilReady(DEADLINE_MS);
}

/** Channel and payload. */
function said(frame: Frame): string[] {
  assert.equal(frame.type, 'A');
  return frame.body.subarray(4).toString('latin1').split('\0').slice(0, 2);
}

test('notifications come out at once while a Query is held, and it runs when it is approved', async () => {
  const client = await gate.agent();
  await ask(client, raw.query('listen c'));
  client.send(raw.query(HELD));
  const id = await heldNotice(client);
  for (const payload of ['one', 'two']) {
    await gate.look(`notify c, '${payload}'`);
    const frames = await client.until('A', DEADLINE_MS);
    assert.deepEqual(said(frames.at(-1)!), ['c', payload]);
    assert.equal(answer(frames.slice(0, -1)), '', 'nothing else has come');
  }
  assert.deepEqual(await gate.heldIds(), [id]);
  assert.equal(await gate.approve(id), '');
  assert.equal(answer(await client.untilReady(DEADLINE_MS)), 'T D C:UPDATE 1 Z:I');
  assert.equal(await gate.value('select body from notes where id = 2'), 'x');
});

for (const [name, first, send, answered] of [
  // Parse has begun the implicit transaction.
  [
    'a pipeline',
    [],
    [raw.parse({ sql: HELD }), raw.bind(), raw.execute(), raw.sync()],
    // That it is parsed has come before the notice.
    '2 D C:UPDATE 1 Z:I',
  ],
  ['a transaction', [raw.query('begin')], [raw.query(HELD)], 'T D C:UPDATE 1 Z:T'],
] as const)
  test(`inside ${name} notifications wait for its end, held or not, as the server has them wait`, async () => {
    const client = await gate.agent();
    await ask(client, raw.query('listen c'));
    if (first.length > 0) await ask(client, ...first);
    client.send(...send);
    const id = await heldNotice(client);
    await gate.look("notify c, 'later'");
    assert.equal(await gate.approve(id), '');
    const frames = [...(await client.untilReady(DEADLINE_MS))];
    const told = frames.filter(frame => frame.type !== 'A');
    assert.equal(answer(told), answered);
    if (first.length > 0) {
      assert.equal(told.length, frames.length, 'it has come too early');
      frames.push(...(await ask(client, raw.query('commit'))));
    }
    // The server looks for notifications when the transaction is over: before it is ready, or right behind that.
    while (!frames.some(frame => frame.type === 'A')) frames.push(await client.next(DEADLINE_MS));
    assert.deepEqual(said(frames.find(frame => frame.type === 'A')!), ['c', 'later']);
  });

test('a setting that the operator changes meanwhile is reported, and what was held is not what ran before', async () => {
  const client = await gate.agent();
  client.send(raw.query(HELD));
  const id = await heldNotice(client);
  const before = await gate.value("select setting from pg_settings where name = 'datestyle'");
  try {
    await gate.db.query("alter database shop set datestyle = 'German, DMY'");
    await gate.db.query("alter system set datestyle = 'SQL, MDY'");
    await gate.db.query('select pg_reload_conf()');
    assert.deepEqual(await gate.heldIds(), [id]);
    assert.equal(await gate.deny(id, 'no'), '');
    assert.match(seen(await client.untilReady(DEADLINE_MS)), /E\(ERROR 42501 .*Z:I$/);
    // As of the next answer of the server, which has read its configuration by then or reads it now.
    for (;;) {
      const frames = await ask(client, raw.query('show datestyle'));
      const [[value]] = raw.rows(frames) as [[string]];
      if (value === before) continue;
      assert.equal(value, 'SQL, MDY');
      assert.equal(client.parameters.DateStyle, 'SQL, MDY');
      return;
    }
  } finally {
    await gate.db.query('alter system reset datestyle');
    await gate.db.query('alter database shop reset datestyle');
    await gate.db.query('select pg_reload_conf()');
  }
});

test('notices of the server for a statement that was held come with it, in its order', async () => {
  const client = await gate.agent();
  const sql = `do $$ begin raise notice 'before'; ${HELD.replace(' returning body', '')}; raise notice 'after'; end $$`;
  client.send(raw.query(`update notes set body = 'x' where id = 2; ${sql}`));
  const id = await heldNotice(client);
  assert.equal(await gate.approve(id), '');
  const told = seen(await client.untilReady(DEADLINE_MS));
  assert.match(told, /C:UPDATE 1 N\(NOTICE 00000 before\) N\(NOTICE 00000 after\) C:DO Z:I$/);
});
