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

test('pgx in each of its five modes sees no difference from a direct connection', { skip }, async () => {
  const lines = await sameAsDirect(gate, program, ['pgx']);
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
