import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, onlyError, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

const RULES = `
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: names
    match: { effects: { commands: [prepare, cursor, transaction, explain] } }
    verdict: allow
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

test('a name that stands for nothing gets the error of the server, from the same routine', async () => {
  const client = await gate.agent();
  const direct = await gate.direct();
  for (const sql of ['execute nothing', 'explain execute nothing', 'execute nothing(1, 2)']) {
    client.send(raw.query(sql));
    direct.send(raw.query(sql));
    const [mine, theirs] = [await client.untilReady(), await direct.untilReady()];
    assert.equal(answer(mine), 'E:26000 Z:I', sql);
    const { L: _line, ...same } = onlyError(theirs);
    assert.deepEqual(onlyError(mine), same, sql);
  }
  for (const connection of [client, direct]) {
    connection.send(raw.query('begin'));
    await connection.untilReady();
    connection.send(raw.query('fetch 1 from nothing'));
  }
  const [mine, theirs] = [await client.untilReady(), await direct.untilReady()];
  const { L: _line, ...same } = onlyError(theirs);
  assert.deepEqual(onlyError(mine), same);
  assert.equal(answer(mine), 'E:34000 Z:E');
  client.send(raw.query('execute nothing'));
  assert.equal(answer(await client.untilReady()), 'E:25P02 Z:E');
});

test('in the extended protocol, too, also where the name stood for something when the text was parsed', async () => {
  const client = await gate.agent();
  client.send(raw.parse({ sql: 'execute nothing' }), raw.bind(), raw.execute(), raw.sync());
  assert.equal(answer(await client.untilReady()), 'E:26000 Z:I');
  client.send(raw.query('prepare one as select 1'));
  await client.untilReady();
  client.send(raw.parse({ name: 's', sql: 'execute one' }), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 Z:I');
  client.send(raw.query('deallocate one'));
  await client.untilReady();
  client.send(raw.bind({ statement: 's' }), raw.execute(), raw.sync());
  assert.equal(answer(await client.untilReady()), 'E:26000 Z:I');
});

test('what is denied for another reason says so', async () => {
  const client = await gate.agent();
  client.send(raw.query('select 1; execute nothing'));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  client.send(raw.query('delete from notes'));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
});
