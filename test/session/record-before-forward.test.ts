import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type HeldGate, type HeldLedger, startHeldGate } from '#test/session/held-ledger.ts';
import { answer, onlyError, startGate } from '#test/session/support.ts';
import { beforeEnd } from '#test/support/before-end.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
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

let gate: HeldGate;
let ledger: HeldLedger;
let agent: HeldGate['agent'];
let count: HeldGate['count'];

before(async () => {
  gate = await startHeldGate(RULES);
  ({ ledger, agent, count } = gate);
});
after(() => gate.stop());
afterEach(() => gate.clear());

/** What the agent's session on the server was last asked for. */
async function lastAsked(): Promise<{ query: string; state: string }> {
  const [row] = await gate.db.query<{ query: string; state: string }>(
    "select query, state from pg_stat_activity where usename = 'agent' and application_name = '' order by backend_start desc limit 1",
  );
  return row ?? { query: '', state: '' };
}

const PROTOCOLS = {
  simple: (sql: string) => [raw.query(sql)],
  extended: (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute(), raw.sync()],
};

test('an agent that pipelines thousands of statements is slowed by a slow ledger, and gets all its answers', async () => {
  const client = await agent();
  const before = ledger.kinds.length;
  ledger.mode = 'later';
  const one = [raw.parse({ sql: 'select 1' }), raw.bind(), raw.execute()];
  client.send(...Array.from({ length: 3_000 }, () => one).flat(), raw.sync());
  await waitFor(() => ledger.kinds.length - before > 500, { what: 'it has begun' });
  await client.expectSilence(150);
  const taken = ledger.kinds.length - before;
  // Two for each statement before it is forwarded, and the outcomes of what the server has run meanwhile.
  assert.ok(taken <= 1_600, `${taken} events are taken that are not durable`);
  ledger.release();
  assert.equal(raw.rows(await client.untilReady()).length, 3_000);
});

for (const [protocol, ask] of Object.entries(PROTOCOLS)) {
  test(`${protocol}: of a read no byte leaves before its intent is durable, though it has run`, async () => {
    const client = await agent();
    ledger.mode = 'later';
    const sql = `select 'read by ${protocol}'`;
    client.send(...ask(sql));
    await waitFor(async () => (await lastAsked()).query === sql && (await lastAsked()).state === 'idle', {
      what: 'it has run',
    });
    await client.expectSilence(150);
    ledger.release();
    assert.deepEqual(raw.rows(await client.untilReady()), [[`read by ${protocol}`]]);
  });

  test(`${protocol}: of a write no byte reaches the server before its intent is durable`, async () => {
    const client = await agent();
    const { query: before } = await lastAsked();
    ledger.mode = 'later';
    client.send(...ask('insert into t values (1)'));
    await waitFor(() => ledger.waiting > 0, { what: 'it waits for the ledger' });
    await client.expectSilence(150);
    assert.deepEqual([(await lastAsked()).query, await count()], [before, 0]);
    ledger.release();
    assert.match(answer(await client.untilReady()), /C:INSERT 0 1 Z:I$/);
    assert.equal(await count(), 1);
  });

  test(`${protocol}: a write whose intent does not become durable in time is refused, and the session lives on`, async () => {
    const client = await agent();
    const { query: before } = await lastAsked();
    ledger.mode = 'later';
    client.send(...ask('insert into t values (2)'));
    await waitFor(() => ledger.waiting > 0, { what: 'it waits for the ledger' });
    ledger.fail();
    const frames = await client.untilReady();
    assert.equal(answer(frames), 'E:58030 Z:I');
    assert.deepEqual([(await lastAsked()).query, await count()], [before, 0]);
    ledger.release();
    client.send(...ask('insert into t values (2)'));
    assert.match(answer(await client.untilReady()), /C:INSERT 0 1 Z:I$/);
  });

  test(`${protocol}: a read whose intent does not become durable in time gives nothing but an error`, async () => {
    const client = await agent();
    ledger.mode = 'later';
    client.send(...ask("select 'secret' from generate_series(1, 1000)"));
    await waitFor(() => ledger.waiting > 0, { what: 'its result waits for the ledger' });
    ledger.fail();
    const said = await client.untilClosed();
    assert.equal(answer(said), 'E:58030');
    assert.equal(onlyError(said).S, 'FATAL');
  });

  test(`${protocol}: with the ledger down every statement is refused with class 58, and nothing reaches the server`, async () => {
    const client = await agent();
    const { query: before } = await lastAsked();
    for (const sql of ['select 7', 'insert into t values (3)', 'begin', 'truncate t']) {
      ledger.mode = 'never';
      client.send(...ask(sql));
      const frames = await client.untilReady();
      // The Parse of a read goes out ahead: it runs nothing, and is recorded with its Bind.
      const wanted = protocol === 'extended' ? /^(1 )?E:58030 Z:I$/ : /^E:58030 Z:I$/;
      assert.match(answer(frames), wanted, sql);
      assert.ok((onlyError(frames).M ?? '').length > 0);
    }
    if (protocol === 'simple') assert.equal((await lastAsked()).query, before);
    assert.equal(await count(), 0);
    ledger.release();
    client.send(...ask('select 8'));
    assert.deepEqual(raw.rows(await client.untilReady()), [['8']]);
  });

  test(`${protocol}: a refusal too is on record before it is told`, async () => {
    const client = await agent();
    ledger.mode = 'later';
    client.send(...ask('truncate t'));
    await waitFor(() => ledger.waiting > 0, { what: 'the refusal waits for the ledger' });
    await client.expectSilence(100);
    ledger.release();
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  });
}

test('the order of the record is intent, forward, outcome', async () => {
  const client = await agent();
  ledger.kinds.length = 0;
  client.send(raw.query('insert into t values (4)'));
  await client.untilReady();
  assert.deepEqual(ledger.kinds, ['statement', 'forward', 'outcome']);
});

test('a Parse that is never bound is on record before its answer leaves', async () => {
  const client = await agent();
  ledger.mode = 'later';
  client.send(raw.parse({ name: 's', sql: 'select 9' }), raw.sync());
  await waitFor(() => ledger.waiting > 0, { what: 'its answer waits for the ledger' });
  await client.expectSilence(100);
  ledger.release();
  assert.equal(answer(await client.untilReady()), '1 Z:I');
});

test('what was parsed is on record though its name was given away, or its agent left without asking for an answer', async () => {
  const client = await agent();
  ledger.kinds.length = 0;
  client.send(
    raw.parse({ sql: 'select 1 from t' }),
    raw.parse({ sql: 'select 2 from t' }),
    raw.parse({ name: 'named', sql: 'select 3 from t' }),
    raw.close('statement', 'named'),
    raw.sync(),
  );
  await client.untilReady();
  assert.deepEqual(
    ledger.kinds.filter(kind => kind !== 'outcome'),
    Array(3).fill(['statement', 'forward']).flat(),
  );
  ledger.kinds.length = 0;
  // Answered by the Query that follows, whether the proxy has asked something before it or not.
  client.send(raw.parse({ sql: 'select 5 from t' }), raw.query('create table told (id integer)'));
  await client.untilReady();
  client.send(raw.parse({ sql: 'select 6 from t' }), raw.query('drop table told'));
  await client.untilReady();
  assert.equal(ledger.kinds.filter(kind => kind === 'statement').length, 4);
  ledger.kinds.length = 0;
  client.send(raw.parse({ sql: 'select 4 from t' }), raw.terminate());
  await waitFor(() => ledger.kinds.includes('session.close'), { what: 'the session ends' });
  assert.deepEqual(ledger.kinds, ['statement', 'forward', 'outcome', 'session.close']);
});

test('a large result waits too, in bounded memory, and comes whole', async () => {
  const client = await agent();
  ledger.mode = 'later';
  const before = process.memoryUsage().arrayBuffers;
  client.send(raw.query("select repeat('x', 1000) from generate_series(1, 60000)"));
  await waitFor(() => ledger.waiting > 0, { what: 'its result waits for the ledger' });
  await client.expectSilence(300);
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000, '60 MB are not kept');
  assert.equal((await lastAsked()).state, 'active', 'the server is kept waiting');
  ledger.release();
  assert.equal((await client.untilReady(20_000)).filter(frame => frame.type === 'D').length, 60_000);
});

test('an agent whose connection breaks while its write waits for the ledger takes it along', async () => {
  const client = await agent();
  ledger.mode = 'later';
  client.send(raw.query('insert into t values (5)'));
  await waitFor(() => ledger.waiting > 0, { what: 'it waits for the ledger' });
  client.reset();
  await waitFor(() => ledger.kinds.at(-1) === 'session.close', { what: 'the session is closed' });
  ledger.release();
  assert.equal(ledger.kinds.at(-1), 'session.close', 'nothing is recorded behind it');
  assert.equal(await count(), 0);
});

test('with the disk of dev full, statements are refused, and all is well once there is room', async context => {
  const dir = join(tempDir('disk'), 'data');
  mkdirSync(dir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    return context.skip('this user may not mount a file system');
  }
  beforeEnd(async () => execFileSync('umount', ['-l', dir]));
  const disk = await startGate(RULES, { data: dir });
  const client = await disk.agent();
  const insert = async (id: number) => {
    client.send(raw.query(`insert into notes values (${id}, '${'x'.repeat(20_000)}')`));
    return answer(await client.untilReady(20_000));
  };
  assert.equal(await insert(1000), 'C:INSERT 0 1 Z:I');
  const filler = join(dir, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(8_000_000));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  let done = 1;
  let said = '';
  // What fits into the pages that the ledger already has still passes; each answer says truly whether it ran.
  while (done < 400) {
    said = await insert(1000 + done);
    if (said !== 'C:INSERT 0 1 Z:I') break;
    done += 1;
  }
  assert.match(said, /^E:58\w{3} Z:I$/);
  assert.equal(await disk.value('select count(*)::int from notes where id >= 1000'), done);
  rmSync(filler);
  await waitFor(async () => (await insert(1000 + done)) === 'C:INSERT 0 1 Z:I', {
    what: 'it passes again',
    deadlineMs: 20_000,
  });
  assert.equal(await disk.value('select count(*)::int from notes where id >= 1000'), done + 1);
  client.destroy();
  const verified = await waitFor(
    async () => {
      const { code, stdout, stderr } = await disk.dev.cli('audit', 'verify');
      if (code !== 0) throw new Error(`${stdout}${stderr}`);
      return true;
    },
    { what: 'the record is proven', deadlineMs: 10_000, everyMs: 200 },
  );
  assert.equal(verified, true);
});
