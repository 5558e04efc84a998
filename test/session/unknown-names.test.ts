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
    assert.deepEqual(onlyError(mine), onlyError(theirs), sql);
  }
  for (const connection of [client, direct]) {
    connection.send(raw.query('begin'));
    await connection.untilReady();
    connection.send(raw.query('fetch 1 from nothing'));
  }
  const [mine, theirs] = [await client.untilReady(), await direct.untilReady()];
  assert.deepEqual(onlyError(mine), onlyError(theirs));
  assert.equal(answer(mine), 'E:34000 Z:E');
  client.send(raw.query('execute nothing'));
  assert.equal(answer(await client.untilReady()), 'E:25P02 Z:E');
});

test('in the extended protocol it is missed where the server misses it: when it is executed', async () => {
  const client = await gate.agent();
  const direct = await gate.direct();
  const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.describe('portal'), raw.execute()];
  const turns: Buffer[][] = [
    [...run('execute nothing'), raw.sync()],
    [...run('explain execute nothing(1)'), raw.sync()],
    [...run('select 1'), ...run('execute nothing'), ...run('select 2'), raw.sync()],
    [raw.parse({ name: 's', sql: 'execute one' }), raw.describe('statement', 's'), raw.sync()],
    [raw.query('prepare one as select 1')],
    [raw.bind({ statement: 's' }), raw.execute(), raw.sync()],
    [raw.query('deallocate one')],
    [raw.bind({ statement: 's' }), raw.describe('portal'), raw.flush(), raw.sync()],
    [raw.bind({ statement: 's' }), raw.execute(), raw.sync()],
    [raw.query('begin')],
    [...run('fetch 1 from nothing'), raw.sync()],
    [...run('execute nothing'), raw.sync()],
    [raw.query('rollback')],
    [raw.query('begin')],
    [raw.bind({ portal: 'p', statement: 's' }), raw.sync()],
    [raw.close('portal', 'p'), raw.sync()],
    [raw.bind({ portal: 'p', statement: 's' }), raw.sync()],
    [raw.execute('p'), raw.sync()],
    [raw.query('rollback')],
  ];
  for (const turn of turns) {
    client.send(...turn);
    direct.send(...turn);
    const [mine, theirs] = [await client.untilReady(), await direct.untilReady()];
    const where = turn.map(m => m.toString('latin1')).join(' ');
    assert.equal(answer(mine), answer(theirs), where);
    if (!theirs.some(frame => frame.type === 'E')) continue;
    const { L: _line, ...same } = onlyError(theirs);
    const { L: _mine, ...found } = onlyError(mine);
    assert.deepEqual(found, same, where);
  }
});

test('a portal whose name was missing stays refused when there is one, and is no way to it by SQL', async () => {
  const client = await gate.agent();
  const says = async (...messages: Buffer[]) => {
    client.send(...messages);
    return answer(await client.untilReady());
  };
  const bound = [raw.parse({ sql: 'execute late' }), raw.bind({ portal: 'p' }), raw.sync()];
  assert.equal(await says(raw.query('begin')), 'C:BEGIN Z:T');
  assert.equal(await says(...bound), '1 2 Z:T');
  assert.equal(await says(raw.query('prepare late as select 1')), 'C:PREPARE Z:T');
  assert.equal(await says(raw.execute('p'), raw.sync()), 'E:26000 Z:E');
  assert.equal(await says(raw.query('rollback')), 'C:ROLLBACK Z:I');
  assert.equal(await says(raw.query('deallocate late')), 'C:DEALLOCATE Z:I');
  assert.equal(await says(raw.query('begin')), 'C:BEGIN Z:T');
  assert.equal(await says(...bound), '1 2 Z:T');
  assert.equal(await says(raw.query('fetch all from p')), 'E:42501 Z:E');
});

test('what is denied for another reason says so', async () => {
  const client = await gate.agent();
  client.send(raw.query('select 1; execute nothing'));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  client.send(raw.query('delete from notes'));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
});
