import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { auditBodies } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { waitFor } from '../support/wait-for.ts';
import { durable, opened, outcome, place, statement, story, verified, written } from './support.ts';

test('what was recorded is there in order, linked, sealed and proven', async () => {
  const at = place();
  const ledger = await openLedger(at);
  const ticket = story(ledger, 'one');
  assert.equal(ticket, 13);
  await durable(ledger, ticket);
  assert.equal(ledger.durable, 13);
  await ledger.close();
  const reader = openAuditReader(at.file);
  const events = await reader.events('one');
  assert.deepEqual(
    events.map(e => e.seq),
    [...Array(13).keys()],
  );
  assert.equal(events[0]?.prev, '0'.repeat(64));
  for (const [i, event] of events.entries()) {
    assert.ok(auditBodies[event.kind].parse(event.body));
    if (i > 0) assert.equal(event.prev, events[i - 1]?.hash);
  }
  assert.deepEqual(events[1]?.body, statement(1));
  const [summary] = await reader.sessions();
  assert.equal(summary?.statements, 3);
  assert.equal(summary?.held, 1);
  assert.equal(summary?.refused, 1);
  assert.equal(summary?.events, 13);
  assert.notEqual(summary?.closedAt, null);
  const proof = await reader.verify();
  assert.deepEqual(proof, { sessions: 1, events: 13, checkpoints: 2, unsealed: 0, findings: [] });
  reader.close();
});

test('the private key and the ledger are readable by their owner only, and the public one is a verifier key', async () => {
  const at = place();
  await written(at, []);
  await (await openLedger(at)).close();
  assert.equal(statSync(at.keyFile).mode & 0o777, 0o600);
  assert.equal(statSync(at.file).mode & 0o777, 0o600);
  assert.match(
    readFileSync(at.publicFile, 'utf8'),
    /^holdpoint\.dev\/dev-[0-9a-f]{12}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n$/,
  );
});

test('a second start goes on with the log and its chains, and says nothing of a recovery after a clean stop', async () => {
  const at = place();
  await written(at, ['one', 'two', 'three']);
  const proof = await verified(at);
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.events, 39);
  assert.equal(proof.sessions, 3);
});

test('a second process on the same ledger is refused with one line, and may come once the first has left', async () => {
  const at = place();
  const ledger = await openLedger(at);
  await assert.rejects(openLedger(at), (error: HoldpointError) => {
    assert.equal(error.code, 'ledger_unavailable');
    assert.match(error.message, /in use by another process/);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
  await ledger.close();
  await (await openLedger(at)).close();
});

test('a reader proves a ledger that is being written to, sealed or not at that moment', async () => {
  const at = place();
  const ledger = await openLedger(at);
  ledger.append('live', 'session.open', opened);
  for (let n = 1; n <= 400; n += 1) {
    ledger.append('live', 'statement', statement(n));
    ledger.append('live', 'forward', { n });
    await durable(ledger, ledger.append('live', 'outcome', outcome(n)));
    if (n % 100 === 0) {
      const proof = await verified(at);
      assert.deepEqual(proof.findings, []);
      assert.equal(proof.unsealed, 0);
      assert.equal(proof.events, 1 + n * 3);
    }
  }
  await ledger.close();
});

test('a reader proves a ledger whose end never rests', async () => {
  const at = place();
  const ledger = await openLedger(at);
  ledger.append('busy', 'session.open', opened);
  let writing = true;
  const writer = (async () => {
    for (let n = 1; writing; n += 1) {
      ledger.append('busy', 'statement', statement(n));
      ledger.append('busy', 'forward', { n });
      ledger.append('busy', 'outcome', outcome(n));
      await pause(1);
    }
  })();
  for (let i = 1; i <= 4; i += 1) {
    // Between two seals of a busy ledger, so that its end is open when the reader comes.
    const enough = ledger.durable + 100;
    await waitFor(() => ledger.durable > enough, { what: 'more events', everyMs: 7 });
    const proof = await verified(at);
    assert.deepEqual(proof.findings, []);
    assert.equal(proof.unsealed, 0);
    assert.ok(proof.events > i * 100);
  }
  writing = false;
  await writer;
  await ledger.close();
});

test('a session is shown whole at any moment: before its first checkpoint, across one, and after its end', async () => {
  const at = place();
  const ledger = await openLedger(at);
  const reader = openAuditReader(at.file);
  const sealed = (): number =>
    Number(
      /\n([0-9]+)\n/.exec(existsSync(at.checkpointFile) ? readFileSync(at.checkpointFile, 'utf8') : '')?.[1],
    );
  let ticket = ledger.append('one', 'session.open', opened);
  for (let n = 1; n <= 60; n += 1) {
    ledger.append('other', n === 1 ? 'session.open' : 'statement', n === 1 ? opened : statement(n));
    ledger.append('one', 'statement', statement(n));
    ledger.append('one', 'forward', { n });
    ticket = ledger.append('one', 'outcome', outcome(n));
    await durable(ledger, ticket);
    const events = await reader.events('one');
    assert.deepEqual(
      events.map(e => e.seq),
      [...Array(1 + n * 3).keys()],
    );
    // Now and then the next event comes after a checkpoint over all of the log.
    if (n % 20 === 0) await waitFor(() => sealed() === ticket, { what: 'the ledger is sealed', everyMs: 2 });
  }
  await durable(ledger, ledger.append('one', 'session.close', { reason: 'done', statements: 60 }));
  assert.equal((await reader.events('one')).length, 182);
  assert.deepEqual(await reader.events('nobody'), []);
  reader.close();
  await ledger.close();
  assert.deepEqual((await verified(at)).findings, []);
});

test('an outcome that nobody waits for becomes durable by itself', async () => {
  const ledger = await openLedger(place());
  await durable(ledger, ledger.append('s', 'session.open', opened));
  const ticket = ledger.append('s', 'outcome', outcome(1, { status: 'refused' }));
  await waitFor(() => ledger.durable === ticket, { what: 'the outcome is durable', everyMs: 2 });
  await ledger.close();
});

test(
  'journal and WAL stay within their room under load, and readers of that time miss nothing',
  {
    timeout: 60_000,
  },
  async context => {
    const at = place();
    const ledger = await openLedger(at);
    // An assertion that fails must not leave its thread behind: the process would wait for it.
    context.after(() => ledger.close());
    const journals = [`${at.file}.journal1`, `${at.file}.journal2`];
    const wal = `${at.file}-wal`;
    ledger.append('s', 'session.open', opened);
    const text = 'w'.repeat(100_000);
    let most = 0;
    for (let n = 1; n <= 500; n += 1) {
      await durable(ledger, ledger.append('s', 'statement', statement(n, { text })));
      most = Math.max(most, ...[wal, ...journals].map(file => statSync(file).size));
    }
    // 50 MB have gone through them.
    assert.ok(most <= 40 << 20, `one of them grew to ${most} bytes`);
    const reader = openAuditReader(at.file);
    assert.equal((await reader.events('s')).length, 501);
    reader.close();
    await ledger.close();
    assert.ok(statSync(at.file).size > 50e6, 'all is filed in the tables');
    assert.deepEqual((await verified(at)).findings, []);
  },
);

test('text of any characters comes back as it was', async () => {
  const at = place();
  const texts = [
    '',
    '\0\t\n\r\u2028\u2029',
    'naïve 日本語 🧨',
    '\ud800 lone',
    `"\\"\`'\u007f`,
    'x'.repeat(3 << 20),
  ];
  const ledger = await openLedger(at);
  ledger.append('s\tß"', 'session.open', opened);
  for (const [i, text] of texts.entries()) ledger.append('s\tß"', 'statement', statement(i + 1, { text }));
  await ledger.close();
  const reader = openAuditReader(at.file);
  const events = await reader.events('s\tß"');
  assert.deepEqual(
    events.slice(1).map(e => e.body.text),
    texts,
  );
  assert.deepEqual((await reader.verify()).findings, []);
  reader.close();
});

test('a value that the schema forbids is refused before it gets into the log', async () => {
  const at = place();
  const ledger = await openLedger(at);
  assert.throws(() => ledger.append('s', 'forward', { n: Number.NaN }), TypeError);
  assert.throws(() => ledger.append('s', 'outcome', outcome(1, { micros: 1.5 })), TypeError);
  assert.throws(
    () => ledger.append('s', 'statement', statement(1, { text: undefined as unknown as string })),
    TypeError,
  );
  assert.equal(ledger.append('s', 'session.open', opened), 1);
  await ledger.close();
  assert.deepEqual((await verified(at)).findings, []);
});

test('after close nothing is taken', async () => {
  const ledger = await openLedger(place());
  await ledger.close();
  assert.throws(() => ledger.append('s', 'session.close', { reason: '', statements: 0 }), HoldpointError);
});

test('a ledger whose end was cut off does not open, nor one with a foreign or missing key', async () => {
  const at = place();
  await written(at, ['one']);
  const checkpoint = readFileSync(at.checkpointFile);
  rmSync(at.checkpointFile);
  await assert.rejects(openLedger(at), /checkpoint is missing/);
  assert.ok(checkpoint.length > 0);
  rmSync(at.keyFile);
  await assert.rejects(openLedger(at), /is gone/);
  rmSync(at.publicFile);
  await assert.rejects(openLedger(at), /is not the ledger's/);
});
