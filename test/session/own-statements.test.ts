import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

/** Reads and writes, so that the proxy has to switch the server's mode between them. */
const RULES = `
  - name: all
    verdict: allow
  - name: unknown
    match: { effects: { unknown: true } }
    verdict: allow
`;
const READ = 'select id from items where id <= $1::int order by id';
const WRITE = 'update notes set body = body where id = $1::int';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

/** Each segment waits for its ReadyForQuery; gives what came for each. */
async function segments(client: RawClient, script: readonly (readonly Buffer[])[]): Promise<string[]> {
  const seen: string[] = [];
  for (const messages of script) {
    client.send(...messages);
    seen.push(answer(await client.untilReady()));
  }
  return seen;
}

async function sameAsDirect(script: readonly (readonly Buffer[])[]): Promise<string[]> {
  const direct = await segments(await gate.direct(), script);
  assert.deepEqual(await segments(await gate.agent(), script), direct);
  return direct;
}

const one = { values: ['1'] };

test('the unnamed statement outlives what the proxy asks for itself: the switch between reads and writes', async () => {
  for (const [first, then] of [
    [READ, WRITE],
    [WRITE, READ],
  ] as const) {
    const seen = await sameAsDirect([
      [raw.parse({ sql: first }), raw.bind(one), raw.execute(), raw.sync()],
      [raw.parse({ sql: then }), raw.describe('statement'), raw.sync()],
      [raw.bind(one), raw.execute(), raw.sync()],
      [raw.bind(one), raw.execute(), raw.sync()],
    ]);
    assert.match(seen[3]!, /^2 .*Z:I$/);
  }
});

test('the unnamed statement outlives a SET by name and the question for the search_path behind it', async () => {
  await sameAsDirect([
    [raw.parse({ name: 's', sql: 'set search_path = other' }), raw.parse({ sql: READ }), raw.sync()],
    [raw.bind({ statement: 's', portal: 'p' }), raw.execute('p'), raw.sync()],
    [raw.bind(one), raw.execute(), raw.sync()],
  ]);
});

test('the unnamed portal of an open block outlives it, too', async () => {
  const seen = await sameAsDirect([
    [raw.query('begin')],
    [raw.parse({ name: 's', sql: "set local search_path = 'other'" }), raw.sync()],
    [raw.parse({ sql: READ }), raw.bind({ values: ['5'] }), raw.execute('', 2), raw.sync()],
    [raw.bind({ statement: 's', portal: 'p' }), raw.execute('p'), raw.sync()],
    [raw.execute('', 2), raw.sync()],
    [raw.execute('', 0), raw.sync()],
    [raw.query('rollback')],
  ]);
  assert.equal(seen[5], 'D C:SELECT 1 Z:T');
});

test('a simple Query drops the unnamed statement, as it does at the server', async () => {
  const seen = await sameAsDirect([
    [raw.parse({ sql: READ }), raw.sync()],
    [raw.query('select 1')],
    [raw.bind(one), raw.execute(), raw.sync()],
  ]);
  assert.match(seen[2]!, /26000/);
});

test("the process id is the server's, in its key, in pg_backend_pid() and in notifications", async () => {
  const agent = await gate.agent();
  const pid = String(agent.backend?.pid);
  agent.send(raw.query('select pg_backend_pid()'));
  assert.deepEqual(raw.rows(await agent.untilReady()), [[pid]]);
  agent.send(raw.query('listen news; notify news'));
  const notified = (await agent.untilReady()).find(frame => frame.type === 'A');
  assert.equal(String(notified?.body.readInt32BE(0)), pid);
});

test('and a cancel request with that id and a wrong key, or the key of another session, cancels nothing', async () => {
  const [agent, other] = [await gate.agent(), await gate.agent()];
  assert.notEqual(agent.backend?.pid, other.backend?.pid);
  const cancel = async (pid: number, key: Buffer) => {
    const canceller = await raw.RawClient.connect({ port: gate.dev.pgPort });
    canceller.send(raw.cancelRequest(pid, key));
    await canceller.untilClosed();
  };
  agent.send(raw.query('select pg_sleep(60)'));
  const { pid, key } = agent.backend!;
  await cancel(pid, Buffer.alloc(4, 7));
  await cancel(pid, other.backend!.key);
  await cancel(other.backend!.pid, key);
  await cancel(pid, Buffer.alloc(0));
  await agent.expectSilence(300);
  await cancel(pid, key);
  assert.match(answer(await agent.untilReady()), /57014/);
});

test('a cancel request that comes while the next segment of a pipeline is on its way through the proxy hits what that segment runs', async () => {
  const agent = await gate.agent();
  const segment = (sql: string) => [
    raw.parse({ sql }),
    raw.bind(),
    raw.describe('portal'),
    raw.execute(),
    raw.sync(),
  ];
  const seen: string[] = [];
  for (let round = 0; round < 4; round++) {
    agent.send(...segment('select pg_sleep(0.05)'), ...segment(`select pg_sleep(3) as round${round}`));
    await agent.untilReady();
    const canceller = await raw.RawClient.connect({ port: gate.dev.pgPort });
    canceller.send(raw.cancelRequest(agent.backend!.pid, agent.backend!.key));
    await canceller.untilClosed();
    seen.push(answer(await agent.untilReady()));
  }
  // A server that has been sent a message and has not looked yet may take the request for one that came before it, direct as well.
  const cancelled = seen.filter(one => one.includes('E:57014'));
  assert.ok(cancelled.length >= 3, seen.join(' | '));
});

test("a function that takes the name of the proxy's own statement does not come in its way", async () => {
  const agent = await gate.agent();
  agent.send(raw.query(`do $$ begin execute 'prepare _holdpoint as select 1'; end $$`));
  await agent.untilReady();
  agent.send(raw.query('set search_path = other'));
  await agent.untilReady();
  agent.send(raw.query('select name from items where id = 1'));
  assert.deepEqual(raw.rows(await agent.untilReady()), [['other 1']]);
});
