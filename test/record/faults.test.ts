import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import type { Recorder } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait-for.ts';
import { durable, opened, outcome, place, statement, verified } from './support.ts';

/** A file system of its own with this much room, or null where this user may not mount one. */
function smallDisk(bytes: number): { dir: string; release: () => void } | null {
  const dir = join(tempDir('disk'), 'disk');
  mkdirSync(dir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return { dir, release: () => execFileSync('umount', ['-l', dir]) };
}

let probes = 0;
/** Probes that a ledger has taken, since it did not refuse. */
let probesTaken = 0;

function refuses(ledger: Recorder): boolean {
  try {
    ledger.append(`probe-${probes++}`, 'session.open', opened);
    probesTaken += 1;
    return false;
  } catch (error) {
    assert.ok(error instanceof HoldpointError);
    assert.equal(error.code, 'ledger_unavailable');
    return true;
  }
}

test('with a full disk statements are refused, ends are kept, and all of it is there once there is room', async context => {
  const disk = smallDisk(10 << 20);
  if (disk === null) return context.skip('this user may not mount a file system');
  try {
    const at = place(disk.dir);
    const ledger = await openLedger({ ...at, deadlineMs: 1500 });
    ledger.append('s', 'session.open', opened);
    const ballast = join(disk.dir, 'ballast');
    writeFileSync(ballast, Buffer.alloc(8 << 20));
    let n = 0;
    let taken = 1;
    // Until the ledger says no: it must, and must not before the disk does.
    await waitFor(
      async () => {
        n += 1;
        try {
          ledger.append('s', 'statement', statement(n, { text: 'x'.repeat(20_000) }));
        } catch (error) {
          assert.ok(error instanceof HoldpointError);
          assert.equal(error.code, 'ledger_unavailable');
          assert.equal(error.sqlstate, '58030');
          return true;
        }
        taken += 1;
        ledger.append('s', 'forward', { n });
        taken += 1;
        return false;
      },
      { what: 'the disk is full', everyMs: 2 },
    );
    assert.ok(n > 20, `refused after ${n} statements`);
    // What was begun gets its end, and whoever waits is told in time.
    const ticket = ledger.append('s', 'outcome', outcome(n - 1));
    taken += 1;
    assert.equal(ticket, taken);
    const asked = performance.now();
    await assert.rejects(
      durable(ledger, ticket),
      (error: HoldpointError) => error.code === 'ledger_unavailable',
    );
    assert.ok(performance.now() - asked < 4000);
    rmSync(ballast);
    await waitFor(() => ledger.durable === ticket, { what: 'the ledger has recovered' });
    await durable(ledger, ledger.append('s', 'session.close', { reason: 'done', statements: n }));
    await ledger.close();
    const proof = await verified(at);
    assert.equal(proof.events, taken + 1);
    assert.deepEqual(proof.findings, []);
    assert.equal(proof.unsealed, 0);
  } finally {
    disk.release();
  }
});

test('a ledger that is full and killed there opens again with everything acknowledged', async context => {
  const disk = smallDisk(8 << 20);
  if (disk === null) return context.skip('this user may not mount a file system');
  try {
    const at = place(disk.dir);
    const ledger = await openLedger({ ...at, deadlineMs: 300 });
    ledger.append('s', 'session.open', opened);
    const ballast = join(disk.dir, 'ballast');
    writeFileSync(ballast, Buffer.alloc(6 << 20));
    let n = 0;
    await waitFor(
      () => {
        if (refuses(ledger)) return true;
        n += 1;
        ledger.append('s', 'statement', statement(n, { text: 'y'.repeat(80_000) }));
        return false;
      },
      { what: 'the disk is full', everyMs: 5 },
    );
    const acknowledged = ledger.durable;
    await assert.rejects(ledger.close(), /could not be closed in time/);
    rmSync(ballast);
    const again = await openLedger(at);
    await again.close();
    const proof = await verified(at);
    assert.ok(proof.events >= acknowledged);
    assert.deepEqual(proof.findings, []);
  } finally {
    disk.release();
  }
});

test('a database locked by somebody else holds nobody up until the journal is full, and all of it is filed afterwards', async () => {
  const at = place();
  const ledger = await openLedger({ ...at, deadlineMs: 300, journal: 64 << 10 });
  await durable(ledger, ledger.append('s', 'session.open', opened));
  const other = new DatabaseSync(at.file);
  other.exec('BEGIN IMMEDIATE');
  const text = 'j'.repeat(10_000);
  let n = 1;
  await durable(ledger, ledger.append('s', 'statement', statement(n, { text })));
  // What is in the journal alone is shown like the rest.
  const reader = openAuditReader(at.file);
  assert.equal((await reader.events('s')).length, 2);
  assert.equal((await reader.sessions())[0]?.events, 2);
  let late = 0;
  while (late === 0) {
    n += 1;
    const ticket = ledger.append('s', 'statement', statement(n, { text }));
    await durable(ledger, ticket).catch(error => {
      assert.ok(error instanceof HoldpointError);
      late = ticket;
    });
    assert.ok(n < 100, 'the journal has an end');
  }
  assert.ok(n > 20);
  assert.ok(refuses(ledger));
  assert.equal((await reader.events('s')).length, n, 'all but the last, which never became durable');
  other.exec('ROLLBACK');
  other.close();
  await waitFor(() => ledger.durable === late, { what: 'the ledger has recovered' });
  assert.equal((await reader.events('s')).length, n + 1);
  await ledger.close();
  assert.equal((await reader.events('s')).length, n + 1);
  reader.close();
  const proof = await verified(at);
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 0);
  for (const journal of ['journal1', 'journal2'])
    assert.ok(statSync(`${at.file}.${journal}`).size < 64 * 10 * 1024, 'the journal keeps within bounds');
});

test('what waits in memory has a bound, beyond which only ends are taken', async () => {
  const at = place();
  const ledger = await openLedger({ ...at, memory: 100_000 });
  const text = 'z'.repeat(10_000);
  ledger.append('s', 'session.open', opened);
  let n = 0;
  assert.throws(() => {
    // In one turn, so that nothing is written in between.
    for (n = 1; n <= 100; n += 1) ledger.append('s', 'statement', statement(n, { text }));
  }, HoldpointError);
  assert.ok(n > 5 && n < 20);
  const ticket = ledger.append('s', 'outcome', outcome(1, { status: 'refused' }));
  await durable(ledger, ticket);
  assert.ok(!refuses(ledger));
  await ledger.close();
});

test('a ledger that cannot be created rejects with one line', async () => {
  const dir = tempDir('none');
  writeFileSync(join(dir, 'taken'), 'a file where a folder should be');
  const file = join(dir, 'taken', 'ledger.db');
  await assert.rejects(openLedger({ file, keyFile: join(dir, 'ledger.key') }), (error: HoldpointError) => {
    assert.equal(error.code, 'ledger_unavailable');
    assert.match(error.message, /does not open/);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
});

test('a callback that throws is an uncaught error and keeps nobody else waiting', () => {
  const waiters = new URL('../../proxy/record/waiters.ts', import.meta.url);
  const script = `
    import { Waiters } from '${waiters}';
    const waiters = new Waiters();
    process.on('uncaughtException', error => console.log(error.message));
    waiters.add(1, 0, () => { throw new Error('a defect elsewhere'); });
    waiters.add(1, 0, () => console.log('called'));
    waiters.settle(1);`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(out, 'called\na defect elsewhere\n');
});

/** Puts `instead` in the place of `fs.write`, also where it was imported by name. */
function replaceWrite(context: TestContext, instead: (...args: WriteArguments) => void): void {
  const mock = context.mock.method(fs, 'write', instead as never);
  syncBuiltinESMExports();
  context.after(() => {
    mock.mock.restore();
    syncBuiltinESMExports();
  });
}

type Written = (error: Error | null, written: number) => void;
type WriteArguments = [fd: number, bytes: Buffer, from: number, length: number, at: number, done: Written];

test('a journal that the disk refuses, or takes in part, is written again, and nothing is acknowledged before it is there', async context => {
  const real = fs.write as unknown as (...args: WriteArguments) => void;
  let failing = 0;
  probesTaken = 0;
  replaceWrite(context, (fd, bytes, from, length, at, done) => {
    failing -= 1;
    if (failing < 0) real(fd, bytes, from, length, at, done);
    else if (failing % 2 === 0) real(fd, bytes, from, 4096, at, done);
    else setImmediate(() => done(new Error('EIO: i/o error, write'), 0));
  });
  const at = place();
  const ledger = await openLedger({ ...at, journal: 64 << 10 });
  const text = 'e'.repeat(9000);
  ledger.append('s', 'session.open', opened);
  for (let n = 1; n <= 40; n += 1) {
    failing = n % 10 === 0 ? 3 : 0;
    const ticket = ledger.append('s', 'statement', statement(n, { text }));
    if (n % 10 === 0) {
      await waitFor(() => refuses(ledger), { what: 'the ledger refuses', everyMs: 1 });
      assert.ok(ledger.durable < ticket);
    }
    await durable(ledger, ticket);
  }
  await ledger.close();
  const proof = await verified(at);
  assert.equal(proof.events, 41 + probesTaken);
  assert.deepEqual(proof.findings, []);
});

test('with a disk that hangs whoever waits is told in time, statements are refused, and the proxy goes on', async context => {
  const real = fs.write as unknown as (...args: WriteArguments) => void;
  let hanging: (() => void) | null = null;
  let hang = false;
  replaceWrite(context, (...args) => {
    if (hang) hanging = () => real(...args);
    else real(...args);
  });
  const at = place();
  const ledger = await openLedger({ ...at, deadlineMs: 2500 });
  await durable(ledger, ledger.append('s', 'session.open', opened));
  hang = true;
  const ticket = ledger.append('s', 'statement', statement(1));
  await assert.rejects(
    durable(ledger, ticket),
    (error: HoldpointError) =>
      error.code === 'ledger_unavailable' && /does not answer/.test(String(error.cause)),
  );
  assert.ok(refuses(ledger));
  const end = ledger.append('s', 'outcome', outcome(1, { status: 'refused' }));
  hang = false;
  hanging!();
  await waitFor(() => ledger.durable === end, { what: 'the ledger has recovered' });
  await ledger.close();
  assert.deepEqual((await verified(at)).findings, []);
});
