import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

const RULES = `
  - name: short-wait
    match: { effects: { writes: [public.notes] } }
    verdict: hold
    approvers: [approvers]
    wait: 1s
    message: wait a little
  - name: two-people
    match: { effects: { anyCommand: [update], writes: [public.items] } }
    verdict: hold
    approvers: [approvers]
    quorum: 2
    mode: return
    message: two people have to read this
  - name: comes-back
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
    mode: return
    message: deletes are read first
  - name: rest
    verdict: allow
    match: { effects: { commands: [select, insert, set, transaction, prepare, show, ddl] } }
`;
const DELETE = 'delete from items where id = 1';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(async () => {
  for (const id of await gate.heldIds()) await gate.deny(id, 'end of test', 'approver-2@example.com');
  await gate.clear();
  await gate.look(
    `truncate items; insert into items select g, 'item ' || g, g * 10 from generate_series(1, 20) g`,
  );
});

const count = () => gate.value('select count(*)::int from items');
async function ask(client: RawClient, sql: string, values?: readonly string[]) {
  if (values === undefined) client.send(raw.query(sql));
  else client.send(raw.parse({ sql }), raw.bind({ values: [...values] }), raw.execute(), raw.sync());
  return client.untilReady();
}
/** The approval that the refusal names. */
function named(frames: readonly raw.Frame[], sqlstate = '42501'): string {
  const said = onlyError(frames);
  assert.equal(said.C, sqlstate, JSON.stringify(said));
  const id = /^approval (ap_\w+):/.exec(said.H ?? '')?.[1];
  assert.ok(id, JSON.stringify(said));
  return id;
}
async function asked(client: RawClient, sql = DELETE, values?: readonly string[]): Promise<string> {
  const frames = await ask(client, sql, values);
  assert.match(onlyError(frames).M ?? '', /^needs approval \(rule /);
  return named(frames);
}
const approve = async (id: string, as?: string) => assert.equal(await gate.approve(id, as), '');
async function verified(): Promise<void> {
  const { code, stdout, stderr } = await gate.dev.cli('audit', 'verify');
  assert.equal(code, 0, stdout + stderr);
}

test('the refusal names the approval at once; approved, the same statement runs once, from another session too', async () => {
  const first = await gate.agent();
  const frames = await ask(first, DELETE);
  assert.equal(answer(frames), 'E:42501 Z:I');
  const said = onlyError(frames);
  assert.equal(said.M, 'needs approval (rule comes-back)');
  assert.match(said.D ?? '', /^deletes are read first; approvers: approvers; they can decide until /);
  assert.match(said.H ?? '', /run the same statement again once it is approved/);
  const id = named(frames);
  assert.equal(await asked(first), id, 'held: the same approval again');
  first.destroy();
  assert.equal((await gate.approval(id)).state, 'held', 'nobody has to wait for it');
  const second = await gate.agent();
  assert.equal(await asked(second), id);
  assert.equal(await count(), 20);
  await approve(id);
  assert.equal(answer(await ask(second, DELETE)), 'C:DELETE 1 Z:I');
  assert.equal(await count(), 19);
  assert.equal((await gate.approval(id)).state, 'executed');
  await gate.look(`insert into items values (1, 'item 1')`);
  assert.notEqual(await asked(second), id, 'used: a new approval');
  assert.equal(await count(), 20);
  await verified();
});

test('with values and in the extended protocol too, where what is behind the refusal is skipped to Sync', async () => {
  const client = await gate.agent();
  const sql = 'delete from items where id = $1';
  const id = await asked(client, sql, ['3']);
  assert.notEqual(await asked(client, sql, ['4']), id, 'another value is another statement');
  assert.notEqual(await asked(client, 'delete from items where id = 3'), id);
  await approve(id);
  assert.equal(answer(await ask(client, sql, ['3'])), '1 2 C:DELETE 1 Z:I');
  assert.equal(await count(), 19);
});

test('a denial is told again until its deadline, and asks nobody anew', async () => {
  const client = await gate.agent();
  const sql = 'delete from items where id = 5';
  const id = await asked(client, sql);
  await gate.deny(id, 'never', 'approver-1@example.com');
  for (let i = 0; i < 2; i++) {
    const frames = await ask(client, sql);
    assert.equal(named(frames), id);
    assert.match(onlyError(frames).D ?? '', /^denied by approver-1@example.com: never$/);
  }
  assert.deepEqual(await gate.heldIds(), []);
  assert.equal(await count(), 20);
});

test('in a transaction it leaves the transaction aborted, and its grant is for such a transaction alone', async () => {
  const client = await gate.agent();
  await ask(client, 'begin');
  const sql = 'delete from items where id = 7';
  const frames = await ask(client, sql);
  assert.equal(answer(frames), 'E:42501 Z:E');
  const id = named(frames);
  await ask(client, 'rollback');
  await approve(id);
  assert.notEqual(await asked(client, sql), id, 'outside a transaction it means another thing');
  await ask(client, 'begin');
  assert.equal(answer(await ask(client, sql)), 'C:DELETE 1 Z:T');
  await ask(client, 'commit');
  assert.equal(await count(), 19);
});

test('whatever gives it another meaning needs an approval of its own', async () => {
  const client = await gate.agent();
  const sql = 'delete from items where id = 9';
  const id = await asked(client, sql);
  await approve(id);
  const others: [string, () => Promise<RawClient>][] = [
    ['another search_path', () => gate.agent({ parameters: { search_path: 'other, public' } })],
    ['another setting at start-up', () => gate.agent({ parameters: { bytea_output: 'escape' } })],
    ['a setting of a program', () => gate.agent({ parameters: { 'app.tenant': 'other' } })],
    ['one with a name that needs quotes', () => gate.agent({ parameters: { 'app.T$x': 'other' } })],
    ['another zone', () => gate.agent({ parameters: { TimeZone: 'Asia/Tokyo' } })],
    [
      'another subject with the same e-mail',
      async () => gate.agent({ token: await gate.dev.token('agent-2', { email: 'agent-1@example.com' }) }),
    ],
    [
      'a table of its own in front of it',
      async () => {
        const other = await gate.agent();
        await ask(other, 'create temporary table items (id integer)');
        return other;
      },
    ],
  ];
  for (const [what, connect] of others) {
    const other = await connect();
    const frames = await ask(other, sql);
    assert.notEqual(named(frames), id, what);
  }
  assert.equal(await count(), 20);
});

test('a statement whose effects have changed since it was approved does not run', async () => {
  const client = await gate.agent();
  const sql = 'delete from items where id > 15';
  const id = await asked(client, sql);
  await approve(id);
  await gate.look(`create table swept (n integer);
    create function note() returns trigger language plpgsql as 'begin insert into swept values (1); return old; end';
    create trigger noted before delete on items for each row execute function note()`);
  try {
    // What the proxy knows of the catalog is what it has read; a change that it sees makes it read again.
    await ask(client, 'create table if not exists seen (n integer)');
    assert.notEqual(await asked(client, sql), id);
    assert.equal((await gate.approval(id)).state, 'withdrawn');
    assert.match((await gate.approval(id)).outcome, /what the statement would do has changed/);
    assert.equal(await count(), 20);
  } finally {
    await gate.look('drop trigger noted on items; drop function note; drop table swept');
    await ask(client, 'create table if not exists seen (n integer)');
  }
});

test('what names a prepared statement of its session cannot be approved for later', async () => {
  const client = await gate.agent();
  const prepare = 'prepare p as delete from items where id = 2';
  await approve(await asked(client, prepare));
  assert.equal(answer(await ask(client, prepare)), 'C:PREPARE Z:I');
  const frames = await ask(client, 'execute p');
  assert.equal(onlyError(frames).C, '0A000', JSON.stringify(onlyError(frames)));
  assert.deepEqual(await gate.heldIds(), []);
  assert.equal(await count(), 20);
});

test('of many sessions that come at once with an approved statement, one runs it', async () => {
  const sql = 'delete from items where id = 11 returning id';
  const clients = await Promise.all(Array.from({ length: 6 }, () => gate.agent()));
  const ids = await Promise.all(clients.map(client => asked(client, sql)));
  assert.equal(new Set(ids).size, 1, 'asked at once, it is one approval');
  await approve(ids[0]!);
  const answers = await Promise.all(clients.map(client => ask(client, sql)));
  assert.equal(answers.filter(frames => answer(frames).includes('C:DELETE 1')).length, 1);
  await verified();
});

test('a quorum is needed as on an open connection, and revoking takes the grant back', async () => {
  const client = await gate.agent();
  const sql = 'update items set price = 0';
  const id = await asked(client, sql);
  await approve(id);
  assert.equal(await asked(client, sql), id, 'one of two');
  await approve(id, 'approver-2@example.com');
  const revoked = await gate.decide(id, 'revoke', 'approver-1@example.com', 'not today');
  assert.equal(revoked, '');
  assert.notEqual(await asked(client, sql), id);
  assert.notEqual(await gate.value('select sum(price)::int from items'), 0);
});

test('a record that was altered by hand releases nothing', async () => {
  const client = await gate.agent();
  const alter = (id: string, sql: string) => {
    const db = new DatabaseSync(join(gate.dev.data, 'approvals.db'));
    db.prepare(sql).run(id);
    db.close();
  };
  const sql = (n: number) => `update items set price = ${n}`;
  const lowered = await asked(client, sql(1));
  alter(lowered, `update approvals set body = replace(body, '"quorum":2', '"quorum":1') where id = ?`);
  await approve(lowered);
  assert.equal((await gate.approval(lowered)).state, 'approved', 'the approvers’ side has believed it');
  assert.notEqual(await asked(client, sql(1)), lowered);
  const state = await asked(client, sql(2));
  alter(state, `update approvals set state = 'approved' where id = ?`);
  assert.equal(named(await ask(client, sql(2)), '58000'), state);
  const signature = await asked(client, sql(3));
  await approve(signature);
  await approve(signature, 'approver-2@example.com');
  alter(
    signature,
    `update decisions set signed = replace(signed, '"reason":""', '"reason":"x"') where approval = ?`,
  );
  assert.equal(named(await ask(client, sql(3)), '58000'), signature);
  assert.notEqual(await asked(client, sql(3)), signature);
  const text = await asked(client, sql(4));
  alter(text, `update approvals set body = replace(body, 'price = 4', 'price = 5') where id = ?`);
  assert.notEqual(await gate.approve(text), '', 'it is signed by nobody');
  assert.notEqual(await asked(client, sql(4)), text);
  assert.equal(await gate.value('select count(*)::int from items where price < 10'), 0);
  await verified();
});

test('a wait that is shorter than the deadline ends as a return, and leaving before withdraws', async () => {
  const sql = 'delete from notes where id = 2';
  const left = await gate.agent();
  left.send(raw.query(sql));
  const gone = await heldNotice(left);
  left.destroy();
  await gate.becomes(gone, 'withdrawn');
  const client = await gate.agent();
  client.send(raw.query(sql));
  const id = await heldNotice(client);
  const frames = await client.untilReady();
  assert.equal(named(frames), id);
  assert.equal((await gate.approval(id)).state, 'held');
  // Coming back to it waits again, and leaving takes nothing back.
  const again = await gate.agent();
  again.send(raw.query(sql));
  assert.equal(await heldNotice(again), id);
  again.destroy();
  client.send(raw.query(sql));
  assert.equal(await heldNotice(client), id);
  await approve(id);
  assert.equal(answer(await client.untilReady()), 'C:DELETE 1 Z:I');
  assert.equal(await gate.value('select count(*)::int from notes'), 2);
  assert.equal((await gate.approval(id)).state, 'executed');
  await verified();
});
