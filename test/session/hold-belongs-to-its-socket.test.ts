import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { afterEach, before, test } from 'node:test';
import pg from 'pg';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import { cleanEnvironment, lacks } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const RULES = `
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: quick
    match: { effects: { writes: [public.notes] } }
    verdict: hold
    approvers: [approvers]
    deadline: 2s
    message: decided quickly or not at all
  - name: writes
    match: { effects: { anyCommand: [delete, update, insert] } }
    verdict: hold
    approvers: [approvers]
    message: writes are read first
`;
const DELETE = 'delete from items where id = 1';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

const left = () => gate.value('select count(*)::int from items');

/** The hold is over for good: nobody can approve it any more, and nothing has run. */
async function over(id: string, state = 'withdrawn'): Promise<void> {
  await gate.becomes(id, state);
  assert.match(await gate.approve(id), /^409 .*can no longer be decided/);
  assert.equal((await gate.approval(id)).state, state);
  await nothingRan();
}
async function nothingRan(): Promise<void> {
  assert.equal(await left(), 20);
}
/** Its server process has gone too, and with it whatever the transaction held. */
async function serverLeft(): Promise<void> {
  await waitFor(
    async () =>
      (await gate.value(
        "select count(*)::int from pg_stat_activity where datname = 'shop' and usename = 'agent' and application_name = ''",
      )) === 0,
    { what: 'the session is gone on the server', deadlineMs: 3_000 },
  );
}

/** Parks DELETE in one of the protocols. */
async function park(client: RawClient, protocol: 'simple' | 'extended' = 'simple'): Promise<string> {
  if (protocol === 'simple') client.send(raw.query(DELETE));
  else client.send(raw.parse({ sql: DELETE }), raw.bind(), raw.execute(), raw.sync());
  return heldNotice(client);
}

for (const protocol of ['simple', 'extended'] as const) {
  const ways: [string, (client: RawClient) => void][] = [
    ['is destroyed', client => client.destroy()],
    ['is reset', client => client.reset()],
    ['is half closed', client => client.end()],
  ];
  for (const [name, leave] of ways) {
    test(`${protocol}: a client that ${name} while held takes its statement with it`, async () => {
      const client = await gate.agent();
      const id = await park(client, protocol);
      leave(client);
      await over(id);
      await serverLeft();
    });
  }
}

test('a client that leaves in the middle of its next message takes its statement with it', async () => {
  const client = await gate.agent();
  const id = await park(client);
  client.send(raw.message('Q', 'half a mess', 500));
  client.reset();
  await over(id);
});

test('a transaction that a client leaves while held is rolled back', async () => {
  const client = await gate.agent();
  client.send(raw.query('begin; select 1'));
  await client.untilReady();
  const id = await park(client);
  client.destroy();
  await over(id);
  await serverLeft();
});

for (const protocol of ['simple', 'extended'] as const) {
  test(`${protocol}: a cancel request withdraws what is held, and the session lives on`, async () => {
    const client = await gate.agent();
    const id = await park(client, protocol);
    const { pid, key } = client.backend!;
    const other = await RawClient.connect({ port: gate.dev.pgPort });
    other.send(raw.cancelRequest(pid, key));
    await other.untilClosed();
    const frames = await client.untilReady();
    assert.equal(answer(frames), 'E:57014 Z:I');
    await over(id);
    client.send(raw.query('select 1'));
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
    // And the next one is a hold of its own that can be approved.
    client.send(raw.query('update items set price = 11 where id = 20'));
    const next = await heldNotice(client);
    assert.equal(await gate.approve(next), '');
    assert.equal(answer(await client.untilReady()), 'C:UPDATE 1 Z:I');
  });
}

test('a cancel request inside a transaction leaves it failed on both sides', async () => {
  const client = await gate.agent();
  client.send(raw.query('begin'));
  await client.untilReady();
  const id = await park(client);
  const other = await RawClient.connect({ port: gate.dev.pgPort });
  other.send(raw.cancelRequest(client.backend!.pid, client.backend!.key));
  assert.equal(answer(await client.untilReady()), 'E:57014 Z:E');
  client.send(raw.query('commit'));
  assert.equal(answer(await client.untilReady()), 'C:ROLLBACK Z:I');
  await over(id);
});

test('Ctrl-C in psql withdraws what is held', { skip: lacks('psql') }, async () => {
  const child = spawn('psql', ['-X', '-w', '-d', gate.dev.ready.pg, '-c', DELETE], {
    env: { ...cleanEnvironment(), PGPASSWORD: gate.token },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  const id = await waitFor(async () => (await gate.heldIds())[0], { what: 'it is held' });
  child.kill('SIGINT');
  assert.notEqual(await ended, 0);
  assert.match(said, /canceling statement due to user request/);
  await over(id);
});

test('approved and gone at the same moment: it ran and says so, or it did not and says that', async () => {
  for (let round = 0; round < 5; round += 1) {
    const client = await gate.agent();
    client.send(raw.query('update items set price = price + 1 where id = 2'));
    const id = await heldNotice(client);
    const approving = gate.approve(id);
    if (round > 0) await approving;
    client.destroy();
    await approving;
    await serverLeft();
    await waitFor(
      async () => {
        const { state } = await gate.approval(id);
        const price = await gate.value('select price from items where id = 2');
        return (state === 'executed' && price === 21) || (state === 'withdrawn' && price === 20);
      },
      { what: 'approval and database agree' },
    );
    await gate.look('update items set price = 20 where id = 2');
  }
});

test('when the deadline passes the agent gets an ordinary error, and no approval counts any more', async () => {
  const client = await gate.agent();
  client.send(raw.query('delete from notes where id = 1'));
  const id = await heldNotice(client);
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  assert.match(onlyError(frames).D ?? '', /nobody decided before/);
  await over(id, 'expired');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
});

test('the deadline inside a pipeline aborts it up to Sync', async () => {
  const client = await gate.agent();
  client.send(
    raw.parse({ sql: 'delete from notes where id = $1' }),
    raw.bind({ values: ['1'] }),
    raw.execute(),
    raw.bind({ values: ['2'] }),
    raw.execute(),
    raw.sync(),
  );
  const id = await heldNotice(client);
  // That the text was parsed the agent knows by then.
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  await over(id, 'expired');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
});

test('while it is held, keep-alives and all, the client gets notices and nothing else', async () => {
  const client = await gate.agent();
  await park(client);
  await client.expectSilence(300);
  client.destroy();
});

test('node-postgres ending its socket while held withdraws it', async () => {
  const client = new pg.Client({ connectionString: gate.dev.url(gate.token) });
  client.on('error', () => {});
  await client.connect();
  const answered = client.query('delete from items where id = $1', [1]);
  const id = await waitFor(async () => (await gate.heldIds())[0], { what: 'it is held' });
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await assert.rejects(answered);
  await over(id);
});

test('SIGTERM while held withdraws it, tells the agent, and stops in good order', async () => {
  const client = await gate.agent();
  const id = await park(client);
  gate.dev.process.ref();
  const ended = new Promise<number | null>(resolve => gate.dev.process.once('exit', code => resolve(code)));
  gate.dev.process.kill('SIGTERM');
  // The held statement's error first, then the session's.
  assert.equal(answer(await client.untilClosed()), 'E:57P01 Z:I E:57P01');
  assert.equal(await ended, 0);
  await nothingRan();
  await gate.dev.restart();
  await over(id);
});

test('when dev is killed while held, its holds die with it, whatever is decided later', async () => {
  const client = await gate.agent();
  const id = await park(client);
  await gate.dev.kill9();
  await client.untilClosed();
  await nothingRan();
  await gate.dev.restart();
  await over(id);
  const { code, stdout, stderr } = await gate.dev.cli('audit', 'verify');
  assert.equal(code, 0, `${stdout}${stderr}`);
});
test('a client that says Terminate while held takes its statement with it', async () => {
  const client = await gate.agent();
  const id = await park(client);
  client.send(raw.terminate());
  await over(id);
});
