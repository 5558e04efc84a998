import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** Schema changes and reads are free, writes only to `app`; nothing that cannot be told. */
const RULES = `
  - name: schema
    match: { effects: { commands: [ddl, transaction, set] } }
    verdict: allow
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: app
    match: { effects: { commands: [insert, update, delete, select], onlyRelations: [app.*, "pg_temp*.*"] } }
    verdict: allow
`;
const HEAD = `version: 1
access:
  - { name: agents, principals: { issuers: [dev] }, targets: ["*"], roles: ["*"] }
protected:
  - { column: public.people.ssn, mask: redact }
`;
const SCHEMA = `
create schema app;
create table app.known (id int primary key, body text);
create table people (id int primary key, name text, ssn text);
insert into people values (1, 'Ann', '123-45-6789');
create view listed as select id, name, left(ssn, 3) as part from people;
create function harmless() returns int language plpgsql as 'begin return 1; end';
`;

let gate: Gate;
let agent: RawClient;
before(async () => {
  gate = await startGate(RULES, { head: HEAD, schema: SCHEMA });
});
afterEach(() => gate.clear());

async function say(sql: string): Promise<string> {
  agent.send(raw.query(sql));
  return answer(await agent.untilReady());
}

async function rowsOf(sql: string): Promise<(string | null)[][]> {
  agent.send(raw.query(sql));
  return raw.rows(await agent.untilReady()) as (string | null)[][];
}

/** What counts is the database. */
const untouched = async () => {
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
  assert.equal(await gate.value('select ssn from people'), '123-45-6789');
};

test('a migration in one transaction: what it makes is known to it, and to nobody else before the commit', async () => {
  agent = await gate.agent();
  const other = await gate.agent();
  assert.equal(await say('begin'), 'C:BEGIN Z:T');
  assert.equal(await say('create table app.made (id int primary key, body text)'), 'C:CREATE TABLE Z:T');
  assert.equal(await say("insert into app.made values (1, 'one'), (2, 'two')"), 'C:INSERT 0 2 Z:T');
  assert.deepEqual(await rowsOf('select body from app.made where id = 2'), [['two']]);
  assert.equal(await say('alter table app.made add extra int default 7'), 'C:ALTER TABLE Z:T');
  assert.deepEqual(await rowsOf('select extra from app.made where id = 1'), [['7']]);
  other.send(raw.query('select * from app.made'));
  assert.match(answer(await other.untilReady()), /^E:(42501|42P01) Z:I$/);
  assert.equal(await say('commit'), 'C:COMMIT Z:I');
  other.send(raw.query('select count(*) from app.made'));
  assert.deepEqual(raw.rows(await other.untilReady()), [['2']]);
});

test('the same by the extended protocol, a message at a time, as drivers send it', async () => {
  agent = await gate.agent();
  const ask = async (sql: string, values: string[] = []) => {
    agent.send(raw.parse({ sql }), raw.bind({ values }), raw.execute(), raw.sync());
    return answer(await agent.untilReady());
  };
  await ask('begin');
  assert.equal(await ask('create table app.driven (id int, body text)'), '1 2 C:CREATE TABLE Z:T');
  assert.equal(
    await ask('insert into app.driven values ($1::int, $2::text)', ['1', 'x']),
    '1 2 C:INSERT 0 1 Z:T',
  );
  assert.match(await ask('select body from app.driven'), /C:SELECT 1 Z:T$/);
  assert.equal(await ask('rollback'), '1 2 C:ROLLBACK Z:I');
});

test('asking changes nothing that the agent could see: settings, statements, portals, savepoints', async () => {
  agent = await gate.agent();
  await say('begin; set local search_path = app, public; savepoint mine');
  agent.send(raw.parse({ sql: 'select generate_series(1, 4)' }), raw.bind(), raw.execute('', 1), raw.sync());
  await agent.untilReady();
  await say('create table seen (id int)');
  const frames = async (...messages: Buffer[]) => {
    agent.send(...messages);
    return agent.untilReady();
  };
  const asked = await frames(raw.query('insert into seen values (1)'));
  assert.deepEqual(
    asked.map(frame => frame.type),
    ['C', 'Z'],
  );
  assert.deepEqual(await rowsOf('show search_path'), [['app, public']]);
  assert.deepEqual(await rowsOf('select count(*) from pg_prepared_statements'), [['0']]);
  assert.equal(await say('rollback to mine'), 'C:ROLLBACK Z:T');
  assert.equal(await say('rollback'), 'C:ROLLBACK Z:I');
});

test('asked while standard_conforming_strings is off, the questions are read as ever, and the setting stays', async () => {
  agent = await gate.agent();
  await say('begin; set local standard_conforming_strings = off; set local escape_string_warning = off');
  assert.equal(
    await say(
      "create table app.escaped (id int primary key, body text default 'a\\\\b' check (body <> '\\\\'))",
    ),
    'C:CREATE TABLE Z:T',
  );
  assert.equal(await say("insert into app.escaped values (1, default), (2, 'c\\'d')"), 'C:INSERT 0 2 Z:T');
  assert.deepEqual(await rowsOf('select body from app.escaped order by id'), [['a\\b'], ["c'd"]]);
  assert.deepEqual(await rowsOf('show standard_conforming_strings'), [['off']]);
  assert.equal(await say('commit'), 'C:COMMIT Z:I');
  assert.deepEqual(await rowsOf('show standard_conforming_strings'), [['on']]);
  assert.deepEqual(await rowsOf("select '\\' from app.known limit 1"), []);
});

test('what a rollback to a savepoint has undone leads nowhere again', async () => {
  agent = await gate.agent();
  await say('begin');
  await say('savepoint a');
  await say('create table app.undone (id int)');
  assert.equal(await say('insert into app.undone values (1)'), 'C:INSERT 0 1 Z:T');
  await say('rollback to a');
  assert.equal(await say('insert into app.undone values (1)'), 'E:42P01 Z:E');
  await say('rollback');
});

test('attack: a function replaced in the transaction counts with its new body, and with the old one when that is undone', async () => {
  agent = await gate.agent();
  const replace =
    "create or replace function harmless() returns int language plpgsql as 'begin delete from notes; return 1; end'";
  await say('begin');
  assert.deepEqual(await rowsOf('select harmless()'), [['1']]);
  await say('savepoint a');
  assert.equal(await say(replace), 'C:CREATE FUNCTION Z:T');
  assert.equal(await say('select harmless()'), 'E:42501 Z:E');
  await say('rollback to a');
  assert.deepEqual(await rowsOf('select harmless()'), [['1']]);
  await say('rollback');
  // In one segment, where the server cannot be asked in between, nothing about names can be told.
  agent.send(raw.parse({ sql: replace }), raw.bind(), raw.execute());
  agent.send(
    raw.parse({ name: 's', sql: 'select harmless()' }),
    raw.bind({ statement: 's' }),
    raw.execute(),
    raw.sync(),
  );
  assert.match(answer(await agent.untilReady()), /E:42501 Z:I$/);
  await untouched();
});

test('attack: the same prepared before the function was replaced', async () => {
  agent = await gate.agent();
  agent.send(raw.parse({ name: 'before', sql: 'select harmless()' }), raw.sync());
  await agent.untilReady();
  await say('prepare in_sql as select harmless()');
  await say('begin');
  await say(
    "create or replace function harmless() returns int language plpgsql as 'begin delete from notes; return 1; end'",
  );
  agent.send(raw.bind({ statement: 'before' }), raw.execute(), raw.sync());
  assert.match(answer(await agent.untilReady()), /^E:42501 Z:E$/);
  await say('rollback');
  await say('begin');
  await say(
    "create or replace function harmless() returns int language plpgsql as 'begin delete from notes; return 1; end'",
  );
  assert.equal(await say('execute in_sql'), 'E:42501 Z:E');
  await say('rollback');
  await untouched();
});

test('attack: under a snapshot of its own the transaction is blind, since the questions would be answered as of long ago', async () => {
  agent = await gate.agent();
  for (const level of ['repeatable read', 'serializable']) {
    await say(`begin isolation level ${level}`);
    await say('create table app.snapshot (id int)');
    assert.equal(await say('insert into app.snapshot values (1)'), 'E:42501 Z:E', level);
    await say('rollback');
  }
});

test('attack: a temporary table in the place of a protected one, or of one that may be written, opens nothing', async () => {
  agent = await gate.agent();
  await say('begin');
  await say('create temp table known (like notes)');
  await say('set local search_path = public, pg_temp');
  assert.equal(await say('delete from notes'), 'E:42501 Z:E');
  await say('rollback');
  await say('begin');
  await say('create temp table people (id int, name text, ssn text)');
  const [row] = await rowsOf('select ssn from public.people');
  assert.notEqual(row?.[0], '123-45-6789');
  await say('rollback');
  await untouched();
});

test("attack: temporary tables and types with the names of Postgres's own do not answer the questions", async () => {
  agent = await gate.agent();
  await say('begin');
  for (const name of ['pg_class', 'pg_proc', 'pg_namespace', 'pg_trigger', 'pg_rewrite'])
    assert.equal(await say(`create temp table ${name} (like pg_catalog.${name})`), 'C:CREATE TABLE Z:T');
  for (const name of ['regclass', 'oid', 'text', 'name'])
    assert.equal(await say(`create domain pg_temp.${name} as int`), 'C:CREATE DOMAIN Z:T');
  await say(
    "create or replace function harmless() returns int language plpgsql as 'begin delete from notes; return 1; end'",
  );
  assert.equal(await say('select harmless()'), 'E:42501 Z:E');
  await say('rollback');
  await untouched();
});

test('attack: what names mean around protected columns still waits for the commit', async () => {
  agent = await gate.agent();
  await say('begin');
  await say('alter table people rename to persons');
  assert.equal(await say('select * from persons'), 'E:42501 Z:E');
  await say('rollback');
  await say('begin');
  const view = await say('create view shown as select ssn as harmless from people');
  const shown = view.endsWith('Z:T') ? await rowsOf('select * from shown') : [];
  assert.ok(!shown.flat().includes('123-45-6789'));
  await say('rollback');
});

test('attack: a trigger made in the transaction counts for the writes behind it', async () => {
  agent = await gate.agent();
  await say('begin');
  await say(
    "create function wipes() returns trigger language plpgsql as 'begin delete from notes; return new; end'",
  );
  await say('create trigger wipe before insert on app.known for each row execute function wipes()');
  assert.equal(await say("insert into app.known values (1, 'x')"), 'E:42501 Z:E');
  await say('rollback');
  await untouched();
});

test('a cursor and a prepared statement of SQL go on when somebody else changes what they have nothing to do with', async () => {
  agent = await gate.agent();
  const other = await gate.agent();
  await say("insert into app.known values (101, 'a'), (102, 'b'), (103, 'c')");
  await say('prepare one as select body from app.known where id = 101');
  await say('begin');
  assert.match(await say('declare c scroll cursor for select id from app.known where id > 100'), /DECLARE/);
  for (const table of ['beside_one', 'beside_two']) {
    other.send(raw.query(`create table app.${table} (id int)`));
    assert.equal(answer(await other.untilReady()), 'C:CREATE TABLE Z:I');
    assert.equal(await say('fetch next from c'), 'T D C:FETCH 1 Z:T');
    assert.equal(await say('execute one'), 'T D C:SELECT 1 Z:T');
  }
  await say('commit');
});

test('a cursor over protected columns stays masked when its view becomes a clean one, and a prepared statement is when its view is no longer', async () => {
  agent = await gate.agent();
  const other = await gate.agent();
  const instead = async (sql: string) => {
    other.send(raw.query(sql));
    assert.match(answer(await other.untilReady()), /^C:/);
  };
  const masked = async (sql: string) => {
    agent.send(raw.query(sql));
    assert.doesNotMatch(JSON.stringify(raw.rows(await agent.untilReady())), /123/);
  };
  await instead('create view turning as select id, left(ssn, 3) as part from people');
  assert.match(
    await say("declare c scroll cursor with hold for select part || '' as x from turning"),
    /^C:DECLARE/,
  );
  await masked('fetch next from c');
  await instead('drop view turning');
  await instead('create view turning as select id, body as part from app.known');
  await masked('fetch first from c');
  await say("insert into app.known values (201, 'clean')");
  const later = "prepare later as select part || '' as x from turning where id in (1, 201)";
  assert.match(await say(later), /^C:PREPARE/);
  assert.deepEqual(await rowsOf('execute later'), [['clean']]);
  await instead('drop view turning');
  await instead('create view turning as select id, left(ssn, 3) as part from people');
  await masked('execute later');
  await masked('fetch first from c');
});

test('attack: a cursor that was declared behind a lock, while its view showed protected columns, is not taken for what the view is before and after', async () => {
  agent = await gate.agent();
  const other = await gate.agent();
  const ddl = async (sql: string) => {
    other.send(raw.query(sql));
    assert.match(answer(await other.untilReady()), /^C:/, sql);
  };
  const clean = 'create view waiting as select id, body as part from app.known';
  await ddl(clean);
  assert.match(await say("select part || '' as x from waiting"), /^T/);
  await ddl('begin');
  await ddl('drop view waiting');
  await ddl('create view waiting as select id, left(ssn, 3) as part from people');
  agent.send(raw.query("declare w scroll cursor with hold for select part || '' as x from waiting"));
  await waitFor(
    async () => (await gate.value('select count(*)::int from pg_locks where not granted')) === 1,
    {
      what: 'it waits for the lock',
      everyMs: 20,
    },
  );
  await ddl('commit');
  assert.match(answer(await agent.untilReady()), /^[CE]:/);
  await ddl('drop view waiting');
  await ddl(clean);
  agent.send(raw.query('fetch first from w'));
  const frames = await agent.untilReady();
  assert.doesNotMatch(JSON.stringify(raw.rows(frames)), /123/);
});
