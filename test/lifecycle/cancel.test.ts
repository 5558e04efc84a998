import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { type Gate, heldNotice, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { same, seen, serverState } from './support.ts';

/** Cancel requests at any moment: they cancel what the agent runs and nothing else, and never end a session. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const HELD = "update notes set body = 'x' where id = 1";
const LONG = 'select pg_sleep(20)';
const CANCELLED = /E\(ERROR 57014 canceling statement due to user request( \(rule notes\))?\)/;
let gate: Gate;

before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

/** Resolves when the proxy, or the server, has closed the connection of the request. */
async function cancel(port: number, pid: number, key: Buffer): Promise<void> {
  const messenger = await RawClient.connect({ port });
  messenger.send(raw.cancelRequest(pid, key));
  await messenger.untilClosed();
}

async function cancelOf(client: RawClient): Promise<void> {
  await cancel(client.socket.remotePort!, client.backend!.pid, client.backend!.key);
}

async function works(client: RawClient): Promise<void> {
  client.send(raw.query('select 1'));
  assert.equal(seen(await client.untilReady()), 'T D C:SELECT 1 Z:I');
}

const piped = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];
const running: Record<string, Buffer[]> = {
  'a Query': [raw.query(LONG)],
  'a pipeline': [...piped('select 1'), ...piped(LONG), ...piped('select 2'), raw.sync()],
  'a statement in a transaction': [raw.query('begin'), raw.query(LONG)],
  'the first of several': [raw.query(LONG), raw.query('select 2')],
  'COPY out': [raw.query('copy (select pg_sleep(20)) to stdout')],
};
for (const [name, parts] of Object.entries(running)) {
  test(`a cancel request while ${name} runs: what the agent sees is what it sees directly`, async () => {
    const told = await same(gate, async client => {
      client.send(...parts);
      await serverState(gate, client, "state = 'active' and wait_event = 'PgSleep'");
      await cancelOf(client);
      const frames = await client.untilReady();
      if (parts.length === 2) frames.push(...(await client.untilReady()));
      client.send(raw.query('rollback'));
      return seen([...frames, ...(await client.untilReady())].filter(frame => frame.type !== 'N'));
    });
    assert.match(told, CANCELLED);
  });
}

test('a held statement is withdrawn, the session lives on, and in a transaction it leaves that aborted', async () => {
  const client = await gate.agent();
  for (const [begin, status] of [
    ['', 'I'],
    ['begin', 'E'],
  ] as const) {
    if (begin !== '') {
      client.send(raw.query(begin));
      await client.untilReady();
    }
    client.send(raw.query(HELD));
    const id = await heldNotice(client);
    await cancelOf(client);
    const told = seen(await client.untilReady());
    assert.match(told, CANCELLED);
    assert.ok(told.endsWith(`Z:${status}`), told);
    await gate.becomes(id, 'withdrawn');
    client.send(raw.query('rollback'));
    await client.untilReady();
  }
  await works(client);
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
});

test('a wrong key, a key of another length and an unknown process are answered by silence, and cancel nothing', async () => {
  const client = await gate.agent();
  const { pid, key } = client.backend!;
  client.send(raw.query(HELD));
  const id = await heldNotice(client);
  const wrong = Buffer.from(key);
  wrong[0]! ^= 1;
  for (const [process, secret] of [
    [pid, wrong],
    [pid, Buffer.concat([key, key])],
    [pid + 1, key],
  ] as const)
    await cancel(gate.dev.pgPort, process, secret);
  await client.expectSilence(100);
  await gate.deny(id, 'no');
  await client.untilReady();
  await works(client);
});

test('a key of protocol 3.2 is longer, and cancels; cut short it does not', async () => {
  const client = await RawClient.connect({ port: gate.dev.pgPort });
  await client.login({ user: 'agent', database: 'shop', password: gate.token, protocol: 0x0003_0002 });
  const { pid, key } = client.backend!;
  assert.equal(key.length, 32);
  client.send(raw.query(LONG));
  await serverState(gate, client, "state = 'active'");
  await cancel(gate.dev.pgPort, pid, key.subarray(0, 4));
  await client.expectSilence(100);
  await cancelOf(client);
  assert.match(seen(await client.untilReady()), CANCELLED);
  client.destroy();
});

test('cancel requests for what is finished change nothing: an idle session, and what it asks next', async () => {
  const client = await gate.agent();
  for (let round = 0; round < 20; round += 1) {
    await works(client);
    await cancelOf(client);
  }
  await works(client);
});

test('a storm of cancel requests over reads and writes in turn ends no session: each statement is done or cancelled', async () => {
  const client = await gate.agent();
  const other = await gate.agent();
  let storming = true;
  const storm = (async () => {
    while (storming) await Promise.all([1, 2, 3].map(() => cancelOf(client)));
  })();
  let cancelled = 0;
  for (let round = 0; round < 40; round += 1) {
    // Each pair makes the proxy switch the session's mode twice and, after the SET, ask for search_path.
    for (const sql of [
      'select count(*) from items',
      `update items set price = ${round} where id = 2`,
      'set search_path = public',
    ]) {
      client.send(raw.query(sql));
      const told = seen(await client.untilReady());
      if (CANCELLED.test(told)) cancelled += 1;
      else assert.match(told, /^(T D )?C:(SELECT 1|UPDATE 1|SET) Z:I$/);
    }
  }
  storming = false;
  await storm;
  assert.ok(cancelled < 120);
  await works(client);
  await works(other);
});
