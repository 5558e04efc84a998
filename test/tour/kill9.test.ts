import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { openApprovalsReader } from '#functions/local/approvals-reader.ts';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import type { AuditBody, AuditEvent } from '#schemas/audit.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

const ROUNDS = Number(process.env.HOLDPOINT_KILLS ?? 10);
const WRITERS = 4;
const HOLDERS = 3;

const POLICY = `version: 1
groups: { approvers: [approver-1@example.com] }
access: [{ name: all, targets: ["*"], roles: ["*"] }]
rules:
  - { name: held, match: { effects: { writes: [public.held_marks] } }, verdict: hold, approvers: [approvers] }
  - { name: free, match: { effects: { commands: [insert], onlyRelations: [public.free_marks] } }, verdict: allow }
`;

let postgres: TestPostgres;
let dev: Dev;
let token: string;
let nextId = 1;

before(async () => {
  postgres = await startPostgres();
  await postgres.query("create role agent login password 'agent'");
  await postgres.query('create database marks owner agent');
  const url = postgres.url({ database: 'marks', user: 'agent', password: 'agent' });
  await postgres.query(
    `create table free_marks (id int primary key); create table held_marks (id int primary key);
     grant insert on free_marks, held_marks to agent`,
    { database: 'marks' },
  );
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(policy, POLICY);
  dev = await startDev({ args: ['--target', url, '--policy', policy] });
  token = await dev.token('agent-1');
});

test('kill -9 at any moment: no statement ran without its intent, none that was held without its decision', async t => {
  let ran = 0;
  let approved = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const load = startLoad();
    // Not before something runs, and then at any moment: in the middle of log-ins, inserts, holds, decisions and releases.
    const before = await count('free_marks', 'marks');
    await waitFor(async () => (await count('free_marks', 'marks')) > before, {
      what: 'inserts run',
      deadlineMs: 30_000,
    });
    const moment = randomInt(0, 600);
    await delay(moment);
    await dev.kill9();
    await load;
    // The server ends by itself what it had begun: only then is it settled what ran.
    await waitFor(async () => (await count(`pg_stat_activity where usename = 'agent'`)) === 0, {
      what: 'the sessions on the target end',
    });
    await dev.restart();
    const verified = await dev.cli('audit', 'verify');
    assert.equal(
      verified.code,
      0,
      `round ${round}, killed after ${moment} ms: ${verified.stdout}${verified.stderr}`,
    );
    assert.deepEqual(await dev.approvals(), [], 'what was held when the proxy died is held no more');

    const recorded = await statements();
    for (const table of ['free_marks', 'held_marks'] as const) {
      for (const id of await ids(table)) {
        const events = recorded.get(id);
        const where = `${table} ${id}, round ${round}, killed after ${moment} ms`;
        assert.ok(events !== undefined, `${where}: it ran, and its intent is not in the record`);
        assert.equal(events.forwards, 1, `${where}: forwarded as often as it ran`);
        assert.equal(events.verdict, table === 'free_marks' ? 'allow' : 'hold', where);
        if (table === 'held_marks')
          assert.equal(events.approved, true, `${where}: it ran without its decision`);
      }
    }
    ran = (await ids('free_marks')).length;
    approved = (await ids('held_marks')).length;
  }
  t.diagnostic(`${ROUNDS} kills, ${ran} statements ran, ${approved} of the held ones`);
  assert.ok(approved > 0, 'statements that were held ran between the kills');
});

/** Statements with and without a hold, and an approver who says yes to whatever is there, until the proxy is gone. */
async function startLoad(): Promise<void> {
  const gone = { now: false };
  dev.process.once('exit', () => {
    gone.now = true;
  });
  // A fault is the kill, of which we may hear a little later, or it is a fault.
  const orGone = async (error: unknown) => {
    await waitFor(() => gone.now, { what: 'the proxy is gone', deadlineMs: 3000 }).catch(() => {
      throw error;
    });
  };
  const write = async (table: string) => {
    const client = new pg.Client({ connectionString: dev.url(token) });
    client.on('error', () => {});
    try {
      await client.connect();
      while (!gone.now) {
        const id = nextId;
        nextId += 1;
        await client.query(`insert into ${table} values ($1)`, [id]);
      }
    } catch (error) {
      await orGone(error);
    } finally {
      await client.end().catch(() => {});
    }
  };
  // As the command does, without starting a process for each.
  const { http, token: secret } = JSON.parse(readFileSync(join(dev.data, 'dev.json'), 'utf8')) as {
    http: string;
    token: string;
  };
  const reader = openApprovalsReader(join(dev.data, 'approvals.db'))!;
  const approve = async () => {
    while (!gone.now) {
      for (const { id } of reader.list({ all: false })) {
        await fetch(`${http}/api/approvals/${id}/decisions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
          body: JSON.stringify({ verdict: 'approve', reason: '', as: 'approver-1@example.com' }),
        }).catch(orGone);
      }
      await delay(5);
    }
    reader.close();
  };
  await Promise.all([
    ...Array.from({ length: WRITERS }, () => write('free_marks')),
    ...Array.from({ length: HOLDERS }, () => write('held_marks')),
    approve(),
  ]);
}

interface Recorded {
  verdict: string;
  forwards: number;
  approved: boolean;
}

/** What the record says of each statement, by the id that it inserts. */
async function statements(): Promise<Map<number, Recorded>> {
  const found = new Map<number, Recorded>();
  const reader = openAuditReader(join(dev.data, 'ledger.db'));
  for (const { session } of await reader.sessions()) {
    const byNumber = new Map<number, Recorded>();
    for (const event of await reader.events(session)) note(event, byNumber, found);
  }
  return found;
}

function note(
  { kind, body }: AuditEvent,
  byNumber: Map<number, Recorded>,
  found: Map<number, Recorded>,
): void {
  if (kind === 'statement') {
    const { n, verdict, parameters } = body as AuditBody<'statement'>;
    const recorded = { verdict, forwards: 0, approved: false };
    byNumber.set(n, recorded);
    const value = parameters[0]?.value;
    if (value !== undefined && value !== null) found.set(Number(value), recorded);
  } else if (kind === 'forward') {
    byNumber.get((body as AuditBody<'forward'>).n)!.forwards += 1;
  } else if (kind === 'decision') {
    const { n, verified, signed } = body as AuditBody<'decision'>;
    if (verified && signed.decision.verdict === 'approve') byNumber.get(n)!.approved = true;
  }
}

async function ids(table: string): Promise<number[]> {
  const rows = await postgres.query<{ id: number }>(`select id from ${table}`, { database: 'marks' });
  return rows.map(({ id }) => id);
}

async function count(from: string, database = 'postgres'): Promise<number> {
  const [row] = await postgres.query<{ count: number }>(`select count(*)::int from ${from}`, { database });
  return row!.count;
}
