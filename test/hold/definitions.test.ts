import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

const RULES = `
  - name: waits
    match: { effects: { writes: [public.notes] } }
    verdict: hold
    approvers: [approvers]
  - name: comes-back
    match: { effects: { anyCommand: [insert, update, delete] } }
    verdict: hold
    approvers: [approvers]
    mode: return
  - name: rest
    verdict: allow
    match: { effects: { commands: [select, set, transaction, prepare, show, ddl] } }
`;

/** What is reached without being named in a statement, each in a way of its own. */
const SCHEMA = `
create schema lib;
create table lib.log (line text);
create function lib.log() returns trigger language plpgsql as $$ begin insert into lib.log values ('gone'); return old; end $$;
create trigger logged before delete on items for each row execute function lib.log('a');
create trigger noted after delete on notes for each row execute function lib.log('a');
create function lib.price(integer) returns integer language sql as 'select $1 + 1';
create function lib.twice(integer) returns integer language sql as 'select lib.price($1)';
create function lib.more(a integer, b integer) returns integer language sql as 'select a + b';
create operator lib.#+# (leftarg = integer, rightarg = integer, function = lib.more);
create view lib.cheap as select id from items where price < 50;
create domain lib.amount as integer check (value < 1000);
create table guarded (id integer, n integer default 1);
insert into guarded values (1), (2);
alter table guarded enable row level security;
alter table guarded force row level security;
create policy own on guarded using (id = 1) with check (true);
create table ruled (id integer);
create rule copied as on insert to ruled do also insert into lib.log values ('copied');
create function lib.lonely() returns integer language sql as 'select 1';
`;

let gate: Gate;
let client: RawClient;
before(async () => {
  gate = await startGate(RULES, { schema: SCHEMA });
});
afterEach(async () => {
  for (const id of await gate.heldIds()) await gate.deny(id, 'end of test', 'approver-2@example.com');
  await gate.clear();
});

async function ask(sql: string) {
  client.send(raw.query(sql));
  return client.untilReady();
}
/** The approval that the refusal names. */
async function refused(sql: string): Promise<string> {
  const said = onlyError(await ask(sql));
  const id = /^approval (ap_\w+):/.exec(said.H ?? '')?.[1];
  assert.ok(id, JSON.stringify(said));
  return id;
}
async function approved(sql: string): Promise<string> {
  const id = await refused(sql);
  assert.equal(await gate.approve(id), '');
  return id;
}

const CHANGED = /has changed since it was asked for$/;
const body = (name: string, text: string) =>
  `create or replace function lib.${name} returns integer language sql as '${text}'`;

/** A statement, and what somebody else does between its approval and its run: its effects are the same before and after. */
const CHANGES: readonly (readonly [string, string, string])[] = [
  [
    'the body of its trigger',
    'delete from items where id = 1',
    `create or replace function lib.log() returns trigger language plpgsql as $$ begin insert into lib.log values ('x'); return old; end $$`,
  ],
  [
    'an argument of its trigger',
    'delete from items where id = 2',
    `drop trigger logged on items; create trigger logged before delete on items for each row execute function lib.log('b')`,
  ],
  [
    'the condition of its trigger',
    'delete from items where id = 3',
    `drop trigger logged on items; create trigger logged before delete on items for each row when (old.id > 3) execute function lib.log('b')`,
  ],
  [
    'a function',
    'update items set price = lib.price(1) where id = 4',
    body('price(integer)', 'select $1 + 2'),
  ],
  [
    'a function that a function calls',
    'update items set price = lib.twice(1) where id = 5',
    body('price(integer)', 'select $1 + 3'),
  ],
  [
    'with whose rights a function runs',
    'update items set price = lib.price(1) where id = 6',
    'alter function lib.price(integer) security definer',
  ],
  [
    'who owns a function',
    'update items set price = lib.price(1) where id = 7',
    'alter function lib.price(integer) owner to postgres',
  ],
  [
    'a setting of a function',
    'update items set price = lib.price(1) where id = 8',
    `alter function lib.price(integer) set timezone to 'UTC'`,
  ],
  [
    'an operator’s function',
    'update items set price = 1 operator(lib.#+#) 2 where id = 9',
    body('more(a integer, b integer)', 'select a - b'),
  ],
  [
    'a view',
    'delete from items where id in (select id from lib.cheap)',
    'create or replace view lib.cheap as select id from items where price < 5000',
  ],
  ['a policy', 'delete from guarded', 'alter policy own on guarded using (id = 2)'],
  ['whom a policy is for', 'delete from guarded where n = 1', 'alter policy own on guarded to agent'],
  [
    'whether policies count',
    'delete from guarded where n = 2',
    'alter table guarded no force row level security',
  ],
  ['a default', 'insert into guarded (id) values (3)', 'alter table guarded alter n set default 2'],
  [
    'a rule',
    'insert into ruled values (1)',
    `create or replace rule copied as on insert to ruled do also insert into lib.log values ('elsewhere')`,
  ],
  [
    'a domain',
    'update items set price = 7::lib.amount where id = 10',
    'alter domain lib.amount add check (value < 900)',
  ],
  [
    'a function that comes before another of its name',
    'update items set price = lib.price(2) where id = 11',
    `create function lib.price(smallint) returns integer language sql as 'select 0'`,
  ],
];

test('whatever definition a statement reaches is changed behind its approval: it does not run, and is asked for anew', async () => {
  client = await gate.agent();
  for (const [what, sql, change] of CHANGES) {
    const id = await approved(sql);
    const before = (await gate.approval(id)).effects;
    await gate.look(change);
    const anew = await refused(sql);
    assert.notEqual(anew, id, what);
    const old = await gate.approval(id);
    assert.equal(old.state, 'withdrawn', what);
    assert.match(old.outcome, CHANGED, what);
    assert.deepEqual((await gate.approval(anew)).effects, before, `${what}: effects alone would not tell`);
  }
  assert.equal(await gate.value('select count(*)::int from items'), 20);
  assert.equal(await gate.value('select count(*)::int from lib.log'), 0);
});

test('what it does not reach, how large tables are, and the same made anew in the same words change nothing', async () => {
  client = await gate.agent();
  const sql = 'update items set price = lib.twice(20) where id = 20';
  await approved(sql);
  await gate.look(body('lonely()', 'select 2'));
  await gate.look('create index on items (price)');
  await gate.look('analyze items');
  await gate.look(`set role agent; do $$ declare was text := pg_get_functiondef('lib.twice(integer)'::regprocedure);
    begin drop function lib.twice(integer); execute was; end $$`);
  assert.equal(answer(await ask(sql)), 'C:UPDATE 1 Z:I');
});

test('a statement that waits on its connection is refused when what it reaches is changed while people think', async () => {
  client = await gate.agent();
  const log = (line: string) =>
    `create or replace function lib.log() returns trigger language plpgsql as $$ begin insert into lib.log values ('${line}'); return old; end $$`;
  const parked = async (sql: string, change: string) => {
    client.send(raw.query(sql));
    const id = await heldNotice(client);
    await gate.look(change);
    assert.equal(await gate.approve(id), '');
    return { id, frames: await client.untilReady() };
  };
  const sql = 'delete from notes where id = 1';
  const changed = await parked(sql, log('parked'));
  assert.match(onlyError(changed.frames).D ?? '', CHANGED);
  await gate.becomes(changed.id, 'withdrawn');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
  const { frames } = await parked('prepare p as delete from notes where id = 1', 'select 1');
  assert.equal(answer(frames), 'C:PREPARE Z:I');
  const prepared = await parked('execute p', log('prepared'));
  assert.match(onlyError(prepared.frames).D ?? '', CHANGED);
  const same = await parked(sql, log('prepared'));
  assert.equal(answer(same.frames), 'C:DELETE 1 Z:I');
  await gate.becomes(same.id, 'executed');
  const { code, stdout, stderr } = await gate.dev.cli('audit', 'verify');
  assert.equal(code, 0, stdout + stderr);
});
