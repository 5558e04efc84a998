import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPostgres } from '#test/support/postgres.ts';
import {
  bind,
  cancelRequest,
  close,
  columns,
  copyData,
  copyDone,
  copyFail,
  describe,
  execute,
  fields,
  flush,
  functionCall,
  gssEncRequest,
  message,
  outline,
  parse,
  query,
  RawClient,
  rows,
  sslRequest,
  startup,
  sync,
  terminate,
} from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const postgres = await startPostgres({ trust: true });
const LOGIN = { user: 'postgres', database: 'postgres' };

async function client(): Promise<RawClient> {
  const raw = await RawClient.connect(postgres);
  await raw.login(LOGIN);
  return raw;
}

test('Postgres understands every message that the raw client builds', async () => {
  const raw = await RawClient.connect(postgres);
  raw.send(gssEncRequest());
  assert.equal(await raw.byte(), 'N');
  raw.send(sslRequest());
  assert.equal(await raw.byte(), 'N');
  await raw.login({ ...LOGIN, parameters: { application_name: 'raw' } });
  assert.equal(raw.parameters.application_name, 'raw');

  raw.send(query('create temp table t (a int, b text); select 1'));
  assert.equal(outline(await raw.untilReady()), 'C:CREATE TABLE T D C:SELECT 1 Z:I');

  raw.send(query('copy t from stdin'));
  assert.equal(outline(await raw.until('G')), 'G');
  raw.send(copyData('1\tone\n2\t'), copyData('two\n'), copyDone());
  assert.equal(outline(await raw.untilReady()), 'C:COPY 2 Z:I');
  raw.send(query('copy t from stdin'), copyFail('enough'));
  assert.equal(outline(await raw.untilReady()), 'G E:57014 Z:I');
  raw.send(query('copy t to stdout'));
  assert.equal(outline(await raw.untilReady()), 'H d d c C:COPY 2 Z:I');

  raw.send(parse({ name: 's', sql: 'select a, b from t where a = $1 or b = $2', types: [23, 25] }));
  raw.send(describe('statement', 's'), flush());
  const described = await raw.until('T');
  assert.equal(outline(described), '1 t T');
  assert.deepEqual(
    columns(described.at(-1)!).map(({ name, typeOid, attribute }) => [name, typeOid, attribute]),
    [
      ['a', 23, 1],
      ['b', 25, 2],
    ],
  );
  const one = Buffer.from([0, 0, 0, 1]);
  raw.send(
    bind({ portal: 'p', statement: 's', values: [one, 'two'], formats: [1, 0] }),
    describe('portal', 'p'),
    execute('p', 1),
    execute('p'),
    close('portal', 'p'),
    close('statement', 's'),
    sync(),
  );
  const answers = await raw.untilReady();
  assert.equal(outline(answers), '2 T D s D C:SELECT 1 3 3 Z:I');
  assert.deepEqual(rows(answers), [
    ['1', 'one'],
    ['2', 'two'],
  ]);
  raw.send(parse({ sql: 'select $1::text' }), bind({ values: [null] }), execute(), sync());
  assert.deepEqual(rows(await raw.untilReady()), [[null]]);

  const [{ oid }] = (await postgres.query<{ oid: number }>(
    `select 'pg_catalog.length(text)'::regprocedure::oid as oid`,
  )) as [{ oid: number }];
  raw.send(functionCall(oid, ['four']));
  assert.equal(outline(await raw.untilReady()), 'V Z:I');
  raw.send(terminate());
  assert.deepEqual(await raw.untilClosed(), []);
});

test('a cancel request with the key of log-in ends a running statement', async () => {
  const raw = await client();
  raw.send(query('select pg_sleep(60)'));
  // A cancel that overtakes its statement cancels nothing.
  const running = `select 1 from pg_stat_activity where pid = ${raw.backend!.pid} and wait_event = 'PgSleep'`;
  await waitFor(async () => (await postgres.query(running)).length === 1, { what: 'the statement runs' });
  const canceller = await RawClient.connect(postgres);
  canceller.send(cancelRequest(raw.backend!.pid, raw.backend!.key));
  await canceller.untilClosed();
  assert.equal(outline(await raw.untilReady()), 'T E:57014 Z:I');
  raw.destroy();
});

test('the key of protocol 3.2 is longer than four bytes', async () => {
  const raw = await RawClient.connect(postgres);
  await raw.login({ ...LOGIN, protocol: 0x0003_0002 });
  assert.ok(raw.backend!.key.length > 4);
  raw.destroy();
});

test('bytes arrive in pieces as they do whole', async () => {
  const raw = await client();
  await raw.sendInPieces(Buffer.concat([parse({ sql: 'select 7' }), bind(), execute(), sync()]), 3);
  assert.deepEqual(rows(await raw.untilReady()), [['7']]);
  raw.destroy();
});

test('what a server refuses is told with its fields, and an end of the connection is an error, not a wait', async () => {
  const raw = await RawClient.connect(postgres);
  await assert.rejects(raw.login({ user: 'postgres', database: 'nowhere' }), (error: Error) => {
    assert.equal((error.cause as Record<string, string>).C, '3D000');
    return true;
  });
  const bad = await client();
  bad.send(message('~', 'what'));
  const frames = await bad.untilClosed();
  assert.equal(fields(frames[0]!).C, '08P01');
  await assert.rejects(bad.next(), /the connection ended before a frame/);
  const version = await RawClient.connect(postgres);
  version.send(startup({ user: 'postgres' }, 0x0009_0000));
  assert.equal(fields((await version.untilClosed())[0]!).C, '0A000');
});

test('silence is told from a byte and from an end', async () => {
  const raw = await client();
  await raw.expectSilence(30);
  raw.send(query('select 1'));
  assert.equal((await raw.next()).type, 'T');
  await assert.rejects(raw.expectSilence(0), /expected silence, got D/);
  raw.destroy();
  const ended = await client();
  ended.send(terminate());
  await ended.untilClosed();
  await assert.rejects(ended.expectSilence(0), /was closed/);
});
