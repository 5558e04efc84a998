import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { BLOCK, HEADER, openRecord, recordSize } from '#schemas/journal.ts';
import { tempDir } from '../support/temp.ts';
import { durable, opened, type Place, place, statement, verified } from './support.ts';

/**
 * A ledger as a crash leaves it: one closed session in its tables, and RECORDS more records in its journal only (somebody else holds
 * the tables). The last takes several blocks.
 */
const crashed = place();
const RECORDS = 7;
const LONG = 'L'.repeat(3 * BLOCK);

before(async () => {
  const first = await openLedger({ ...crashed, journal: 256 << 10 });
  first.append('filed', 'session.open', opened);
  await durable(first, first.append('filed', 'session.close', { reason: 'done', statements: 0 }));
  await first.close();
  const live = place();
  cpSync(crashed.dir, live.dir, { recursive: true });
  const ledger = await openLedger({ ...live, journal: 256 << 10 });
  const other = new DatabaseSync(live.file);
  other.exec('BEGIN IMMEDIATE');
  await durable(ledger, ledger.append('s', 'session.open', opened));
  for (let n = 1; n < RECORDS; n += 1) {
    const text = n === RECORDS - 1 ? LONG : `SELECT ${n}`;
    await durable(ledger, ledger.append('s', 'statement', statement(n, { text })));
  }
  // What kill -9 or a power cut finds, the lock of this process aside.
  cpSync(live.dir, crashed.dir, { recursive: true });
  other.exec('ROLLBACK');
  other.close();
  await ledger.close();
});

function copy(): Place {
  const dir = tempDir('journal');
  cpSync(crashed.dir, dir, { recursive: true });
  return place(dir);
}

const journal = (at: Place, file = 1): string => `${at.file}.journal${file}`;

function change(path: string, work: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  work(bytes);
  writeFileSync(path, bytes);
}

/** Where each record of the first file begins, the one that opens it with them. */
function offsets(at: Place): number[] {
  const bytes = readFileSync(journal(at));
  const found: number[] = [];
  for (let offset = 0; ; ) {
    const record = openRecord(bytes.subarray(offset));
    if (record === null) return found;
    found.push(offset);
    offset += recordSize(record.payload.length);
  }
}

async function shown(at: Place): Promise<number> {
  const reader = openAuditReader(at.file);
  try {
    return (await reader.events('s')).length;
  } finally {
    reader.close();
  }
}

/** Opens and closes it, and gives how many events the session then has; the log must be proven. */
async function recovered(at: Place): Promise<number> {
  await (await openLedger(at)).close();
  const proof = await verified(at);
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 0);
  return shown(at);
}

/** It does not open, and verification names it. */
async function found(at: Place, fault: string, what: RegExp): Promise<void> {
  const proof = await verified(at);
  assert.ok(
    proof.findings.some(f => f.fault === fault && f.where === 'journal' && what.test(f.what)),
    JSON.stringify(proof.findings),
  );
  await assert.rejects(openLedger(at), what);
}

test('what a crash leaves in the journal is shown before anybody opens the ledger, and filed when it is opened', async () => {
  const at = copy();
  assert.equal(offsets(at).length, RECORDS + 1);
  assert.equal(await shown(at), RECORDS);
  const reader = openAuditReader(at.file);
  assert.equal((await reader.sessions()).find(s => s.session === 's')?.events, RECORDS);
  reader.close();
  const before = await verified(at);
  assert.deepEqual(before.findings, []);
  assert.equal(before.unsealed, RECORDS);
  assert.equal(await recovered(at), RECORDS);
  const again = openAuditReader(at.file);
  const [event] = await again.events('ledger');
  assert.equal(event?.kind, 'ledger.recovered');
  assert.deepEqual(event?.body, { entries: 2 + RECORDS, unsealed: RECORDS });
  again.close();
});

test('a last record that was written in part is left out wherever it was cut, and the ones before it are there', async () => {
  const at = copy();
  const bytes = readFileSync(journal(at));
  const last = offsets(at).at(-1)!;
  const size = openRecord(bytes.subarray(last))!.payload.length + HEADER;
  for (let cut = 0; cut < size; cut += 1) {
    const torn = Buffer.from(bytes.subarray(last, last + recordSize(size - HEADER)));
    // What was there before: nothing, or another record's bytes.
    torn.fill(cut % 2 === 0 ? 0 : 0x20, cut);
    assert.equal(openRecord(torn), null, `cut at ${cut}`);
  }
  for (const cut of [0, 1, 31, 32, 40, HEADER, BLOCK, BLOCK + 1, size - 1]) {
    const torn = copy();
    change(journal(torn), b => b.fill(0, last + cut, last + recordSize(size - HEADER)));
    assert.equal(await recovered(torn), RECORDS - 1, `cut at ${cut}`);
  }
});

test('a last record whose blocks reached the disk in another order is left out', async () => {
  const last = offsets(crashed).at(-1)!;
  for (const lost of [0, 1, 2]) {
    const at = copy();
    change(journal(at), b => b.fill(0, last + lost * BLOCK, last + (lost + 1) * BLOCK));
    assert.equal(await recovered(at), RECORDS - 1, `without block ${lost}`);
  }
});

test('a record before the last that was altered at any byte is found, by verification and when the ledger is opened', async () => {
  const [, , third, fourth] = offsets(crashed);
  const bytes = readFileSync(journal(crashed));
  const whole = openRecord(bytes.subarray(third));
  const length = HEADER + whole!.payload.length;
  for (let i = 0; i < length; i += 1) {
    const altered = Buffer.from(bytes.subarray(third, fourth));
    altered[i] = altered[i]! ^ 1;
    assert.equal(openRecord(altered), null, `byte ${i}`);
  }
  for (const i of [0, 33, 36, 47, 50, 70, HEADER + 5, length - 1]) {
    const at = copy();
    change(journal(at), b => {
      b[third! + i] = b[third! + i]! ^ 1;
    });
    await found(at, 'altered', /record 2 is not what it was or not there, and record 7 is|record 2 is not/);
  }
});

test('records taken out of the journal, or put in another order, are found', async () => {
  const [, , third, fourth, fifth] = offsets(crashed) as [number, number, number, number, number];
  const emptied = copy();
  change(journal(emptied), b => b.fill(0, third, fourth));
  await found(emptied, 'altered', /record 2 is not/);
  const closed = copy();
  change(journal(closed), b => b.copyWithin(third, fourth));
  await found(closed, 'altered', /record 2 is not/);
  const swapped = copy();
  change(journal(swapped), b => {
    const one = Buffer.from(b.subarray(third, fourth));
    b.copyWithin(third, fourth, fifth);
    one.copy(b, fourth);
  });
  await found(swapped, 'altered', /record 2 is not/);
});

test('a journal that is gone, cut short, emptied, or another one is found', async () => {
  for (const file of [1, 2]) {
    const gone = copy();
    rmSync(journal(gone, file));
    await found(gone, 'missing', new RegExp(`its file ${file} is not there`));
    const short = copy();
    truncateSync(journal(short, file), 100_000);
    await found(short, 'truncated', new RegExp(`its file ${file} has 100000 bytes`));
  }
  const emptied = copy();
  change(journal(emptied), b => b.fill(0));
  await found(emptied, 'altered', /not the one that the ledger was writing/);
  const exchanged = copy();
  renameSync(journal(exchanged, 1), `${exchanged.file}.x`);
  renameSync(journal(exchanged, 2), journal(exchanged, 1));
  renameSync(`${exchanged.file}.x`, journal(exchanged, 2));
  await found(exchanged, 'altered', /record 1 is not/);
  const foreign = place();
  const other = await openLedger({ ...foreign, journal: 256 << 10 });
  await durable(other, other.append('s', 'session.open', opened));
  await other.close();
  const replaced = copy();
  copyFileSync(journal(foreign), journal(replaced));
  await found(replaced, 'altered', /not the one that the ledger was writing/);
});

test('a ledger that was closed in order needs no journal', async () => {
  const at = copy();
  await recovered(at);
  for (const file of [1, 2]) rmSync(journal(at, file));
  assert.deepEqual((await verified(at)).findings, []);
  assert.equal(await recovered(at), RECORDS);
});

test('what an earlier run has left behind the end of a journal is not taken for its continuation', async () => {
  const at = copy();
  const ledger = await openLedger({ ...at, journal: 256 << 10 });
  const other = new DatabaseSync(at.file);
  other.exec('BEGIN IMMEDIATE');
  await durable(ledger, ledger.append('s', 'statement', statement(RECORDS)));
  const crash = tempDir('journal');
  cpSync(at.dir, crash, { recursive: true });
  other.exec('ROLLBACK');
  other.close();
  await ledger.close();
  const again = place(crash);
  // The records of the first run follow the one of the second, whole.
  const bytes = readFileSync(journal(again));
  assert.notEqual(openRecord(bytes.subarray(offsets(crashed)[3])), null);
  assert.equal(await recovered(again), RECORDS + 1);
});

test('a reader sees everything acknowledged while the two files of a small journal change places', async () => {
  const at = place();
  const ledger = await openLedger({ ...at, journal: 64 << 10 });
  const reader = openAuditReader(at.file);
  ledger.append('s', 'session.open', opened);
  const text = 'w'.repeat(9000);
  for (let n = 1; n <= 150; n += 1) {
    await durable(ledger, ledger.append('s', 'statement', statement(n, { text })));
    if (n % 5 === 0) assert.equal((await reader.events('s')).length, n + 1);
    if (n % 50 === 0) assert.deepEqual((await verified(at)).findings, []);
  }
  reader.close();
  await ledger.close();
  assert.equal(await shown(at), 151);
});
