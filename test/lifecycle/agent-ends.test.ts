import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { type Gate, heldNotice, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { same, seen, serverState, toTheEnd } from './support.ts';

/** An agent that closes its side without Terminate, at any moment: what it had sent is answered, as over a direct connection. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: no-drop, match: { effects: { anyCommand: [truncate] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const HELD = "update notes set body = 'x' where id = 1";
const NAP = 'select pg_sleep(0.2)';
let gate: Gate;

before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

const piped = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];
const cases: Record<string, Buffer[]> = {
  nothing: [],
  'a Query': [raw.query('select 1')],
  'a Query that takes a while': [raw.query(NAP)],
  'several Queries': [raw.query(NAP), raw.query('select 2'), raw.query("select 'three'")],
  'a pipeline with Sync': [...piped(NAP), raw.sync(), ...piped('select 2'), raw.sync()],
  'a pipeline that fails, and another': [
    ...piped('select 1/0'),
    ...piped(NAP),
    raw.sync(),
    ...piped('select 2'),
    raw.sync(),
  ],
  'a large result': [
    raw.query("select repeat('x', 1000) from generate_series(1, 3000)"),
    raw.query('select 1'),
  ],
  'an open transaction': [
    raw.query('begin'),
    raw.query("insert into items values (100, 'x')"),
    raw.query(NAP),
  ],
  'Terminate behind it': [raw.query(NAP), raw.query('select 2'), raw.terminate()],
  'half a message behind it': [raw.query(NAP), raw.query('select 2').subarray(0, 7)],
  'COPY in, done': [
    raw.query('copy items (id, name) from stdin'),
    raw.copyData('200\tx\n'),
    raw.copyDone(),
    raw.query('delete from items where id = 200'),
  ],
};

for (const [name, parts] of Object.entries(cases)) {
  test(`the agent closes its side after ${name}: it gets the answers that it would get from the server`, async () => {
    await same(gate, async client => {
      if (parts.length > 0) client.send(...parts);
      client.end();
      return (await toTheEnd(client)).replaceAll(/( D){2,}/g, ' D…');
    });
  });
}

test('an unfinished transaction and an unfinished COPY leave nothing behind', async () => {
  for (const parts of [
    [raw.query('begin'), raw.query("insert into items values (300, 'x')")],
    [raw.query('copy items (id, name) from stdin'), raw.copyData('300\tx\n')],
    [raw.parse({ sql: "insert into items values (300, 'x')" }), raw.bind(), raw.execute(), raw.flush()],
  ]) {
    const client = await gate.agent();
    client.send(...parts);
    client.end();
    await client.untilClosed();
    await waitFor(
      async () =>
        (await gate.value(
          "select count(*)::int from pg_stat_activity where usename = 'agent' and state <> 'idle'",
        )) === 0,
      { what: 'the server is done' },
    );
    assert.equal(await gate.value('select count(*)::int from items where id = 300'), 0);
  }
});

test('a refusal on the way, and what comes behind it, are answered too', async () => {
  const client = await gate.agent();
  client.send(raw.query(NAP), raw.query('truncate items'), raw.query('select 2'));
  client.end();
  assert.match(
    await toTheEnd(client),
    /^T D C:SELECT 1 Z:I E\(ERROR 42501 [^)]*\) Z:I T D C:SELECT 1 Z:I closed$/,
  );
});

test('a statement that is held when the agent closes its side is withdrawn, and what is behind it never runs', async () => {
  const client = await gate.agent();
  client.send(raw.query(HELD));
  const id = await heldNotice(client);
  client.send(raw.query("update items set name = 'behind' where id = 1"));
  client.end();
  await gate.becomes(id, 'withdrawn');
  await client.untilClosed();
  assert.notEqual(await gate.approve(id), '');
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
  assert.equal(await gate.value('select name from items where id = 1'), 'item 1');
});

test('a statement that would be held after the agent has closed its side is refused: nobody may be there to wait', async () => {
  const client = await gate.agent();
  client.send(raw.query(NAP), raw.query(HELD), raw.query('select 2'));
  client.end();
  const told = seen(await client.untilClosed());
  assert.match(told, /^T D C:SELECT 1 Z:I E\(ERROR 42501 the hold was withdrawn\) Z:I T D C:SELECT 1 Z:I$/);
  assert.deepEqual(await gate.heldIds(), []);
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
});

test('an agent that is killed in a statement leaves a session that ends', async () => {
  const client = await gate.agent();
  client.send(raw.query("select pg_sleep(0.5), 'killed'"), raw.query('select 1'));
  await serverState(gate, client, "state = 'active'");
  client.reset();
  await waitFor(
    async () =>
      (await gate.value(
        "select count(*)::int from pg_stat_activity where usename = 'agent' and query like '%killed%' and pid <> pg_backend_pid()",
      )) === 0,
    { what: 'its server connection has ended' },
  );
});
