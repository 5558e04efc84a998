import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { loadParser, withBody } from '#proxy/policy/analyse.ts';
import { analyseKnown } from '#proxy/policy/analyses.ts';
import { judge } from '#proxy/policy/judge.ts';
import { extendPolicy, loadPolicy } from '#proxy/policy/load.ts';
import type { Recorder } from '#proxy/ports.ts';
import { EventQueue } from '#proxy/record/event-queue.ts';
import { Waiters } from '#proxy/record/waiters.ts';
import { Session } from '#proxy/session/session.ts';
import { encode, int32 } from '#proxy/wire/backend.ts';
import { rowsOf } from '#test/effects/support.ts';
import { loneParts } from '#test/support/lone-session.ts';
import * as raw from '#test/support/raw/messages.ts';
import { startCluster } from './cluster.ts';

/**
 * The session's own JavaScript for each `pgbench -S` transaction: eight sessions between two ends that are no sockets, their events written as
 * lines as in the ledger and then dropped. The least of many portions, which a busy machine disturbs little.
 * Run: `node bench/session-js.ts [prepared,extended,simple]`.
 */
const SESSIONS = 8;
const PORTION = 200;
const PORTIONS = Number(process.argv[3] ?? 300);

class End extends EventEmitter {
  writableLength = 0;
  last: Buffer | null = null;
  keeps = true;
  write(bytes: Buffer): boolean {
    this.last = this.last === null || !this.keeps ? bytes : Buffer.concat([this.last, bytes]);
    return true;
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  isPaused(): boolean {
    return false;
  }
  end(): void {}
  destroy(): void {}
  get duplex(): Duplex {
    return this as unknown as Duplex;
  }
}

const scripts = (process.argv[2] ?? 'prepared,extended,simple').split(',');
await loadParser();
const cluster = await startCluster({
  dir: join(import.meta.dirname, 'results', 'postgres'),
  scale: 10,
  rows: 0,
  log: () => {},
});
const { port, user, password, database } = cluster;
const client = new pg.Client({ host: '127.0.0.1', port, user, password, database });
await client.connect();
const catalog = await loadCatalog(sql => rowsOf(client, sql), {
  protectedColumns: [{ schema: 'public', table: 'bench_people', column: 'email', mask: 'email' }],
});
const oid = Number((await client.query("select 'pgbench_accounts'::regclass::oid::int8 as oid")).rows[0].oid);
await client.end();
await cluster.stop();
const file = join(import.meta.dirname, 'policy.yaml');
const policy = extendPolicy(
  loadPolicy(readFileSync(file, 'utf8'), file, { extraTargets: ['bench'], extraIssuers: ['dev'] }),
  { targets: {} },
);

const queue = new EventQueue(Date.now);
const waiters = new Waiters();
let durable = 0;
const recorder: Recorder = {
  append: (session, kind, body) => queue.push(session, kind, body),
  get durable() {
    return durable;
  },
  get backlog() {
    return queue.bytes;
  },
  whenDurable: (ticket, done) => {
    if (ticket <= durable) done(null);
    else waiters.add(ticket, 0, done);
  },
  close: () => Promise.resolve(),
};
function written(): void {
  const batch = queue.peek();
  if (batch === null) return;
  durable = batch.last;
  queue.drop(durable);
  waiters.settle(durable);
}

interface Pair {
  readonly agent: End;
  readonly server: End;
}
function open(id: number): Pair {
  const agent = new End();
  const server = new End();
  new Session({
    ...loneParts(catalog),
    session: `session-${id}`,
    principal: { issuer: 'dev', subject: 'bench', groups: [], expires: 4e9 },
    recorder,
    now: () => performance.now(),
    client: agent.duplex,
    upstream: server.duplex,
    target: 'bench',
    database,
    role: user,
    user,
    policyVersion: policy.policyVersion,
    analyse: (text, path, types) => analyseKnown(text, catalog, path, types),
    analyseCall: () => {
      throw new Error('nothing is called here');
    },
    analyseLate: () => {
      throw new Error('nothing is left to the end of a transaction here');
    },
    analyseTypes: () => {
      throw new Error('nothing is parsed by other means here');
    },
    definitions: () => '',
    decide: (statements, inTransaction) =>
      judge(
        policy,
        {
          principal: { issuer: 'dev', subject: 'bench', groups: [], expires: 4e9 },
          target: 'bench',
          role: user,
          inTransaction,
        },
        statements,
      ),
    withBody,
    closed: () => {},
    log: (message, error) => {
      console.error(message, error);
      process.exit(1);
    },
  });
  return { agent, server };
}

const READY = encode(0x5a, Buffer.from('I'));
const ROW = encode(0x44, raw.int16(1), int32(4), Buffer.from('4711'));
const COLUMNS = encode(
  0x54,
  raw.int16(1),
  raw.cstring('abalance'),
  int32(oid),
  raw.int16(3),
  int32(23),
  raw.int16(4),
  int32(-1),
  raw.int16(0),
);
const DONE = encode(0x43, raw.cstring('SELECT 1'));
const RESULT = Buffer.concat([COLUMNS, ROW, DONE, READY]);
const TEXT = 'SELECT abalance FROM pgbench_accounts WHERE aid = ';
const PARSED = encode(0x31);
const BOUND = encode(0x32);

function asked(script: string, n: number): Buffer {
  if (script === 'simple') return raw.query(`${TEXT}${n * 79};`);
  const name = script === 'prepared' ? 'P0_1' : '';
  const parse = script === 'prepared' ? [] : [raw.parse({ sql: `${TEXT}$1;` })];
  return Buffer.concat([
    ...parse,
    raw.bind({ statement: name, values: [`${n * 79}`] }),
    raw.describe('portal'),
    raw.execute(),
    raw.sync(),
  ]);
}
function answer(script: string): Buffer {
  if (script === 'simple') return RESULT;
  return Buffer.concat([...(script === 'prepared' ? [] : [PARSED]), BOUND, RESULT]);
}

function whole(script: string, sent: Buffer | null): boolean {
  return sent !== null && (script === 'simple' || sent[sent.length - 5] === 0x53);
}

for (const script of scripts) {
  const pairs = Array.from({ length: SESSIONS }, (_, i) => open(i));
  for (const { agent, server } of pairs) {
    agent.emit(
      'data',
      Buffer.concat([
        raw.parse({ name: script === 'prepared' ? 'P0_1' : 'x', sql: `${TEXT}$1;` }),
        raw.sync(),
      ]),
    );
    await settle(server);
  }
  const answers = answer(script);
  let best = Number.POSITIVE_INFINITY;
  let n = 0;
  for (let portion = 0; portion < PORTIONS; portion += 1) {
    const messages = Array.from({ length: PORTION * SESSIONS }, () => asked(script, ++n % 1_000_000));
    const begun = process.threadCpuUsage();
    for (let turn = 0; turn < PORTION; turn += 1) {
      for (let i = 0; i < SESSIONS; i += 1) pairs[i]!.agent.emit('data', messages[turn * SESSIONS + i]);
      if (turn === 0 && portion === 0)
        for (const { agent, server } of pairs) {
          await settle(server, false);
          server.last = raw.sync();
          agent.keeps = false;
          server.keeps = false;
        }
      // An agent that has sent many messages is not read before it has been everybody else's turn.
      while (!pairs.every(({ server }) => whole(script, server.last))) await new Promise(setImmediate);
      written();
      for (const { server } of pairs) server.last = null;
      for (const { server } of pairs) server.emit('data', answers);
      await null;
      await null;
    }
    const { user: own, system } = process.threadCpuUsage(begun);
    const each = (own + system) / (PORTION * SESSIONS);
    if (portion > PORTIONS / 4 && each < best) best = each;
  }
  console.log(`${script.padEnd(10)} ${best.toFixed(2)} µs`);
}

/** Answers what the proxy itself asks, and a Parse and Sync, until nothing more comes. */
async function settle(server: End, ready = true): Promise<void> {
  for (;;) {
    for (let i = 0; i < 4; i += 1) await null;
    written();
    const { last } = server;
    if (last === null) return;
    server.last = null;
    const text = last.toString('latin1');
    if (!text.includes('_holdpoint') && !ready) return;
    const parts: Buffer[] = [];
    for (const at of text.matchAll(/SHOW (\w+)|SET default/g)) {
      const value = at[1] === undefined ? null : at[1] === 'role' ? 'none' : 'public';
      const row = value === null ? [] : [encode(0x44, raw.int16(1), int32(value.length), Buffer.from(value))];
      const close = encode(0x33);
      parts.push(close, close, PARSED, BOUND, ...row);
      parts.push(encode(0x43, raw.cstring(value === null ? 'SET' : 'SHOW')), close, close);
      if (value === null)
        parts.push(
          encode(
            0x53,
            raw.cstring('default_transaction_read_only'),
            raw.cstring(text.includes('= on') ? 'on' : 'off'),
          ),
        );
      parts.push(READY);
    }
    if (ready && text.includes(TEXT)) parts.push(PARSED, READY);
    if (parts.length === 0) return;
    server.emit('data', Buffer.concat(parts));
  }
}
