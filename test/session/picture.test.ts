import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import { chosenMajor } from '#test/support/postgres.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

/** Reads pass; what writes is denied, except what gets rows into the table of COPY. */
const RULES = `
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: settings
    match: { effects: { commands: [set] } }
    verdict: allow
  - name: copies
    match: { effects: { commands: [copy-in], onlyRelations: [public.loaded] } }
    verdict: allow
  - name: no-writes
    verdict: deny
    message: this database is not written to
`;
const READ = 'select id from items where id <= 3 order by id';
const WRITE = 'delete from items';

let gate: Gate;
let untouched: unknown;
before(async () => {
  gate = await startGate(RULES, { schema: 'create table loaded (id integer, body text);' });
  untouched = await fingerprint();
});

/** What counts is the database, not the answer: whatever was tried, this stays. */
const fingerprint = () =>
  gate.value(
    "select md5(string_agg(i::text, ',' order by id)) || (select count(*) from notes) || (select count(*) from pg_class) from items i",
  );
afterEach(async () => {
  await gate.clear();
  assert.equal(await fingerprint(), untouched, 'the database was changed');
});

const parse = (name: string, sql: string) => raw.parse({ name, sql });
const bindTo = (statement: string, portal = '') => raw.bind({ statement, portal });
const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];

async function ask(client: RawClient, ...messages: Buffer[]): Promise<string> {
  client.send(...messages);
  return answer(await client.untilReady());
}
/** Everything that is still to come: up to the answer of one more question. */
async function drain(client: RawClient): Promise<string> {
  client.send(raw.query('select 4711'));
  const seen: raw.Frame[] = [];
  while (raw.rows(seen).at(-1)?.[0] !== '4711') seen.push(await client.next());
  seen.push(...(await client.untilReady()));
  return answer(seen);
}
/** The session's picture has to be right in the other direction too: it still reads. */
async function reads(client: RawClient): Promise<void> {
  assert.equal(await ask(client, raw.query('select 1')), 'T D C:SELECT 1 Z:I');
  assert.equal(await ask(client, ...run('select 1'), raw.sync()), '1 2 D C:SELECT 1 Z:I');
}

test('a name whose second Parse is refused still stands for the first, or for nothing, never for the second', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, parse('s', READ), raw.sync()), '1 Z:I');
  assert.equal(await ask(client, parse('s', WRITE), bindTo('s'), raw.execute(), raw.sync()), 'E:42501 Z:I');
  assert.equal(await ask(client, bindTo('s'), raw.execute(), raw.sync()), '2 D D D C:SELECT 3 Z:I');
  await reads(client);
});

test('a name whose second Parse the server refuses still stands for the first', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, parse('s', READ), raw.sync()), '1 Z:I');
  // 42P05: the name is taken. The text is a read as well, of other rows.
  assert.equal(await ask(client, parse('s', 'select id from items'), raw.sync()), 'E:42P05 Z:I');
  assert.equal(await ask(client, bindTo('s'), raw.execute(), raw.sync()), '2 D D D C:SELECT 3 Z:I');
  // 42P01: the new text fails in the server after Close has freed the name.
  const failing = parse('s', 'select 1 from items, (select pg_catalog.nonsense()) x');
  client.send(raw.close('statement', 's'), failing, bindTo('s'), raw.execute(), raw.sync());
  assert.match(answer(await client.untilReady()), /^(3 )?E:\w+ Z:I$/);
  assert.match(
    await ask(client, bindTo('s'), raw.execute(), raw.sync()),
    /^(E:26000|2 D D D C:SELECT 3) Z:I$/,
  );
  await reads(client);
});

test('a Close that is skipped in a failed pipeline has closed nothing', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, parse('s', READ), raw.sync()), '1 Z:I');
  const failing = [...run('select 1/0'), raw.close('statement', 's'), parse('s', 'select 7'), raw.sync()];
  assert.equal(await ask(client, ...failing), '1 E:22012 Z:I');
  assert.equal(await ask(client, bindTo('s'), raw.execute(), raw.sync()), '2 D D D C:SELECT 3 Z:I');
  assert.equal(await ask(client, parse('s', 'select 7'), raw.sync()), 'E:42P05 Z:I');
  assert.equal(
    await ask(
      client,
      raw.close('statement', 's'),
      parse('s', 'select 7'),
      bindTo('s'),
      raw.execute(),
      raw.sync(),
    ),
    '3 1 2 D C:SELECT 1 Z:I',
  );
  await reads(client);
});

test('a Parse that is skipped in a failed pipeline has made nothing', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, ...run('select 1/0'), parse('late', READ), raw.sync()), '1 E:22012 Z:I');
  assert.equal(await ask(client, bindTo('late'), raw.execute(), raw.sync()), 'E:26000 Z:I');
  await reads(client);
});

test('an older statement bound behind a refused Parse in the same pipeline does not run', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, parse('s', READ), raw.sync()), '1 Z:I');
  assert.equal(await ask(client, parse('w', WRITE), bindTo('s'), raw.execute(), raw.sync()), 'E:42501 Z:I');
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.sync()), '1 Z:I');
  assert.equal(
    await ask(client, raw.parse({ sql: WRITE }), raw.bind(), raw.execute(), raw.sync()),
    'E:42501 Z:I',
  );
  // The unnamed statement: gone or the old one, as long as it is not the refused one.
  assert.match(
    await ask(client, raw.bind(), raw.execute(), raw.sync()),
    /^(E:26000|2 D D D C:SELECT 3) Z:I$/,
  );
  await reads(client);
});

test('PREPARE in SQL and Bind by protocol share their names, in both directions', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, raw.query(`prepare a as ${READ}`)), 'C:PREPARE Z:I');
  assert.equal(
    await ask(client, bindTo('a'), raw.describe('portal'), raw.execute(), raw.sync()),
    '2 T D D D C:SELECT 3 Z:I',
  );
  assert.equal(await ask(client, parse('b', READ), raw.sync()), '1 Z:I');
  assert.equal(await ask(client, raw.query('execute b')), 'T D D D C:SELECT 3 Z:I');
  assert.equal(await ask(client, raw.query(`prepare w as ${WRITE}`)), 'E:42501 Z:I');
  assert.equal(await ask(client, raw.query('execute w')).then(said => said.startsWith('E:')), true);
  assert.equal(await ask(client, bindTo('w'), raw.execute(), raw.sync()), 'E:26000 Z:I');
  // Re-used by the other side while one side remembers the old.
  assert.equal(await ask(client, raw.query('deallocate b')), 'C:DEALLOCATE Z:I');
  assert.equal(await ask(client, bindTo('b'), raw.execute(), raw.sync()), 'E:26000 Z:I');
  assert.equal(await ask(client, raw.query('prepare b as select 7')), 'C:PREPARE Z:I');
  assert.equal(await ask(client, bindTo('b'), raw.execute(), raw.sync()), '2 D C:SELECT 1 Z:I');
  await reads(client);
});

test('PREPARE of a write and EXECUTE of it are denied together, apart, in one text and in a pipeline', async () => {
  const client = await gate.agent();
  for (const sql of [
    `prepare p as ${WRITE}`,
    `prepare p as ${WRITE}; execute p`,
    `prepare p as ${READ}; deallocate p; prepare p as ${WRITE}; execute p`,
    `deallocate all; prepare p as ${WRITE}; execute p`,
    `prepare p as ${READ}; discard all; prepare p as ${WRITE}; execute p`,
    `explain analyze ${WRITE}`,
  ]) {
    assert.match(await ask(client, raw.query(sql)), /^E:\w+ Z:I$/, sql);
  }
  assert.match(
    await ask(client, ...run(`prepare q as ${WRITE}`), ...run('execute q'), raw.sync()),
    /E:42501 Z:I$/,
  );
  assert.match(
    await ask(
      client,
      ...run(`prepare q as ${READ}`),
      ...run('deallocate q'),
      ...run(`prepare q as ${WRITE}`),
      ...run('execute q'),
      raw.sync(),
    ),
    /E:42501 Z:I$/,
  );
  await reads(client);
});

test('DEALLOCATE ALL, DISCARD ALL and a rolled back DEALLOCATE leave picture and server with the same names', async () => {
  for (const [sql, gone] of [
    ['deallocate all', true],
    ['discard all', true],
    ['deallocate s', true],
    ['begin; deallocate s; rollback', true],
    ['begin; deallocate nothing_like_it; rollback', false],
    ['select 1/0', false],
  ] as const) {
    const client = await gate.agent();
    await ask(client, parse('s', READ), raw.sync());
    await ask(client, raw.query(sql));
    await ask(client, raw.query('rollback'));
    assert.equal(
      await ask(client, bindTo('s'), raw.execute(), raw.sync()),
      gone ? 'E:26000 Z:I' : '2 D D D C:SELECT 3 Z:I',
      sql,
    );
    assert.equal(await ask(client, parse('s', READ), raw.sync()), gone ? '1 Z:I' : 'E:42P05 Z:I', sql);
    await reads(client);
  }
});

test('a PREPARE in a transaction that is rolled back stays, as it does in the server', async () => {
  const client = await gate.agent();
  await ask(client, raw.query(`begin; prepare s as ${READ}; rollback`));
  assert.equal(await ask(client, raw.query('execute s')), 'T D D D C:SELECT 3 Z:I');
  assert.equal(await ask(client, raw.query('prepare s as select 7')), 'E:42P05 Z:I');
  assert.equal(await ask(client, raw.query('execute s')), 'T D D D C:SELECT 3 Z:I');
});

test('names that are longer than the server keeps them are cut as it cuts them, in the protocol and in SQL', async () => {
  const base = 'n'.repeat(63);
  const client = await gate.agent();
  assert.equal(await ask(client, parse(`${base}1`, READ), raw.sync()), '1 Z:I');
  assert.equal(await ask(client, parse(base, READ), raw.sync()), 'E:42P05 Z:I');
  // SQL cuts the name: EXECUTE of the longer name is EXECUTE of the shorter one, and PREPARE collides with it.
  assert.equal(await ask(client, raw.query(`execute ${base}2`)), 'T D D D C:SELECT 3 Z:I');
  assert.equal(await ask(client, raw.query(`prepare ${base}3 as select 7`)), 'E:42P05 Z:I');
  assert.equal(await ask(client, raw.query(`deallocate ${base}4`)), 'C:DEALLOCATE Z:I');
  assert.equal(await ask(client, bindTo(base), raw.execute(), raw.sync()), 'E:26000 Z:I');
  assert.equal(await ask(client, raw.query(`prepare ${base}5 as ${READ}`)), 'C:PREPARE Z:I');
  assert.equal(await ask(client, bindTo(base), raw.execute(), raw.sync()), '2 D D D C:SELECT 3 Z:I');
  await reads(client);
});

test('names that only differ in case or quotes are told apart as the server does', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, parse('S', READ), raw.sync()), '1 Z:I');
  assert.match(await ask(client, raw.query('execute S')), /^E:(26000|42501) Z:I$/);
  assert.equal(await ask(client, raw.query('execute "S"')), 'T D D D C:SELECT 3 Z:I');
  assert.equal(await ask(client, raw.query('prepare S as select 7')), 'C:PREPARE Z:I');
  assert.equal(await ask(client, bindTo('s'), raw.execute(), raw.sync()), '2 D C:SELECT 1 Z:I');
  assert.equal(await ask(client, bindTo('S'), raw.execute(), raw.sync()), '2 D D D C:SELECT 3 Z:I');
});

test('cursors of SQL and portals of the protocol share their names', async () => {
  const client = await gate.agent();
  assert.equal(
    await ask(client, raw.query(`begin; declare c cursor for ${READ}`)),
    'C:BEGIN C:DECLARE CURSOR Z:T',
  );
  assert.equal(await ask(client, raw.query('fetch 2 from c')), 'T D D C:FETCH 2 Z:T');
  // 42P03: the portal's name is taken by the cursor.
  assert.equal(
    await ask(client, raw.parse({ sql: 'select 7' }), raw.bind({ portal: 'c' }), raw.sync()),
    '1 E:42P03 Z:E',
  );
  await ask(client, raw.query('rollback'));
  assert.equal(await ask(client, raw.query('begin')), 'C:BEGIN Z:T');
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.bind({ portal: 'p' }), raw.sync()), '1 2 Z:T');
  assert.equal(await ask(client, raw.query('fetch 1 from p')), 'T D C:FETCH 1 Z:T');
  assert.equal(await ask(client, raw.query('close p')), 'C:CLOSE CURSOR Z:T');
  assert.equal(await ask(client, raw.execute('p'), raw.sync()), 'E:34000 Z:E');
  await ask(client, raw.query('rollback'));
  assert.match(
    await ask(client, raw.query(`begin; declare w cursor for ${WRITE} returning id`)),
    /^E:\w+ Z:I$/,
  );
  await ask(client, raw.query('rollback'));
  await reads(client);
});

test('a cursor does not write by WHERE CURRENT OF, whoever declared it', async () => {
  const client = await gate.agent();
  await ask(client, raw.query('begin; declare c cursor for select * from items for update'));
  await ask(client, raw.query('fetch 1 from c'));
  assert.match(await ask(client, raw.query('delete from items where current of c')), /^E:/);
  await ask(client, raw.query('rollback'));
  await ask(client, raw.query('begin'));
  await ask(
    client,
    raw.parse({ sql: 'select * from items' }),
    raw.bind({ portal: 'c' }),
    raw.execute('c', 1),
    raw.sync(),
  );
  assert.match(await ask(client, raw.query('update items set price = 0 where current of c')), /^E:/);
  await ask(client, raw.query('rollback'));
  await reads(client);
});

test('a portal bound anew behind an error is not the one that is executed later', async () => {
  const client = await gate.agent();
  await ask(client, raw.query('begin'));
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.bind({ portal: 'p' }), raw.sync()), '1 2 Z:T');
  await ask(client, raw.query('savepoint a'));
  assert.equal(
    await ask(
      client,
      ...run('select 1/0'),
      raw.close('portal', 'p'),
      raw.parse({ sql: 'select 7' }),
      raw.bind({ portal: 'p' }),
      raw.sync(),
    ),
    '1 E:22012 Z:E',
  );
  await ask(client, raw.query('rollback to a'));
  assert.match(await ask(client, raw.execute('p'), raw.sync()), /^(D D D C:SELECT 3 Z:T|E:34000 Z:E)$/);
  await ask(client, raw.query('rollback'));
  assert.equal(await ask(client, raw.execute('p'), raw.sync()), 'E:34000 Z:I');
  await reads(client);
});

test('the unnamed portal is gone after Sync, after a Query and after an error', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.bind(), raw.sync()), '1 2 Z:I');
  assert.equal(await ask(client, raw.execute(), raw.sync()), 'E:34000 Z:I');
  await ask(client, raw.query('begin'));
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.bind(), raw.sync()), '1 2 Z:T');
  assert.equal(await ask(client, raw.query('select 1')), 'T D C:SELECT 1 Z:T');
  assert.equal(await ask(client, raw.execute(), raw.sync()), 'E:34000 Z:E');
  await ask(client, raw.query('rollback'));
  await reads(client);
});

test('the unnamed statement is gone after a Query, as it is in the server', async () => {
  const client = await gate.agent();
  assert.equal(await ask(client, raw.parse({ sql: READ }), raw.sync()), '1 Z:I');
  assert.equal(await ask(client, raw.query('select 1')), 'T D C:SELECT 1 Z:I');
  assert.equal(await ask(client, raw.bind(), raw.execute(), raw.sync()), 'E:26000 Z:I');
  await reads(client);
});

test('a suspended portal goes on where it was, and nothing else gets in between', async () => {
  const client = await gate.agent();
  const portal = [raw.parse({ sql: READ }), raw.bind({ portal: 'p' })];
  assert.equal(
    await ask(client, ...portal, raw.execute('p', 1), raw.execute('p', 1), raw.execute('p', 5), raw.sync()),
    '1 2 D s D s D C:SELECT 1 Z:I',
  );
  await ask(client, raw.query('begin'));
  assert.equal(await ask(client, ...portal, raw.execute('p', 2), raw.sync()), '1 2 D D s Z:T');
  assert.equal(await ask(client, raw.query(WRITE)), 'E:42501 Z:E');
  await ask(client, raw.query('rollback'));
  assert.equal(await ask(client, raw.execute('p', 1), raw.sync()), 'E:34000 Z:I');
  await reads(client);
});

test('a Query inside an extended segment is judged for itself, and the answers come as from the server', async () => {
  const [client, direct] = [await gate.agent(), await gate.direct()];
  for (const messages of [
    [...run('begin'), raw.query('select 2; commit')],
    [raw.parse({ sql: 'select 1' }), raw.query('select 2')],
    [raw.parse({ sql: 'select 1' }), raw.bind({ portal: 'p' }), raw.query('select 2'), raw.execute('p')],
  ]) {
    direct.send(...messages, raw.sync());
    client.send(...messages, raw.sync());
    assert.equal(await drain(client), await drain(direct));
  }
});

test('a write by Query behind an Execute without Sync does not run', async () => {
  for (const text of [WRITE, `select 2; ${WRITE}`, `commit; ${WRITE}`, `rollback; ${WRITE}`]) {
    const client = await gate.agent();
    client.send(...run('select 1'), raw.query('select 2'), raw.query(text), raw.sync());
    assert.match(answer(await client.until('E')), /E:42501$/, text);
    // Postgres 18 itself loses track of its transaction here (XX000 at the next statement), so the session may end.
    client.send(raw.query(WRITE), raw.terminate());
    await client.untilClosed();
    assert.equal(await fingerprint(), untouched, text);
  }
});

test('a Query behind an error of its segment is skipped like everything up to Sync', async () => {
  const client = await gate.agent();
  for (const failing of [run('select 1/0'), run('select nothing_like_it from items'), run(WRITE)]) {
    client.send(...failing, raw.query('select 2'), raw.query(WRITE), raw.sync());
    assert.match(answer(await client.untilReady()), /^(1 (2 )?)?E:\w+ Z:I$/);
    await reads(client);
  }
});

test('Sync and Flush in any place do not move what a name stands for', async () => {
  const client = await gate.agent();
  client.send(
    parse('s', READ),
    raw.flush(),
    bindTo('s', 'p'),
    raw.flush(),
    raw.execute('p', 1),
    raw.flush(),
    raw.execute('p'),
    raw.sync(),
  );
  assert.equal(answer(await client.untilReady()), '1 2 D s D D C:SELECT 2 Z:I');
  client.send(raw.sync(), raw.sync(), raw.flush(), raw.sync());
  for (let i = 0; i < 3; i += 1) assert.equal(answer(await client.untilReady()), 'Z:I');
  await reads(client);
});

test('COPY data followed by a Query without CopyDone ends the session or the COPY, and the Query does not run', async () => {
  const client = await gate.agent();
  client.send(raw.query('copy loaded from stdin'));
  assert.equal(answer(await client.until('G')), 'G');
  client.send(raw.copyData('1\tone\n'), raw.query(WRITE), raw.sync());
  // Postgres 13 takes the Query for a part of the COPY that has failed, and goes on; later ones end the session.
  const frames = await (chosenMajor() === '13' ? client.untilReady() : client.untilClosed());
  assert.match(answer(frames), /E:08P01( Z:I)?$/);
  assert.equal(await gate.value('select count(*)::int from loaded'), 0);
});

test('a COPY that was refused does not swallow what comes behind it', async () => {
  const client = await gate.agent();
  client.send(raw.query('copy items from stdin'), raw.copyData('99\tx\t0\n'), raw.copyDone());
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  await reads(client);
  assert.equal(
    await ask(client, raw.copyData('99\tx\t0\n'), raw.copyDone(), raw.query('select 1')),
    'T D C:SELECT 1 Z:I',
  );
  await reads(client);
});

test('COPY in works in both protocols, fails as it should, and the session goes on', async () => {
  const client = await gate.agent();
  assert.equal(
    await ask(
      client,
      raw.query('copy loaded from stdin'),
      raw.copyData('1\to'),
      raw.copyData('ne\n2\ttwo\n'),
      raw.copyDone(),
    ),
    'G C:COPY 2 Z:I',
  );
  client.send(
    raw.parse({ sql: 'copy loaded from stdin' }),
    raw.bind(),
    raw.execute(),
    raw.copyData('3\tthree\n'),
    raw.copyDone(),
    raw.sync(),
  );
  assert.equal(answer(await client.untilReady()), '1 2 G C:COPY 1 Z:I');
  assert.equal(
    await ask(
      client,
      raw.query('copy loaded from stdin'),
      raw.copyData('4\tfour\n'),
      raw.copyFail('changed my mind'),
    ),
    'G E:57014 Z:I',
  );
  assert.equal(
    await ask(client, raw.query('copy loaded from stdin'), raw.copyData('x\ty\n'), raw.copyDone()),
    'G E:22P02 Z:I',
  );
  await reads(client);
  assert.equal(await gate.value('select count(*)::int from loaded'), 3);
  await gate.look('truncate loaded');
});

test('a message of COPY data passes in pieces, however long it is, and one that the COPY does not live to see is dropped', async () => {
  const long = raw.copyData('5\tfive\n'.repeat(64 * 1024));
  const begin = {
    simple: { send: [raw.query('copy loaded from stdin')], until: 'G', end: [raw.copyDone()] },
    extended: {
      send: [raw.parse({ sql: 'copy loaded from stdin' }), raw.bind(), raw.execute(), raw.flush()],
      until: 'G',
      end: [raw.copyDone(), raw.sync()],
    },
  };
  for (const { send, until, end } of Object.values(begin)) {
    const client = await gate.agent();
    client.send(...send);
    await client.until(until);
    client.send(long.subarray(0, 100_000));
    client.send(long.subarray(100_000), ...end);
    assert.equal(answer(await client.untilReady()), 'C:COPY 65536 Z:I');
    client.send(...send);
    await client.until(until);
    client.send(raw.copyData('x\ty\n'), long.subarray(0, 100_000));
    assert.equal(answer(await client.until('E')), 'E:22P02');
    client.send(long.subarray(100_000), ...end);
    assert.equal(answer(await client.untilReady()), 'Z:I');
    await reads(client);
  }
  assert.equal(await gate.value('select count(*)::int from loaded'), 2 * 65_536);
  await gate.look('truncate loaded');
});

test('a statement split over many packets is judged as a whole', async () => {
  const client = await gate.agent();
  for (const size of [1, 3, 7]) {
    await client.sendInPieces(raw.query(`select 1; ${WRITE}`), size);
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
    await client.sendInPieces(Buffer.concat([...run(WRITE), raw.sync()]), size);
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
    await client.sendInPieces(
      Buffer.concat([parse('s', READ), bindTo('s'), raw.execute(), raw.close('statement', 's'), raw.sync()]),
      size,
    );
    assert.equal(answer(await client.untilReady()), '1 2 D D D C:SELECT 3 3 Z:I');
  }
});

test('a pipeline that begins as reads cannot end in a write, however it is cut into packets', async () => {
  const client = await gate.agent();
  const pipeline = Buffer.concat([...run(READ), ...run(WRITE), ...run(READ), raw.sync()]);
  for (const size of [1, 10, 40, 80, pipeline.length]) {
    await client.sendInPieces(pipeline, size);
    assert.equal(answer(await client.untilReady()), '1 2 D D D C:SELECT 3 E:42501 Z:I', `${size}`);
  }
  await reads(client);
});

test('names of the proxy itself are not for agents', async () => {
  const client = await gate.agent();
  for (const message of [parse('_holdpoint', READ), raw.bind({ portal: '_holdpoint_x' })])
    assert.equal(await ask(client, parse('', READ), message, raw.execute(), raw.sync()), '1 E:0A000 Z:I');
  assert.equal(await ask(client, raw.close('statement', '_holdpoint'), raw.sync()), '3 Z:I');
  assert.equal(await ask(client, raw.bind({ statement: '_holdpoint' }), raw.sync()), 'E:26000 Z:I');
  assert.equal(await ask(client, raw.query(`prepare _holdpoint as ${READ}`)), 'E:42501 Z:I');
  assert.equal(
    await ask(client, raw.query(`declare _holdpoint cursor with hold for ${READ}`)),
    'E:42501 Z:I',
  );
  await reads(client);
  client.send(raw.query('set search_path = other'));
  await client.untilReady();
  // The proxy asks the server something in between, under that very name.
  await reads(client);
});

test('what a name means follows search_path at Bind, and a write stays a write under each', async () => {
  const client = await gate.agent();
  assert.equal(
    await ask(client, parse('s', 'select count(*) from items where name like $1'), raw.sync()),
    '1 Z:I',
  );
  client.send(raw.bind({ statement: 's', values: ['other%'] }), raw.execute(), raw.sync());
  assert.deepEqual(raw.rows(await client.untilReady()), [['0']]);
  await ask(client, raw.query('set search_path = other'));
  client.send(raw.bind({ statement: 's', values: ['other%'] }), raw.execute(), raw.sync());
  assert.deepEqual(raw.rows(await client.untilReady()), [['20']]);
  assert.equal(await ask(client, raw.query(WRITE)), 'E:42501 Z:I');
  assert.equal(await gate.value('select count(*)::int from other.items'), 20);
});
