import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { waitFor } from '../support/wait-for.ts';
import { durable, opened, outcome, type Place, place, statement, story, verified } from './support.ts';

const ROUNDS = 12;

test(
  'after kill -9 at any moment everything acknowledged is there and the log is proven',
  { timeout: 120_000 },
  async () => {
    const at = place();
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const lines = await killed(at, `r${round}`, Math.floor(Math.random() * 350));
      for (const line of lines) {
        const [session, n] = line.split(' ');
        acknowledged.set(String(session), Number(n));
      }
    }
    const ledger = await openLedger(at);
    await ledger.close();
    assert.ok(acknowledged.size > 0, 'no round got as far as one acknowledgement');
    const reader = openAuditReader(at.file);
    const proof = await reader.verify();
    assert.deepEqual(proof.findings, []);
    assert.equal(proof.unsealed, 0);
    for (const [session, n] of acknowledged) {
      const events = await reader.events(session);
      const outcomes = events.filter(e => e.kind === 'outcome').map(e => e.body.n);
      assert.ok(outcomes.length >= n, `${session}: ${n} acknowledged, ${outcomes.length} recorded`);
    }
    const recovered = await reader.events('ledger');
    assert.ok(recovered.length >= 1 && recovered.every(e => e.kind === 'ledger.recovered'));
    reader.close();
  },
);

/** Lets a writer run until its first acknowledgement and some time more, kills it and gives what it printed. */
async function killed(at: Place, name: string, ms: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-writer.ts'), at.file, at.keyFile, name],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (out === '') setTimeout(() => child.kill('SIGKILL'), ms);
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL', `the writer ended by itself (${code}): ${err}`);
  // The last line may be cut.
  return out.split('\n').slice(0, -1);
}

test('entries that a kill has left unsealed are sealed at the next start, and the log says how many', async () => {
  const at = place();
  const lines = await killed(at, 'only', 5);
  assert.ok(lines.length > 0);
  const ledger = await openLedger(at);
  story(ledger, 'after');
  await ledger.close();
  const reader = openAuditReader(at.file);
  const [event] = await reader.events('ledger');
  assert.equal(event?.kind, 'ledger.recovered');
  assert.ok(Number(event?.body.entries) >= lines.length * 3);
  const proof = await reader.verify();
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 0);
  const sessions = await reader.sessions();
  assert.equal(sessions.find(s => s.session === 'only-0')?.openedAt.length, 24);
  reader.close();
});

test('another process on the same ledger ends with one line, and changes nothing', async () => {
  const at = place();
  const ledger = await openLedger(at);
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-writer.ts'), at.file, at.keyFile, 'intruder'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(err, /HoldpointError: the ledger .* is in use by another process/);
  await durable(ledger, story(ledger, 'mine'));
  await ledger.close();
  const proof = await verified(at);
  assert.equal(proof.events, 13);
  assert.deepEqual(proof.findings, []);
});

test('a thread that dies is replaced, nobody is held up, and what it had not filed is filed once', async context => {
  const at = place();
  const threads: Worker[] = [];
  // Each new thread is listened to as it starts, whether or not there is anything to tell it.
  const { on } = Worker.prototype;
  context.mock.method(Worker.prototype, 'on', function (this: Worker, ...args: Parameters<typeof on>) {
    if (!threads.includes(this)) threads.push(this);
    return on.apply(this, args);
  });
  const ledger = await openLedger(at);
  ledger.append('s', 'session.open', opened);
  let ticket = 0;
  for (let n = 1; n <= 200; n += 1) {
    ledger.append('s', 'statement', statement(n));
    ledger.append('s', 'forward', { n });
    ticket = ledger.append('s', 'outcome', outcome(n));
    await new Promise(setImmediate);
    if (n % 50 === 25) {
      await threads.at(-1)?.terminate();
      // The journal goes on meanwhile; the thread that comes after it is told of what there is to file.
      await durable(ledger, ticket);
      const before = threads.length;
      await waitFor(() => threads.length > before, { what: 'the thread is replaced' });
    }
  }
  await durable(ledger, ticket);
  await ledger.close();
  assert.ok(threads.length >= 4);
  const reader = openAuditReader(at.file);
  const events = await reader.events('s');
  assert.equal(events.length, 1 + 200 * 3);
  assert.deepEqual((await reader.verify()).findings, []);
  reader.close();
  assert.equal((await verified(at)).unsealed, 0);
});
