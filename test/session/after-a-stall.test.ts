import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, type TestContext, test } from 'node:test';
import type { Holds, ParkInput } from '#proxy/hold/hold.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { Recorder } from '#proxy/ports.ts';
import { ProxyServer } from '#proxy/proxy.ts';
import type { Approval } from '#schemas/approval.ts';
import { statementDigest } from '#schemas/statement.ts';
import { opened, outcome, place, statement } from '#test/record/support.ts';
import { journalWrites, standStill } from '#test/record/writes.ts';
import { answer, HEAD } from '#test/session/support.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

/**
 * A write of the journal on the proxy's own thread has stood still: what has happened meanwhile counts before what waited for it. The
 * ledger is the real one; holds are released when the test says so.
 */
const RULES = `
  - name: held
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
  - name: reads-and-writes
    match: { effects: { commands: [select, insert, transaction] } }
    verdict: allow
`;

let db: TestPostgres;
let ledger: Recorder;
let port: number;
let stop = async () => {};
const clients: RawClient[] = [];
/** What is parked, and why it was not forwarded in the end. */
let parked: { input: ParkInput; approval: Approval } | null = null;
let notForwarded: string[] = [];
let ends: string[] = [];

const holds: Holds = {
  full: () => null,
  standing: async () => ({ kind: 'none' }),
  follow: () => () => {},
  notUsed: () => assert.fail('nothing was granted before'),
  park: input => {
    const { requester, requirements, statement: held } = input;
    const approval: Approval = {
      id: 'a-1',
      state: 'held',
      outcome: '',
      session: input.session,
      requester,
      target: held.target,
      releases: 'parked',
      statement: held,
      digest: statementDigest(held),
      effects: [...input.effects],
      requirements: [...requirements],
      createdAt: new Date().toISOString(),
      deadline: new Date(Date.now() + 60_000).toISOString(),
      decisions: [],
    };
    parked = { input, approval };
    return { approval, withdraw: () => false, notForwarded: why => notForwarded.push(why) };
  },
  size: 0,
  withdrawAll: () => {},
};

before(async () => {
  db = await startPostgres({ trust: true });
  await db.query('create role agent login; create table t (id integer)');
  await db.query('grant all on t to agent');
  await loadParser();
  ledger = await openLedger({
    ...place(),
    deadlineMs: 20_000,
    disk: { fast: () => true, took: () => {}, failed: () => {} },
  });
  const recorder: Recorder = {
    append: (session, kind, body) => {
      if (kind === 'session.close') ends.push(kind);
      return ledger.append(session, kind, body);
    },
    whenDurable: (ticket, done) => ledger.whenDurable(ticket, done),
    get durable() {
      return ledger.durable;
    },
    get backlog() {
      return ledger.backlog;
    },
    close: () => ledger.close(),
  };
  const target = `targets:
  shop: { host: 127.0.0.1, port: ${db.port}, database: postgres, tls: disable, weakAuth: [trust], roles: { agent: {} } }
`;
  const head = HEAD.replace('principals: { issuers: [dev] }', 'principals: {}');
  const proxy = new ProxyServer({
    policy: loadPolicy(`${head}${target}rules:\n${RULES}`, 'test', { extraIssuers: ['dev'] }),
    verifier: {
      verify: async () => ({
        issuer: 'x',
        issuerName: 'dev',
        subject: 'agent-1',
        claimGroups: [],
        expires: 2 ** 40,
      }),
    },
    recorder,
    holds,
    secrets: { fetch: () => assert.fail('no secret is named') },
    authorities: new Map(),
    maskKey: randomBytes(32),
    approveAt: () => '',
    clock: Date.now,
    log: (message, error) => console.error(message, error),
  });
  const server = proxy.server();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  stop = async () => {
    server.close();
    await proxy.close();
    await ledger.close();
  };
});
after(() => stop());
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
beforeEach(async () => {
  await db.query('truncate t; insert into t values (1), (2)');
  parked = null;
  notForwarded = [];
  ends = [];
});

async function agent(): Promise<RawClient> {
  const client = await RawClient.connect({ port });
  await client.login({ user: 'agent', database: 'shop', password: 'x' });
  client.send(raw.query('select 1'));
  await client.untilReady();
  clients.push(client);
  return client;
}

let sessions = 0;
/** Runs `next` where others share the ledger's record with it, so that the one for `next` is written on the proxy's own thread. */
async function inCrowd(next: () => void): Promise<void> {
  sessions += 1;
  const session = `others ${sessions}`;
  ledger.append(session, 'session.open', opened);
  for (let n = 1; n <= 3; n += 1) {
    ledger.append(session, 'statement', statement(n));
    ledger.append(session, 'outcome', outcome(n, { status: 'refused' }));
  }
  const last = ledger.append(session, 'session.close', { reason: 'done', statements: 3 });
  await new Promise<void>((done, failed) => {
    ledger.whenDurable(last, fault => {
      if (fault !== null) failed(fault);
      else {
        // What is appended before anything else is written is in the next record.
        next();
        done();
      }
    });
  });
}

/** The next write of the own thread stands still for longer than a disk may take, and until `meanwhile` is true. */
function stall(context: TestContext, meanwhile: () => boolean): { readonly over: boolean } {
  const writes = journalWrites(context);
  const state = { over: false };
  writes.instead = (real, ...args) => {
    writes.instead = null;
    const began = performance.now();
    while (!meanwhile() || performance.now() - began < 100) standStill(20);
    const written = real(...args);
    state.over = true;
    return written;
  };
  return state;
}

const ESTABLISHED = '01';
/** As the proxy's end of a connection stands in the kernel's table: what was sent to it may be on its way for a while on a busy machine. */
function established(from: number): boolean {
  const hex = (n: number) => `:${n.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/ +/))
    .some(
      ([, local, remote, state]) =>
        local?.endsWith(hex(port)) && remote?.endsWith(hex(from)) && state === ESTABLISHED,
    );
}

const rows = async () => (await db.query<{ n: number }>('select count(*)::int as n from t'))[0]!.n;

async function park(client: RawClient): Promise<ParkInput> {
  client.send(raw.query('delete from t where id = 1'));
  const { input, approval } = await waitFor(() => parked, { what: 'it is parked' });
  input.opened?.(approval);
  return input;
}
/** The hold is over: its grant is claimed. */
function release(input: ParkInput): void {
  input.ended({ kind: 'released', state: 'approved', why: '', approval: parked!.approval, decisions: [] });
}

test('what was held and released runs after a stall when its agent is still there', async context => {
  const client = await agent();
  const input = await park(client);
  const stalled = stall(context, () => true);
  await inCrowd(() => release(input));
  assert.match(answer(await client.untilReady()), /C:DELETE 1 Z:I$/);
  assert.ok(stalled.over);
  assert.equal(await rows(), 1);
  assert.deepEqual(notForwarded, []);
});

for (const [how, leave] of [
  ['has closed its side', (client: RawClient) => client.destroy()],
  ['is reset', (client: RawClient) => client.reset()],
] as const)
  test(`what was held and released does not run after a stall in which its agent ${how}`, async context => {
    const client = await agent();
    const input = await park(client);
    const from = client.socket.localPort!;
    const stalled = stall(context, () => {
      if (!client.socket.destroyed) leave(client);
      return !established(from);
    });
    await inCrowd(() => release(input));
    await waitFor(() => ends.length > 0 && notForwarded.length > 0, {
      what: 'the session is closed, and its statement dropped',
    });
    assert.ok(stalled.over);
    assert.deepEqual(notForwarded, ['the agent disconnected']);
    assert.equal(await rows(), 2);
  });
