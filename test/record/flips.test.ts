import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { exportAudit } from '#functions/local/audit-export.ts';
import { verifyExport } from '#functions/local/audit-import.ts';
import { readKey } from '#functions/local/audit-reader.ts';
import { tempDir } from '../support/temp.ts';
import { type Place, place, tamper, verified, written } from './support.ts';

const original = place();
const exported = join(original.dir, 'export');
before(async () => {
  await written(original, ['one', 'two']);
  await exportAudit(original.file, exported, original);
});

/** The text with one character changed to another one. */
function flip(text: string, at: number, by: number): string {
  const i = at % text.length;
  const code = text.charCodeAt(i);
  return text.slice(0, i) + String.fromCharCode((code + by) % 128) + text.slice(i + 1);
}

test('any one character changed in any event, checkpoint or in the checkpoint file is found', async () => {
  const at: Place = place(tempDir('flips'));
  cpSync(original.dir, at.dir, { recursive: true });
  await fc.assert(
    fc.asyncProperty(fc.nat(27), fc.nat(), fc.integer({ min: 1, max: 127 }), async (row, position, by) => {
      let text = '';
      const change = (edit: (text: string) => string): void => {
        if (row === 26) {
          text ||= readFileSync(at.checkpointFile, 'utf8');
          writeFileSync(at.checkpointFile, edit(text));
          return;
        }
        const [table, column, key, value] =
          row === 27 ? ['checkpoints', 'note', 'size', 13] : ['events', 'event', 'idx', row];
        tamper(at, db => {
          text ||= String(
            db.prepare(`SELECT ${column} AS text FROM ${table} WHERE ${key} = ?`).get(value as number)?.text,
          );
          db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`).run(edit(text), value as number);
        });
      };
      change(whole => flip(whole, position, by));
      const proof = await verified(at);
      change(whole => whole);
      assert.notEqual(proof.findings.length, 0);
    }),
    { numRuns: 150 },
  );
  assert.deepEqual((await verified(at)).findings, [], 'what was changed back is sound');
});

test('any one byte changed in any file of an export is found', async () => {
  const dir = join(tempDir('flips'), 'export');
  cpSync(exported, dir, { recursive: true });
  const key = readKey(original.publicFile);
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map(name => join(dir, name))
    .filter(path => statSync(path).isFile() && !path.endsWith('.pub'));
  assert.ok(files.length >= 5);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (file, position, by) => {
        const path = files[file]!;
        const bytes = readFileSync(path);
        const changed = Buffer.from(bytes);
        const i = position % changed.length;
        changed[i] = (changed[i]! + by) % 256;
        writeFileSync(path, changed);
        const proof = await verifyExport(dir, key);
        writeFileSync(path, bytes);
        assert.notEqual(proof.findings.length, 0, `${path} byte ${i}`);
      },
    ),
    { numRuns: 150 },
  );
  assert.deepEqual((await verifyExport(dir, key)).findings, []);
});
