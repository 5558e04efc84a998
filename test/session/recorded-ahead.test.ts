import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type HeldGate, type HeldLedger, startHeldGate } from '#test/session/held-ledger.ts';
import { answer } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const RULES = `
  - name: denied
    match: { effects: { anyCommand: [truncate] } }
    verdict: deny
    message: no
  - name: reads-and-writes
    match: { effects: { commands: [select, insert, transaction] } }
    verdict: allow
`;
const WRITES = 50;

let gate: HeldGate;
let ledger: HeldLedger;
before(async () => {
  gate = await startHeldGate(RULES);
  ({ ledger } = gate);
});
after(() => gate.stop());
afterEach(() => gate.clear());

/** A client with a prepared INSERT, and a ledger that stops there. */
async function inserting() {
  const client = await gate.agent();
  client.send(raw.parse({ name: 'i', sql: 'insert into t values ($1)', types: [23] }), raw.sync());
  await client.untilReady();
  ledger.kinds.length = 0;
  ledger.outcomes.length = 0;
  ledger.mode = 'later';
  return client;
}
const insert = (value: number | string) => [
  raw.bind({ statement: 'i', values: [`${value}`] }),
  raw.execute(),
];
const inserts = (count = WRITES) => Array.from({ length: count }, (_, i) => insert(i)).flat();
const recorded = (kind: string) => ledger.kinds.filter(one => one === kind).length;
const begun = () => waitFor(() => ledger.waiting > 0, { what: 'the first one waits for the ledger' });
const done = (frames: readonly { readonly type: string }[]) => frames.filter(one => one.type === 'C').length;

test('what is pipelined behind a write is recorded with it, and nothing of it is forwarded before', async () => {
  const client = await inserting();
  client.send(...inserts(), raw.sync());
  await begun();
  assert.deepEqual([recorded('statement'), recorded('forward')], [WRITES, WRITES]);
  await client.expectSilence(100);
  assert.equal(await gate.count(), 0);
  ledger.release();
  assert.equal(done(await client.untilReady()), WRITES);
  assert.equal(await gate.count(), WRITES);
  assert.deepEqual(
    ledger.outcomes.map(([, status]) => status),
    Array(WRITES).fill('ok'),
  );
});

test('each is forwarded as far as the ledger has come, and no further', async () => {
  const client = await inserting();
  const first = ledger.last;
  client.send(...Array.from({ length: WRITES }, (_, i) => [...insert(i), raw.flush()]).flat());
  await begun();
  // Two events for each: seven statements, and the eighth half.
  ledger.upTo(first + 15);
  const answers = [];
  while (done(answers) < 7) answers.push(await client.next());
  await client.expectSilence(100);
  ledger.release();
  client.send(raw.sync());
  assert.equal(done(await client.untilReady()), WRITES - 7);
  assert.equal(await gate.count(), WRITES);
});

test('what an error or a refusal leaves of them is not forwarded, and the record says so of each', async () => {
  for (const stop of [insert('no number'), [raw.parse({ sql: 'truncate t' })]]) {
    const client = await inserting();
    client.send(...inserts(5), ...stop, ...inserts(5), raw.sync());
    await begun();
    ledger.release();
    assert.match(answer(await client.untilReady()), /E:(22P02|42501) Z:I$/);
    assert.equal(await gate.count(), 0);
    assert.equal(ledger.outcomes.length, recorded('statement'));
    client.send(...inserts(2), raw.sync());
    assert.equal(done(await client.untilReady()), 2);
    await gate.clear();
  }
});

test('where the ledger gives no answer in time the first is refused, and none of the others reaches the server', async () => {
  const client = await inserting();
  client.send(...inserts(), raw.sync());
  await begun();
  ledger.fail();
  assert.equal(answer(await client.untilReady()), 'E:58030 Z:I');
  assert.equal(await gate.count(), 0);
  assert.deepEqual(ledger.outcomes.length, WRITES);
  ledger.release();
  client.send(...inserts(3), raw.sync());
  assert.equal(done(await client.untilReady()), 3);
});

test('an agent whose connection breaks takes all of them along, and each has its outcome before the end', async () => {
  const client = await inserting();
  client.send(...inserts(), raw.flush());
  await begun();
  client.reset();
  await waitFor(() => ledger.kinds.at(-1) === 'session.close', { what: 'the session is closed' });
  assert.deepEqual([recorded('statement'), recorded('outcome')], [WRITES, WRITES]);
  ledger.release();
  assert.equal(await gate.count(), 0);
});

test('a statement that is parsed anew for each of its values is recorded ahead, too', async () => {
  const client = await inserting();
  const one = (i: number) => [
    raw.parse({ sql: 'insert into t values ($1)', types: [23] }),
    raw.bind({ values: [`${i}`] }),
    raw.execute(),
  ];
  client.send(...Array.from({ length: WRITES }, (_, i) => one(i)).flat(), raw.sync());
  await begun();
  assert.equal(recorded('statement'), 2 * WRITES);
  ledger.release();
  assert.equal(done(await client.untilReady()), WRITES);
  assert.equal(await gate.count(), WRITES);
});

test('reads between them go as ever, and a transaction of their own makes them no others', async () => {
  const client = await inserting();
  client.send(raw.parse({ name: 'r', sql: 'select count(*) from t' }), raw.sync());
  await waitFor(() => ledger.waiting > 0, { what: 'the Parse waits for the ledger' });
  ledger.release();
  await client.untilReady();
  ledger.mode = 'later';
  const read = [raw.bind({ statement: 'r' }), raw.execute()];
  const begin = [raw.parse({ sql: 'begin' }), raw.bind(), raw.execute()];
  client.send(...begin, ...insert(1), ...read, ...insert(2), ...read, ...insert(3), raw.sync());
  await begun();
  ledger.release();
  const frames = await client.untilReady();
  assert.deepEqual(raw.rows(frames), [['1'], ['2']]);
  assert.match(answer(frames), /Z:T$/);
  client.send(raw.query('commit'));
  await client.untilReady();
  assert.equal(await gate.count(), 3);
});
