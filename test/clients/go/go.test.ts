import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sameAsDirect, startAllowAll } from '#test/clients/same-as-direct.ts';
import type { Gate } from '#test/session/support.ts';
import { lacks, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

const skip = lacks('go');
let gate: Gate;
let program: string;

before(async () => {
  if (skip !== false) return;
  program = join(tempDir('go'), 'work');
  const [started, built] = await Promise.all([
    startAllowAll(),
    // Go looks for its cache under HOME, and for modules where the machine's settings say.
    runProgram('go', ['build', '-o', program, '.'], {
      cwd: import.meta.dirname,
      deadlineMs: 240_000,
      env: machine(),
    }),
  ]);
  assert.equal(built.code, 0, built.stderr);
  gate = started;
});

function machine(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => /^(HOME$|PATH$|GO|XDG_)/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

/** What is done in each of the five ways in which pgx runs a query, and what it is that has to look the same. */
const IN_EACH_MODE = {
  pgx: 'with queries, transactions, batches, COPY and cancels',
  types: 'with values of every type in text and binary',
  changes: 'when definitions change between two runs of a statement',
  faults: 'in any field of errors and notices',
  spans: 'when statements, transactions or sessions end before their time',
  many: 'with much at a time, and batches that fail in their midst',
};
for (const [part, where] of Object.entries(IN_EACH_MODE))
  test(`pgx in each of its five modes sees no difference ${where}`, { skip }, async () => {
    const lines = await sameAsDirect(gate, program, [part], { deadlineMs: 170_000 });
    assert.equal(lines.filter(line => line.startsWith('== ')).length, 5);
  });

test(
  'pgconn with pipelines, prepared statements and notifications sees no difference',
  { skip },
  async () => {
    await sameAsDirect(gate, program, ['pgconn']);
  },
);

test('pgx with large objects sees no difference', { skip }, async () => {
  await sameAsDirect(gate, program, ['objects']);
});

test('lib/pq with text and binary values, COPY, cancel and LISTEN sees no difference', { skip }, async () => {
  await sameAsDirect(gate, program, ['pq']);
});
