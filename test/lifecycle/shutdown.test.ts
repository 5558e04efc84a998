import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { seen, serverState, toTheEnd } from './support.ts';

/** SIGTERM: who waits is told at once, what runs may finish, for a while, and all of it is in the record. */
const OVER = 'E(FATAL 57P01 the proxy is shutting down) closed';
let gate: Gate;

before(async () => {
  gate = await startGate('  - { name: all, verdict: allow }');
});

function stopped(): Promise<number | null> {
  gate.dev.process.ref();
  const ended = new Promise<number | null>(resolve => gate.dev.process.once('exit', code => resolve(code)));
  gate.dev.process.kill('SIGTERM');
  return ended;
}

async function running(bytes: Buffer[]): Promise<RawClient> {
  const client = await gate.agent();
  client.send(...bytes);
  await serverState(gate, client, "state = 'active'");
  return client;
}

test('SIGTERM: idle sessions end at once, what runs is answered, new connections are refused', async () => {
  const [idle, inTransaction] = [await gate.agent(), await gate.agent()];
  inTransaction.send(raw.query("begin; insert into notes values (90, 'never committed')"));
  await inTransaction.untilReady();
  const slow = "select pg_sleep(1.5), 'done'";
  const simple = await running([raw.query(slow), raw.query("insert into notes values (91, 'behind it')")]);
  const pipeline = await running([
    ...[raw.parse({ sql: slow }), raw.bind(), raw.execute()],
    ...[raw.parse({ sql: "insert into notes values (92, 'in the same')" }), raw.bind(), raw.execute()],
    raw.sync(),
  ]);
  const copying = await gate.agent();
  copying.send(raw.query('copy notes from stdin'));
  await copying.until('G');

  const ended = stopped();
  assert.equal(await toTheEnd(idle), OVER);
  assert.equal(await toTheEnd(inTransaction), OVER);
  const late = await RawClient.connect({ port: gate.dev.pgPort }).then(
    async client => seen(await client.untilClosed()),
    (error: NodeJS.ErrnoException) => String(error.code),
  );
  assert.match(late, /^ECONNREFUSED$|57P01/);
  copying.send(raw.copyData('93\tcopied\n'), raw.copyDone());
  assert.equal(await toTheEnd(copying), `C:COPY 1 Z:I ${OVER}`);
  assert.equal(await toTheEnd(simple), `T D C:SELECT 1 Z:I ${OVER}`);
  assert.equal(await toTheEnd(pipeline), `1 2 D C:SELECT 1 1 2 C:INSERT 0 1 Z:I ${OVER}`);
  assert.equal(await ended, 0);
  assert.deepEqual(await gate.look('select id from notes where id >= 90 order by id'), [
    { id: 92 },
    { id: 93 },
  ]);
  assert.equal((await gate.dev.cli('audit', 'verify')).code, 0);
  await gate.dev.restart();
});

test('SIGTERM: what does not finish is cancelled, what cannot be cancelled is cut, and the record is whole', async () => {
  const endless = await running([raw.query('select pg_sleep(600)')]);
  const copying = await gate.agent();
  copying.send(raw.query('copy notes from stdin'));
  await copying.until('G');
  copying.send(raw.copyData('94\tnever\n'));
  const ended = stopped();
  assert.equal(
    await toTheEnd(endless),
    `T E(ERROR 57014 canceling statement due to user request) Z:I ${OVER}`,
  );
  assert.equal(await toTheEnd(copying), OVER);
  assert.equal(await ended, 0);
  await waitFor(
    async () =>
      (await gate.value("select count(*)::int from pg_stat_activity where usename = 'agent'")) === 0,
    { what: 'the server has no session of an agent left' },
  );
  assert.equal(await gate.value('select count(*)::int from notes where id = 94'), 0);
  assert.equal((await gate.dev.cli('audit', 'verify')).code, 0);
});
