import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import * as raw from '#test/support/raw.ts';
import { type Frame, RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { answer, type Gate, startGate } from './support.ts';

/**
 * DDL of one session that is sent and not answered, or not committed, changes what a statement of another does by the time it gets its lock.
 * Nobody may write `notes`, and nothing that comes to that is allowed: what is judged before the change may not run after it.
 */
let gate: Gate;

before(async () => {
  gate = await startGate(
    `
  - name: notes-stay
    match: { effects: { writes: [public.notes] } }
    verdict: deny
  - name: nothing-unknown
    match: { effects: { unknown: true } }
    verdict: deny
  - name: all-else
    match: {}
    verdict: allow
`,
    {
      schema: `
create schema lab;
create function lab.wipes() returns trigger language plpgsql as 'begin delete from public.notes; return new; end';
create function lab.logs() returns trigger language plpgsql as 'begin insert into lab.r values (new.id); return new; end';
create function lab.calm() returns int language plpgsql as 'begin return 1; end';
create table lab.q (id int);
create table lab.r (id int);
create schema front;
`,
    },
  );
});

afterEach(async () => {
  await gate.clear();
  // By the proxy, so that it knows.
  const client = await gate.agent();
  for (const sql of [
    'drop trigger if exists x on lab.q',
    'truncate lab.q, lab.r',
    'drop table if exists front.notes',
    CALM,
  ])
    assert.match(await ask(client, sql), /Z:I$/);
  client.destroy();
});

after(async () => assert.equal(await gate.value('select count(*)::int from public.notes'), 3));

async function ask(client: RawClient, sql: string): Promise<string> {
  client.send(raw.query(sql));
  return answer(await client.untilReady());
}

/** Sent, and not waited for. */
function send(client: RawClient, ...parts: Buffer[]): Promise<Frame[]> {
  client.send(...parts);
  return client.untilReady();
}

const TRIGGER = 'create trigger x before insert on lab.q for each row execute function lab.wipes()';
const CALM = `create or replace function lab.calm() returns int language plpgsql as 'begin return 1; end'`;
const WIPES = `create or replace function lab.calm() returns int language plpgsql as 'begin delete from public.notes; return 1; end'`;

/** So many sessions wait for a lock at the server. */
async function queued(count: number): Promise<void> {
  await waitFor(
    async () =>
      (await gate.value(
        `select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = 'shop'`,
      )) === count || Promise.reject(new Error('not yet')),
    { what: `${count} wait for locks`, everyMs: 20 },
  );
}

/** Time for what was sent before to come as far as it goes: if it has not, it is judged later, and nothing is proven. */
async function asked(): Promise<void> {
  assert.match(await ask(await gate.agent(), 'update items set price = 0 where id = 1'), /C:UPDATE 1 Z:I$/);
}

async function notes(): Promise<unknown> {
  return gate.value('select count(*)::int from public.notes');
}

for (const [how, insert] of [
  ['simple', [raw.query('insert into lab.q values (1)')]],
  ['extended', [raw.parse({ sql: 'insert into lab.q values (1)' }), raw.bind({}), raw.execute(), raw.sync()]],
] as const)
  test(`an insert that meets a trigger before it is committed does not run it (${how})`, async () => {
    const [p, o] = [await gate.agent(), await gate.agent()];
    await ask(o, 'begin');
    assert.match(await ask(o, TRIGGER), /C:CREATE TRIGGER Z:T$/);
    const waits = send(p, ...insert);
    await asked();
    assert.match(await ask(o, 'commit'), /C:COMMIT Z:I$/);
    assert.match(answer(await waits), /E:42501 Z:I$/);
    assert.equal(await notes(), 3);
  });

test('an insert behind a trigger that waits for a lock does not run it', async () => {
  const [p, o, k] = [await gate.agent(), await gate.agent(), await gate.agent()];
  await ask(k, 'begin');
  assert.match(await ask(k, 'insert into lab.q values (7)'), /Z:T$/);
  const made = send(o, raw.query(TRIGGER));
  await queued(1);
  const waits = send(p, raw.query('insert into lab.q values (1)'));
  await asked();
  // Who has written the table goes on, as at the server.
  assert.match(await ask(k, 'insert into lab.q values (8)'), /C:INSERT 0 1 Z:T$/);
  assert.match(await ask(k, 'commit'), /C:COMMIT Z:I$/);
  assert.match(answer(await made), /C:CREATE TRIGGER Z:I$/);
  assert.match(answer(await waits), /^E:42501/);
  assert.equal(await notes(), 3);
});

test('a delete from a table that is dropped meanwhile does not go on to the one of its name behind it', async () => {
  const [p, o, k] = [await gate.agent(), await gate.agent(), await gate.agent()];
  await ask(o, 'create table front.notes (id int, body text)');
  await ask(p, 'set search_path = front, public');
  await ask(k, 'begin');
  assert.match(await ask(k, 'insert into front.notes values (7)'), /Z:T$/);
  const dropped = send(o, raw.query('drop table front.notes'));
  await queued(1);
  const waits = send(p, raw.query('delete from notes'));
  await asked();
  await ask(k, 'commit');
  assert.match(answer(await dropped), /C:DROP TABLE Z:I$/);
  assert.match(answer(await waits), /^E:42501/);
  assert.equal(await notes(), 3);
});

test('a function is not replaced under a text that is yet to call it', async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  const k = await gate.direct();
  await ask(k, 'begin; lock table lab.r');
  const text = send(
    p,
    raw.query('insert into lab.q values (1); insert into lab.r values (1); select lab.calm()'),
  );
  await queued(1);
  const replaced = send(o, raw.query(WIPES));
  await asked();
  await ask(k, 'commit');
  assert.match(answer(await text), /C:SELECT 1 Z:I$/);
  assert.match(answer(await replaced), /C:CREATE FUNCTION Z:I$/);
  assert.equal(await notes(), 3);
});

test('what waits can be cancelled, and what the change leaves alone goes when it is over', async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  await ask(o, 'begin');
  await ask(o, TRIGGER);
  const waits = send(p, raw.query('insert into lab.q values (1)'));
  await asked();
  // Asked until it is heard: before it waits there is nothing to cancel.
  let struck = '';
  void waits.then(frames => {
    struck = answer(frames);
  });
  await waitFor(
    async () => {
      const other = await RawClient.connect({ port: gate.dev.pgPort });
      other.send(raw.cancelRequest(p.backend!.pid, p.backend!.key));
      await other.untilClosed();
      return struck !== '';
    },
    { what: 'it is cancelled', everyMs: 50 },
  );
  assert.match(struck, /^E:57014/);
  const again = send(p, raw.query('insert into lab.q values (2)'));
  await asked();
  await ask(o, 'rollback');
  assert.match(answer(await again), /C:INSERT 0 1 Z:I$/);
});

/** Two sessions that insert one row after the other, each of which has to pass, until that is done. */
async function beside(work: Promise<unknown>): Promise<void> {
  let over = false;
  const inserts = async () => {
    const client = await gate.agent();
    for (let i = 0; !over || i < 3; i++)
      assert.match(await ask(client, `insert into lab.q (id) values (${i})`), /^C:INSERT 0 1 Z:I$/);
  };
  const all = [inserts(), inserts()];
  try {
    await work;
  } finally {
    over = true;
    await Promise.all(all);
  }
}

for (const lock of [
  'lock table lab.q',
  'alter table lab.q add column more int',
  'create index more on lab.q (id)',
])
  test(`a migration that locks the table first makes its trigger beside inserts that go on: ${lock}`, async () => {
    const o = await gate.agent();
    const migration = async () => {
      for (const sql of [
        'begin',
        lock,
        'create trigger x before insert on lab.q for each row execute function lab.logs()',
        'create or replace function lab.logs() returns trigger language plpgsql as $$ begin insert into lab.r values (0); return new; end $$',
        'commit',
      ])
        assert.match(await ask(o, sql), /^C:[A-Z ]+ Z:[TI]$/, sql);
    };
    await beside(migration());
    assert.ok(Number(await gate.value('select count(*)::int from lab.r')) > 0);
    for (const sql of ['alter table lab.q drop column if exists more', 'drop index if exists lab.more'])
      assert.match(await ask(o, sql), /Z:I$/);
  });

test('a function that is replaced in a block is what it was for others until COMMIT, and none of them runs what nobody has judged', async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  await ask(o, 'begin');
  assert.match(await ask(o, WIPES), /C:CREATE FUNCTION Z:T$/);
  assert.match(await ask(p, 'insert into lab.q select lab.calm()'), /C:INSERT 0 1 Z:I$/);
  const k = await gate.direct();
  await ask(k, 'begin; lock table lab.r');
  const text = send(p, raw.query('insert into lab.r values (1); insert into lab.q select lab.calm()'));
  await queued(1);
  const committed = send(o, raw.query('commit'));
  await asked();
  await ask(k, 'commit');
  assert.match(answer(await text), /C:INSERT 0 1 Z:I$/);
  assert.match(answer(await committed), /C:COMMIT Z:I$/);
  assert.match(await ask(p, 'insert into lab.q select lab.calm()'), /^E:42501/);
  assert.equal(await notes(), 3);
});

test('readers in blocks go on beside triggers, locks and functions that are being changed', async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  await ask(p, 'begin');
  for (const sql of [TRIGGER, 'lock table lab.q in share row exclusive mode', WIPES]) {
    assert.match(await ask(o, `begin; ${sql}`), /Z:T$/, sql);
    assert.match(await ask(p, 'select count(*), lab.calm() from lab.q'), /C:SELECT 1 Z:T$/, sql);
    assert.match(await ask(o, 'rollback'), /Z:I$/, sql);
  }
  // It has read the table, so that this waits for it, and not the other way round.
  const altered = send(o, raw.query('alter table lab.q rename id to other'));
  await queued(1);
  assert.match(await ask(p, 'select count(*) from lab.q'), /C:SELECT 1 Z:T$/);
  assert.match(await ask(p, 'commit'), /Z:I$/);
  assert.match(answer(await altered), /^C:ALTER TABLE Z:I$/);
  assert.match(await ask(o, 'alter table lab.q rename other to id'), /^C:ALTER TABLE Z:I$/);
});

test('two that wait for each other, one here and one at the server, are told so', async () => {
  const [k, o] = [await gate.agent(), await gate.agent()];
  await ask(k, 'begin');
  assert.match(await ask(k, 'insert into lab.r values (1)'), /Z:T$/);
  await ask(o, 'begin');
  assert.match(await ask(o, TRIGGER), /Z:T$/);
  const waits = send(k, raw.query('insert into lab.q values (1)'));
  const locks = send(o, raw.query('lock table lab.r'));
  assert.match(answer(await waits), /^E:40P01 Z:E$/);
  assert.match(await ask(k, 'rollback'), /Z:I$/);
  assert.match(answer(await locks), /C:LOCK TABLE Z:T$/);
  assert.match(await ask(o, 'rollback'), /Z:I$/);
});

test("the agent's own time-outs end the wait in the server's words", async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  await ask(o, 'begin');
  await ask(o, TRIGGER);
  for (const [set, said] of [
    ['set lock_timeout = 50', /^E:55P03 Z:I$/],
    ['set lock_timeout = 0; set statement_timeout = 50', /^E:57014 Z:I$/],
  ] as const) {
    await ask(p, set);
    assert.match(await ask(p, 'insert into lab.q values (1)'), said);
  }
  assert.match(await ask(o, 'rollback'), /Z:I$/);
});

test('ordinary work goes on beside it', async () => {
  const [p, o, k] = [await gate.agent(), await gate.agent(), await gate.agent()];
  // Each transaction stays open: whoever waited for it would be seen to.
  for (const sql of [
    'create table lab.s (id int, r int)',
    'create temp table t (id int)',
    'create temp table u as select 1 as id',
    'create view lab.v as select 1 as one',
    'create function lab.g() returns int language sql as $$ select 1 $$',
    "create type lab.kind as enum ('a')",
    'create schema later',
    'create sequence lab.n',
    TRIGGER,
  ]) {
    assert.match(await ask(o, `begin; ${sql}`), /Z:T$/, sql);
    for (const other of ['create temp table t (id int)', 'insert into t values (1)', 'drop table t'])
      assert.match(await ask(p, other), /Z:I$/, `${other} beside ${sql}`);
    for (const other of [
      'insert into lab.r values (1)',
      'update items set price = 1 where id = 1',
      'select lab.calm()',
    ])
      assert.match(await ask(k, other), /^(T )?(D )*C:.* Z:I$/, `${other} beside ${sql}`);
    assert.match(await ask(k, 'select count(*) from lab.q'), /C:SELECT 1 Z:I$/, `a read beside ${sql}`);
    assert.match(await ask(o, 'rollback'), /Z:I$/, sql);
  }
  const inserts = (client: RawClient) =>
    (async () => {
      for (let i = 0; i < 20; i++)
        assert.match(await ask(client, `insert into lab.q values (${i})`), /C:INSERT 0 1 Z:I$/);
    })();
  const indexes = (async () => {
    for (const sql of [
      'create index one on lab.q (id)',
      'truncate lab.q',
      'drop index lab.one',
      'alter table lab.q add column b int',
      'alter table lab.q drop column b',
      CALM,
    ])
      assert.match(await ask(o, sql), /Z:I$/, sql);
  })();
  await Promise.all([inserts(p), inserts(k), indexes]);
});

test('a portal that goes on in a later pipeline waits for what another session is about to give its functions', async () => {
  const [p, o] = [await gate.agent(), await gate.agent()];
  const k = await gate.direct();
  await ask(p, 'begin');
  const bound = [
    raw.parse({ sql: 'select lab.calm() from generate_series(1, 3)' }),
    raw.bind({ portal: 'kept' }),
    raw.execute('kept', 1),
    raw.sync(),
  ];
  assert.match(answer(await send(p, ...bound)), /s Z:T$/);
  await ask(k, 'begin; lock table lab.r');
  // It waits at the server, in the middle of a text, and nothing says what it will have done.
  const replaced = send(o, raw.query(`insert into lab.r values (1); ${WIPES}`));
  await queued(1);
  let early = '';
  const goesOn = send(p, raw.execute('kept', 1), raw.sync());
  void goesOn.then(frames => {
    early = answer(frames);
  });
  await asked();
  assert.equal(early, '');
  await ask(k, 'commit');
  assert.match(answer(await replaced), /Z:I$/);
  assert.match(answer(await goesOn), /^E:|^s Z:T$|D s Z:T$/);
  await ask(p, 'rollback');
  assert.equal(await notes(), 3);
});
