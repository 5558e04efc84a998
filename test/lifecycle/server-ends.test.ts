import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { type Gate, heldNotice, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { backend, LONG_COPY_OUT, same, seen, serverState, toTheEnd } from './support.ts';

/** How a session ends when the server ends it: as over a direct connection, and a statement that is held then never runs. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const HELD = "update notes set body = 'x' where id = 1";
let gate: Gate;

before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

async function ask(client: RawClient, sql: string): Promise<string> {
  client.send(raw.query(sql));
  return seen(await client.untilReady());
}

const kill = async (client: RawClient) =>
  gate.look(`select pg_terminate_backend(${await backend(client)}, 5000)`);

for (const [name, setting, where] of [
  ['idle_session_timeout', 'idle_session_timeout', ''],
  ['idle_in_transaction_session_timeout', 'idle_in_transaction_session_timeout', 'begin'],
  [
    'idle_in_transaction_session_timeout in a failed transaction',
    'idle_in_transaction_session_timeout',
    'begin; select 1/0',
  ],
  ['transaction_timeout while idle in it', 'transaction_timeout', 'begin'],
] as const) {
  test(`${name}: the agent is told and the connection ends, as over a direct connection`, async () => {
    await same(gate, async client => {
      await ask(client, `set ${setting} = '300ms'`);
      const begun = where === '' ? '' : await ask(client, where);
      return `${begun} ${await toTheEnd(client)}`;
    });
  });
}

for (const setting of ['statement_timeout', 'transaction_timeout']) {
  for (const [name, send] of [
    ['a Query', () => [raw.query('select pg_sleep(20)')]],
    ['a pipeline', () => [raw.parse({ sql: 'select pg_sleep(20)' }), raw.bind(), raw.execute(), raw.sync()]],
  ] as const) {
    test(`${setting} during ${name}: the server's own error`, async () => {
      const told = await same(gate, async client => {
        await ask(client, `set ${setting} = '300ms'`);
        client.send(...send());
        if (setting === 'transaction_timeout') return toTheEnd(client);
        const first = seen(await client.untilReady());
        return `${first} ${await ask(client, 'select 1')}`;
      });
      assert.match(told, setting === 'statement_timeout' ? /ERROR 57014/ : /FATAL 25P04/);
    });
  }
}

test('statement_timeout does not run while a statement is held, and does when it runs', async () => {
  const client = await gate.agent();
  await ask(client, "set statement_timeout = '200ms'");
  client.send(raw.query(HELD));
  const id = await heldNotice(client);
  await client.expectSilence(400);
  await gate.deny(id, 'no');
  assert.match(seen(await client.untilReady()), /^E\(ERROR 42501/);
});

for (const [name, before, during] of [
  ['idle', [], null],
  ['idle in a transaction', [raw.query('begin')], null],
  ['in a statement', [], raw.query('select pg_sleep(20)')],
  ['in COPY out', [], raw.query(LONG_COPY_OUT)],
  ['in COPY in', [], raw.query('copy items from stdin')],
  [
    'in a pipeline',
    [],
    Buffer.concat([
      raw.parse({ sql: 'select pg_sleep(20)' }),
      raw.bind(),
      raw.execute(),
      raw.sync(),
      raw.query('select 1'),
    ]),
  ],
] as const) {
  test(`pg_terminate_backend ${name}: the agent gets the server's 57P01, and nothing behind it`, async () => {
    const told = await same(gate, async client => {
      for (const bytes of before) {
        client.send(bytes);
        await client.untilReady();
      }
      if (during !== null) {
        client.send(during);
        if (name === 'in COPY in') await client.until('G');
        else if (name === 'in COPY out') await client.until('H');
        else await serverState(gate, client, "state = 'active'");
      }
      await kill(client);
      return (await toTheEnd(client)).replaceAll(/( d)+/g, '');
    });
    assert.match(told, /E\(FATAL 57P01 .*\) closed$/);
  });
}

for (const where of ['', 'begin']) {
  test(`pg_terminate_backend while a statement is held ${where === '' ? 'alone' : 'in a transaction'}: one error, the hold is withdrawn, nothing runs`, async () => {
    const client = await gate.agent();
    if (where !== '') await ask(client, where);
    client.send(raw.query(HELD));
    const id = await heldNotice(client);
    await kill(client);
    assert.match(await toTheEnd(client), /^E\(FATAL 57P01 [^)]*\) closed$/);
    await gate.becomes(id, 'withdrawn');
    assert.notEqual(await gate.approve(id), '');
    assert.equal(await gate.value('select body from notes where id = 1'), 'one');
  });
}
