import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, before, test } from 'node:test';
import pg from 'pg';
import type { Approval } from '#schemas/approval.ts';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import { lacks } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const HEAD = `version: 1
groups:
  approvers: [approver-1@example.com, approver-2@example.com]
access:
  - name: nightly
    principals: { subjects: ["wait-*"] }
    targets: ["*"]
    roles: ["*"]
    approval: { approvers: [approvers], grant: 10m, message: who is up so late }
  - name: brief
    principals: { subjects: ["brief-*"] }
    targets: ["*"]
    roles: ["*"]
    approval: { approvers: [approvers], grant: 3s, mode: return }
  - name: later
    principals: { subjects: ["return-*"] }
    targets: ["*"]
    roles: ["*"]
    readOnly: true
    approval: { approvers: [approvers], quorum: 2, mode: return, message: two people let you in }
`;
const RULES = `
  - name: held
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
  - name: rest
    verdict: allow
    match: { effects: { commands: [select, show] } }
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES, { head: HEAD });
});
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const id of await gate.heldIds()) await gate.deny(id, 'end of test', 'approver-2@example.com');
  await gate.clear();
});

const token = (subject: string) => gate.dev.token(subject, { email: `${subject}@example.com` });
/** A client that has given its token, and is not in its session yet. */
async function knock(subject: string): Promise<RawClient> {
  const client = await RawClient.connect({ port: gate.dev.pgPort });
  clients.push(client);
  client.send(raw.startup({ user: 'agent', database: 'shop' }));
  assert.equal((await client.next()).type, 'R');
  client.send(raw.password(await token(subject)));
  return client;
}
/** The approval that a refused connection names. */
async function refused(subject: string): Promise<string> {
  const client = await knock(subject);
  const said = onlyError(await client.untilClosed());
  assert.deepEqual([said.S, said.C], ['FATAL', '42501'], JSON.stringify(said));
  const id = /^approval (ap_\w+):/.exec(said.H ?? '')?.[1];
  assert.ok(id, JSON.stringify(said));
  return id;
}
async function inside(subject: string): Promise<RawClient> {
  const client = await knock(subject);
  await client.untilReady();
  return client;
}
const approve = async (id: string, as?: string) => assert.equal(await gate.approve(id, as), '');
async function works(client: RawClient): Promise<void> {
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
}
async function cut(client: RawClient, why: RegExp): Promise<void> {
  const said = onlyError(await client.untilClosed());
  assert.deepEqual([said.S, said.C], ['FATAL', '57P05']);
  assert.match(said.M ?? '', why);
}
async function verified(): Promise<void> {
  const { code, stdout, stderr } = await gate.dev.cli('audit', 'verify');
  assert.equal(code, 0, stdout + stderr);
}

test('the agent waits at the door, is told so, and its session opens when people have approved; more of its sessions open at once', async () => {
  const client = await knock('wait-1');
  const id = await heldNotice(client);
  const seen = await gate.approval(id);
  assert.equal(seen.releases, 'session');
  assert.equal(seen.statement.protocol, 'session');
  assert.match(
    seen.statement.text,
    /^Let wait-1 <wait-1@example.com> of \S+ open sessions on target "shop" as role "agent", by access entry "nightly", for 600 seconds/,
  );
  await approve(id);
  await client.untilReady();
  await works(client);
  assert.equal((await gate.approval(id)).state, 'approved', 'it is not used up');
  await works(await inside('wait-1'));
  const other = await knock('wait-2');
  assert.notEqual(await heldNotice(other), id, 'another principal has to ask');
  await verified();
});

test('leaving while people think withdraws it', async () => {
  for (const leave of ['destroy', 'end'] as const) {
    const client = await knock(`wait-${leave}`);
    const id = await heldNotice(client);
    client[leave]();
    await gate.becomes(id, 'withdrawn');
    assert.match(await gate.approve(id), /^409/);
  }
  await verified();
});

test('a denial ends the connection with the reason, and is told again to whoever comes back', async () => {
  const client = await knock('wait-denied');
  const id = await heldNotice(client);
  await gate.deny(id, 'go to bed');
  const said = onlyError(await client.untilClosed());
  assert.equal(said.D, 'denied by approver-1@example.com: go to bed');
  assert.equal(await refused('wait-denied'), id);
});

test('mode return: the connection is refused with the id, and opens once a quorum has approved', async () => {
  const id = await refused('return-1');
  assert.equal(await refused('return-1'), id, 'the same approval again');
  await approve(id);
  assert.equal(await refused('return-1'), id, 'one of two');
  await approve(id, 'approver-2@example.com');
  const client = await inside('return-1');
  await works(client);
  client.send(raw.query('show default_transaction_read_only'));
  assert.deepEqual(raw.rows(await client.untilReady()), [['on']]);
  await verified();
});

test('revoking cuts its live sessions, withdraws what they hold, and nobody gets in by it any more', async () => {
  const waiting = await knock('wait-revoked');
  const id = await heldNotice(waiting);
  await approve(id);
  await waiting.untilReady();
  const holding = await inside('wait-revoked');
  holding.send(raw.query('delete from items where id = 1'));
  const held = await heldNotice(holding);
  assert.equal(await gate.decide(id, 'revoke', 'approver-2@example.com', 'that is enough'), '');
  for (const client of [waiting, holding])
    await cut(client, new RegExp(`approval ${id}: revoked by approver-2@example.com: that is enough$`));
  await gate.becomes(held, 'withdrawn');
  assert.equal(await gate.value('select count(*)::int from items'), 20);
  const again = await knock('wait-revoked');
  assert.notEqual(await heldNotice(again), id);
  await verified();
});

test('revoked on the command line, it is over: the session is cut, and the list shows by whom', async () => {
  const client = await knock('wait-command');
  const id = await heldNotice(client);
  await approve(id);
  await client.untilReady();
  const { code, stderr } = await gate.dev.cli(
    ...['approvals', 'revoke', id, '--as', 'approver-2@example.com', '--reason', 'from the shell'],
  );
  assert.equal(code, 0, stderr);
  await cut(client, new RegExp(`approval ${id}: revoked by approver-2@example.com: from the shell$`));
  const listed = await gate.dev.cli('approvals', 'list', '--all', '--json');
  const seen = (JSON.parse(listed.stdout) as Approval[]).find(a => a.id === id);
  assert.deepEqual(
    [seen?.state, seen?.outcome],
    ['withdrawn', 'revoked by approver-2@example.com: from the shell'],
  );
  const again = await gate.dev.cli('approvals', 'revoke', id, '--as', 'approver-1@example.com');
  assert.notEqual(again.code, 0);
  assert.match(again.stderr, /was revoked by approver-2@example.com|is withdrawn/);
  await verified();
});

test('sessions are cut at the end of the grant, which is counted from the approval', async () => {
  let id = '';
  // On a slow machine three seconds may be over before anybody is in: then it is asked for again.
  const client = await waitFor(
    async () => {
      id = await refused('brief-1');
      await approve(id);
      return inside('brief-1');
    },
    { what: 'somebody is in before it is over', deadlineMs: 120_000 },
  );
  await cut(client, /^the session has (reached its end|ended)/);
  assert.notEqual(await refused('brief-1'), id);
  await verified();
});

test('a grant that is altered by hand opens nothing', async () => {
  const id = await refused('return-altered');
  const db = new DatabaseSync(join(gate.dev.data, 'approvals.db'));
  db.prepare(`update approvals set state = 'approved' where id = ?`).run(id);
  db.close();
  const client = await knock('return-altered');
  assert.equal(onlyError(await client.untilClosed()).C, '58000');
});

test('a revocation that is taken out of the record again by hand is one still: nobody gets in by it', async () => {
  const id = await refused('return-undone');
  await approve(id);
  await approve(id, 'approver-2@example.com');
  const client = await inside('return-undone');
  assert.equal(await gate.decide(id, 'revoke', 'approver-1@example.com', 'no more'), '');
  await cut(client, /no more$/);
  const db = new DatabaseSync(join(gate.dev.data, 'approvals.db'));
  db.prepare(`delete from decisions where approval = ? and n = 2`).run(id);
  db.prepare(`update approvals set state = 'approved' where id = ?`).run(id);
  assert.throws(() => db.prepare('delete from revocations where approval = ?').run(id), /never taken away/);
  db.close();
  assert.notEqual(await refused('return-undone'), id);
  await gate.becomes(id, 'withdrawn');
  await verified();
});

test('node-postgres and psql wait at the door as at a slow server', { skip: lacks('psql') }, async () => {
  const client = new pg.Client({ connectionString: gate.dev.url(await token('wait-driver')) });
  client.on('error', () => {});
  const connected = client.connect();
  const held = () =>
    waitFor(async () => (await gate.heldIds())[0], { what: 'one approval is held', everyMs: 30 });
  await approve(await held());
  await connected;
  assert.deepEqual((await client.query('select 1 as one')).rows, [{ one: 1 }]);
  await client.end();
  const psql = gate.dev.psql(await token('wait-psql'), 'select 1');
  await approve(await held());
  const { code, stderr } = await psql;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /held for approval ap_/);
});
