import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { answer, type Gate, onlyError, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';

const RULES = `
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: inserts
    match: { effects: { commands: [insert] } }
    verdict: allow
  - name: settings
    match: { effects: { commands: [set] } }
    verdict: allow
  - name: nothing-goes-away
    match: { effects: { anyCommand: [delete, truncate] } }
    verdict: deny
    message: rows of this shop are kept for ever
`;
const DELETE = 'delete from items where id = 1';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});

const count = () => gate.value('select count(*)::int from items');

/** The session does ordinary work after whatever went before. */
async function livesOn(client: RawClient): Promise<void> {
  client.send(raw.query('select 41 + 1'));
  const simple = await client.untilReady();
  assert.equal(answer(simple), 'T D C:SELECT 1 Z:I');
  assert.deepEqual(raw.rows(simple), [['42']]);
  client.send(
    raw.parse({ sql: 'select $1::int + 1' }),
    raw.bind({ values: ['1'] }),
    raw.execute(),
    raw.sync(),
  );
  const extended = await client.untilReady();
  assert.equal(answer(extended), '1 2 D C:SELECT 1 Z:I');
  assert.deepEqual(raw.rows(extended), [['2']]);
}

test('a denied simple query is an error with rule, sentence, SQLSTATE and hint, and the session lives on', async () => {
  const client = await gate.agent();
  client.send(raw.query(DELETE));
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  const said = onlyError(frames);
  assert.deepEqual([said.S, said.V, said.M], ['ERROR', 'ERROR', 'rows of this shop are kept for ever']);
  assert.match(said.D ?? '', /nothing-goes-away/);
  assert.notEqual(said.H ?? '', '');
  assert.equal(await count(), 20);
  await livesOn(client);
  client.destroy();
});

test('where no rule speaks the default refuses, and says that it did', async () => {
  const client = await gate.agent();
  client.send(raw.query('update items set price = 1 where id = 1'));
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  assert.match(onlyError(frames).D ?? '', /default/);
  assert.equal(await gate.value('select price from items where id = 1'), 10);
  await livesOn(client);
  client.destroy();
});

test('a denied Parse is refused before anything reaches the server, and everything up to Sync is skipped', async () => {
  const client = await gate.agent();
  client.send(
    raw.parse({ name: 'd', sql: DELETE }),
    raw.describe('statement', 'd'),
    raw.bind({ statement: 'd' }),
    raw.execute(),
    raw.sync(),
  );
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  assert.match(onlyError(frames).D ?? '', /nothing-goes-away/);
  client.send(raw.bind({ statement: 'd' }), raw.execute(), raw.sync());
  assert.equal(answer(await client.untilReady()), 'E:26000 Z:I');
  assert.equal(await count(), 20);
  await livesOn(client);
  client.destroy();
});

test('of a Query with one denied statement nothing runs, wherever in it that stands', async () => {
  const client = await gate.agent();
  const insert = "insert into notes values (100, 'no')";
  for (const text of [
    `${insert}; ${DELETE}`,
    `${DELETE}; ${insert}`,
    `begin; ${insert}; ${DELETE}; commit`,
  ]) {
    client.send(raw.query(text));
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I', text);
    assert.equal(await gate.value('select count(*)::int from notes where id = 100'), 0, text);
  }
  assert.equal(await count(), 20);
  await livesOn(client);
  client.destroy();
});

test('a refusal inside a transaction aborts it on both sides', async () => {
  for (const protocol of ['simple', 'extended'] as const) {
    const client = await gate.agent();
    client.send(raw.query("begin; insert into notes values (200, 'gone with the transaction')"));
    assert.equal(answer(await client.untilReady()), 'C:BEGIN C:INSERT 0 1 Z:T');
    if (protocol === 'simple') client.send(raw.query(DELETE));
    else client.send(raw.parse({ sql: DELETE }), raw.bind(), raw.execute(), raw.sync());
    const refused = await client.untilReady();
    assert.equal(answer(refused), 'E:42501 Z:E', protocol);
    assert.match(onlyError(refused).D ?? '', /nothing-goes-away/);
    const state = await gate.value(
      "select state from pg_stat_activity where datname = 'shop' and state like 'idle in transaction%'",
    );
    assert.equal(state, 'idle in transaction (aborted)', protocol);
    client.send(raw.query('select 1'));
    assert.equal(answer(await client.untilReady()), 'E:25P02 Z:E', protocol);
    client.send(raw.query('commit'));
    assert.equal(answer(await client.untilReady()), 'C:ROLLBACK Z:I', protocol);
    assert.equal(await gate.value('select count(*)::int from notes where id = 200'), 0, protocol);
    await livesOn(client);
    client.destroy();
  }
});

test('a transaction goes on from a savepoint after a refusal, as after any error', async () => {
  const client = await gate.agent();
  client.send(raw.query("begin; insert into notes values (300, 'kept'); savepoint before"));
  assert.equal(answer(await client.untilReady()), 'C:BEGIN C:INSERT 0 1 C:SAVEPOINT Z:T');
  client.send(raw.query(DELETE));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:E');
  client.send(raw.query('rollback to savepoint before'));
  assert.equal(answer(await client.untilReady()), 'C:ROLLBACK Z:T');
  client.send(raw.query('commit'));
  assert.equal(answer(await client.untilReady()), 'C:COMMIT Z:I');
  assert.deepEqual(
    [await gate.value('select count(*)::int from notes where id = 300'), await count()],
    [1, 20],
  );
  await livesOn(client);
  client.destroy();
});

/** Parse, Bind and Execute of one text. */
function run(sql: string): Buffer[] {
  return [raw.parse({ sql }), raw.bind(), raw.execute()];
}

test('in a pipeline what came before a refusal is rolled back and what comes after is skipped', async () => {
  const client = await gate.agent();
  client.send(
    ...run("insert into notes values (400, 'before')"),
    ...run(DELETE),
    ...run("insert into notes values (401, 'after')"),
    raw.sync(),
    ...run("insert into notes values (402, 'next segment')"),
    raw.sync(),
  );
  const frames = [...(await client.untilReady()), ...(await client.untilReady())];
  assert.equal(answer(frames), '1 2 C:INSERT 0 1 E:42501 Z:I 1 2 C:INSERT 0 1 Z:I');
  assert.deepEqual(await gate.look('select id from notes where id between 400 and 409'), [{ id: 402 }]);
  assert.equal(await count(), 20);
  await livesOn(client);
  client.destroy();
});

test('a pipeline refused inside a transaction leaves it failed until its end', async () => {
  const client = await gate.agent();
  client.send(
    ...run('begin'),
    ...run("insert into notes values (410, 'x')"),
    ...run(DELETE),
    ...run('commit'),
    raw.sync(),
  );
  assert.equal(answer(await client.untilReady()), '1 2 C:BEGIN 1 2 C:INSERT 0 1 E:42501 Z:E');
  client.send(...run('commit'), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 2 C:ROLLBACK Z:I');
  assert.equal(await gate.value('select count(*)::int from notes where id = 410'), 0);
  await livesOn(client);
  client.destroy();
});

test('a syntax error is told as the server tells it, with its position', async () => {
  const client = await gate.agent();
  const direct = async (sql: string) => {
    const error = await gate.look(sql).then(
      () => assert.fail('it was accepted'),
      (fault: { code: string; message: string; position: string }) => fault,
    );
    return { C: error.code, M: error.message, P: error.position };
  };
  for (const sql of ['selec 1', 'select 1 from where', "select 'ü', ,", "select 'open", 'select (1']) {
    const wanted = await direct(sql);
    client.send(raw.query(sql));
    const simple = await client.untilReady();
    assert.equal(answer(simple), 'E:42601 Z:I', sql);
    const { C, M, P } = onlyError(simple);
    assert.deepEqual({ C, M, P }, wanted, sql);
    client.send(raw.parse({ sql }), raw.bind(), raw.execute(), raw.sync());
    const extended = await client.untilReady();
    assert.equal(answer(extended), 'E:42601 Z:I', sql);
    assert.deepEqual(onlyError(extended).P, wanted.P, sql);
  }
  await livesOn(client);
  client.destroy();
});

test('two statements in one Parse are refused, as the server does', async () => {
  const client = await gate.agent();
  client.send(raw.parse({ sql: 'select 1; select 2' }), raw.bind(), raw.execute(), raw.sync());
  assert.equal(answer(await client.untilReady()), 'E:42601 Z:I');
  await livesOn(client);
  client.destroy();
});

test('empty texts are answered as the server does', async () => {
  const client = await gate.agent();
  for (const sql of ['', ';', '-- nothing', ' ;; ']) {
    client.send(raw.query(sql));
    assert.equal(answer(await client.untilReady()), 'I Z:I', JSON.stringify(sql));
  }
  client.send(raw.parse({ sql: '' }), raw.bind(), raw.execute(), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 2 I Z:I');
  await livesOn(client);
  client.destroy();
});

test('a replication connection is refused at start-up', async () => {
  for (const replication of ['true', 'on', '1', 'yes', 'database', 'TRUE']) {
    const client = await RawClient.connect({ port: gate.dev.pgPort });
    await assert.rejects(
      client.login({ user: 'agent', database: 'shop', password: gate.token, parameters: { replication } }),
      /login refused: 0A000/,
      replication,
    );
    await client.untilClosed();
  }
});

test('an unknown message type is a protocol violation that ends the session', async () => {
  for (const type of ['z', 'p', '\u0001', 0xff]) {
    const client = await gate.agent();
    client.send(raw.message(type, 'rubbish'));
    const frames = await client.untilClosed();
    const said = onlyError(frames);
    assert.deepEqual([said.S, said.C], ['FATAL', '08P01'], String(type));
    assert.equal(frames.at(-1)?.type, 'E');
  }
});

test('a refused session leaves nothing running on the server', async () => {
  const client = await gate.agent();
  client.send(raw.query("begin; insert into notes values (500, 'never')"));
  await client.untilReady();
  client.send(raw.message('z'));
  await client.untilClosed();
  assert.equal(await gate.value('select count(*)::int from notes where id = 500'), 0);
  // Were the row's writer still there, this would wait for it.
  await gate.look(
    "set lock_timeout = '5s'; insert into notes values (500, 'direct'); delete from notes where id = 500",
  );
});
