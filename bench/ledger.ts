import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import type { Recorder } from '#proxy/ports.ts';
import type { Effects } from '#schemas/effects.ts';

/**
 * What recording costs: time on the proxy's own thread per event, events per second, and how long one event alone waits for the disk.
 * Each statement is three events, as the pipeline writes them. Run: `node bench/ledger.ts [statements]`.
 */
const statements = Number(process.argv[2] ?? 40_000);
const PER_TURN = 8;
const CLIENTS = 8;

const effects: Effects = {
  commands: ['select'],
  reads: ['public.pgbench_accounts'],
  writes: [],
  functions: [],
  withoutWhere: false,
  keyed: true,
  rows: 1,
  outside: false,
  unknown: [],
  readOnly: true,
};

const dir = mkdtempSync(join(tmpdir(), 'holdpoint-bench-'));
try {
  const ledger = await openLedger({ file: join(dir, 'ledger.db'), keyFile: join(dir, 'ledger.key') });
  await burst(ledger, 'warm', 2000);
  const cpu = process.threadCpuUsage();
  const all = process.cpuUsage();
  const begin = performance.now();
  const { appending } = await burst(ledger, 'measured', statements);
  const seconds = (performance.now() - begin) / 1000;
  const used = process.threadCpuUsage(cpu);
  const whole = process.cpuUsage(all);
  const events = statements * 3;
  const main = (used.user + used.system) / events;
  console.log(
    `${Math.round(events / seconds)} events/s durable (${events} events, ${PER_TURN} statements a turn)`,
  );
  console.log(`${((appending * 1000) / events).toFixed(2)} µs per append on the proxy's thread`);
  console.log(
    `${main.toFixed(2)} µs CPU per event on the proxy's thread in all, messages and callbacks with it`,
  );
  const rest = (whole.user + whole.system) / events - main;
  console.log(`${rest.toFixed(2)} µs CPU per event off it: hashing, tree, SQLite, signatures`);
  const waits: number[] = [];
  open(ledger, 'alone');
  for (let i = 0; i < 300; i += 1) {
    const asked = performance.now();
    const ticket = record(ledger, 'alone', i + 1);
    await new Promise<void>(done => ledger.whenDurable(ticket, () => done()));
    waits.push(performance.now() - asked);
  }
  waits.sort((a, b) => a - b);
  console.log(
    `${waits[150]?.toFixed(2)} ms until one statement alone is durable (median), ${waits[285]?.toFixed(2)} ms (p95)`,
  );
  await ledger.close();
  const reader = openAuditReader(join(dir, 'ledger.db'), { keyFile: join(dir, 'ledger.key.pub') });
  const asked = performance.now();
  const proof = await reader.verify();
  const each = ((performance.now() - asked) * 1000) / proof.events;
  if (proof.findings.length > 0 || proof.unsealed > 0) throw new Error('the ledger is not proven');
  console.log(
    `${each.toFixed(1)} µs per event to verify (${proof.events} events, ${proof.checkpoints} checkpoints)`,
  );
  reader.close();
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function burst(ledger: Recorder, name: string, count: number): Promise<{ appending: number }> {
  for (let i = 0; i < PER_TURN; i += 1) open(ledger, `${name}-${i}`);
  let appending = 0;
  let waiting = 0;
  let free = (): void => undefined;
  let last = 0;
  for (let n = 1; n <= count; ) {
    const begin = performance.now();
    for (let i = 0; i < PER_TURN && n <= count; i += 1, n += 1) last = record(ledger, `${name}-${i}`, n);
    appending += performance.now() - begin;
    waiting += 1;
    ledger.whenDurable(last, fault => {
      if (fault !== null) throw fault;
      waiting -= 1;
      free();
    });
    // As many turns wait at most as a busy proxy has clients.
    if (waiting < CLIENTS) await new Promise(setImmediate);
    else
      await new Promise<void>(done => {
        free = done;
      });
  }
  await new Promise<void>(done => ledger.whenDurable(last, () => done()));
  return { appending };
}

function open(ledger: Recorder, session: string): void {
  ledger.append(session, 'session.open', {
    issuer: 'https://issuer.example',
    subject: 'agent',
    email: null,
    groups: [],
    target: 'bench',
    database: 'bench',
    role: 'agent',
    application: 'bench',
    address: '127.0.0.1',
    access: 'all',
    readOnly: false,
    credential: 'none',
    policyVersion: '',
  });
}

function record(ledger: Recorder, session: string, n: number): number {
  const digest = '6f1ed002ab5595859014ebf0951522d9'.repeat(2);
  ledger.append(session, 'statement', {
    n,
    protocol: 'bind',
    text: `SELECT abalance FROM pgbench_accounts WHERE aid = $1`,
    parameters: [{ format: 'text', type: 23, value: String(n * 7919) }],
    digest,
    verdict: 'allow',
    rule: 'provable reads',
    message: '',
    effects: [effects],
  });
  ledger.append(session, 'forward', { n });
  return ledger.append(session, 'outcome', {
    n,
    status: 'ok',
    tag: 'SELECT 1',
    sqlstate: '',
    rows: 1,
    bytes: 12,
    micros: 240 + (n % 90),
    result: digest,
    masks: [],
  });
}
