import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { exportAudit } from '#functions/local/audit-export.ts';
import { verifyExport } from '#functions/local/audit-import.ts';
import { readKey } from '#functions/local/audit-reader.ts';
import type { VerifyReport } from '#functions/ports.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { tempDir } from '../support/temp.ts';
import { opened, place, statement, story, written } from './support.ts';

const at = place();
const original = join(at.dir, 'export');

// More than 256 entries, so that there are full tiles and a second level; and text that line readers and JSON writers differ on.
before(async () => {
  await written(at, ['one']);
  const ledger = await openLedger(at);
  for (let i = 0; i < 25; i += 1) story(ledger, `many-${i}`);
  ledger.append('odd', 'session.open', opened);
  const texts = [
    '\u2028\u2029\r',
    'x'.repeat(100_000),
    '\ud800\udc00 \udfff',
    '\b\f\u0001\u007f"\\/',
    'ß 日本 🧨',
  ];
  for (const [i, text] of texts.entries()) ledger.append('odd', 'statement', statement(i + 1, { text }));
  await ledger.close();
  await exportAudit(at.file, original, at);
});

function copy(): string {
  const dir = join(tempDir('export'), 'export');
  cpSync(original, dir, { recursive: true });
  return dir;
}

const verify = (dir: string): Promise<VerifyReport> => verifyExport(dir, readKey(at.publicFile));

function python(dir: string): { status: number | null; out: string } {
  const run = spawnSync('python3', [join(import.meta.dirname, 'verify.py'), dir, at.publicFile], {
    encoding: 'utf8',
  });
  return { status: run.status, out: run.stdout + run.stderr };
}

function hasPython(): boolean {
  return spawnSync('python3', ['--version']).status === 0;
}

test('an export is proven without any database', async () => {
  const proof = await verify(original);
  assert.deepEqual(proof, { sessions: 27, events: 344, checkpoints: 3, unsealed: 0, findings: [] });
});

test('the export has the files of a C2SP tlog-tiles log', () => {
  for (const path of [
    'checkpoint',
    'tile/0/000',
    'tile/0/001.p/88',
    'tile/1/000.p/1',
    'tile/entries/000',
    'tile/entries/001.p/88',
  ])
    assert.ok(existsSync(join(original, path)), path);
  assert.equal(readFileSync(join(original, 'tile/0/000')).length, 256 * 32);
});

test('a verifier written from the documentation alone, in another language, agrees', context => {
  if (!hasPython()) return context.skip('there is no python3');
  const { status, out } = python(original);
  assert.match(out, /^proven: 344 events, 3 checkpoints/);
  assert.equal(status, 0);
});

test('an export of a ledger that is being written ends at a checkpoint and is proven', async () => {
  const live = place();
  const ledger = await openLedger(live);
  for (let i = 0; i < 40; i += 1) {
    story(ledger, `s${i}`);
    await new Promise(done => setTimeout(done, 5));
    if (i % 10 !== 9) continue;
    const dir = join(live.dir, `export-${i}`);
    await exportAudit(live.file, dir, live);
    const proof = await verifyExport(dir, readKey(live.publicFile));
    assert.deepEqual(proof.findings, []);
    assert.equal(proof.unsealed, 0);
  }
  await ledger.close();
});

test('an export goes into an empty folder only', async () => {
  await assert.rejects(exportAudit(at.file, original, at), /is not empty/);
});

const tamperings: { what: string; fault: string; work: (dir: string) => void }[] = [
  {
    what: 'an altered statement',
    fault: 'altered',
    work: dir =>
      edit(join(dir, 'events.ndjson'), text => text.replace('DROP TABLE customers', 'DROP TABLE employees')),
  },
  {
    what: 'a line removed',
    fault: 'missing',
    work: dir => edit(join(dir, 'events.ndjson'), text => text.split('\n').toSpliced(5, 1).join('\n')),
  },
  {
    what: 'lines removed at the end',
    fault: 'truncated',
    work: dir => edit(join(dir, 'events.ndjson'), text => `${text.split('\n').slice(0, 300).join('\n')}\n`),
  },
  {
    what: 'a line cut',
    fault: 'truncated',
    work: dir =>
      truncateSync(join(dir, 'events.ndjson'), readFileSync(join(dir, 'events.ndjson')).length - 10),
  },
  {
    what: 'a line repeated',
    fault: 'duplicated',
    work: dir => edit(join(dir, 'events.ndjson'), text => `${text}${text.split('\n')[3]}\n`),
  },
  { what: 'a tile removed', fault: 'missing', work: dir => rmSync(join(dir, 'tile/0/000')) },
  {
    what: 'a tile altered',
    fault: 'altered',
    work: dir => writeFileSync(join(dir, 'tile/1/000.p/1'), Buffer.alloc(32)),
  },
  { what: 'a file slipped in', fault: 'altered', work: dir => writeFileSync(join(dir, 'tile/0/002'), 'x') },
  {
    what: 'a bundle altered',
    fault: 'altered',
    work: dir => appendFileSync(join(dir, 'tile/entries/000'), 'x'),
  },
  {
    what: 'the checkpoint replaced by an older one',
    fault: 'altered',
    work: dir => {
      const first = readFileSync(join(dir, 'checkpoints.ndjson'), 'utf8').split('\n')[1] ?? '';
      writeFileSync(join(dir, 'checkpoint'), (JSON.parse(first) as { note: string }).note);
    },
  },
  {
    what: 'the checkpoint edited',
    fault: 'unsigned',
    work: dir => edit(join(dir, 'checkpoint'), text => text.replace('\n344\n', '\n343\n')),
  },
];

function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text);
  writeFileSync(path, changed);
}

for (const { what, fault, work } of tamperings)
  test(`in an export, ${what} is found, here and by the other verifier`, async () => {
    const dir = copy();
    work(dir);
    const proof = await verify(dir);
    assert.ok(
      proof.findings.some(f => f.fault === fault),
      JSON.stringify(proof.findings),
    );
    if (hasPython()) assert.notEqual(python(dir).status, 0);
  });

test('an export with a key of its own does not pass for one of the pinned key', async () => {
  const other = place();
  await written(other, ['one']);
  const dir = join(other.dir, 'export');
  await exportAudit(other.file, dir, other);
  assert.deepEqual((await verifyExport(dir, readKey(other.publicFile))).findings, []);
  assert.ok((await verify(dir)).findings.some(f => f.fault === 'unsigned'));
});

test('openssl verifies a checkpoint signature, so no code of ours has to be believed', context => {
  if (spawnSync('openssl', ['version']).status !== 0) return context.skip('there is no openssl');
  const note = readFileSync(join(original, 'checkpoint'), 'utf8');
  const end = note.lastIndexOf('\n\n') + 1;
  const dir = tempDir('openssl');
  const blob = Buffer.from(note.slice(end).trim().split(' ')[2] ?? '', 'base64');
  writeFileSync(join(dir, 'text'), note.slice(0, end));
  writeFileSync(join(dir, 'sig'), blob.subarray(4));
  const raw = Buffer.from(
    readFileSync(at.publicFile, 'utf8').trim().split('+').slice(2).join('+'),
    'base64',
  ).subarray(1);
  writeFileSync(join(dir, 'key.der'), Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]));
  const args = [
    'pkeyutl',
    '-verify',
    '-pubin',
    '-inkey',
    'key.der',
    '-keyform',
    'DER',
    '-rawin',
    '-in',
    'text',
    '-sigfile',
    'sig',
  ];
  assert.match(execFileSync('openssl', args, { cwd: dir, encoding: 'utf8' }), /Verified Successfully/);
});
