import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sameAsDirect, startAllowAll } from '#test/clients/same-as-direct.ts';
import type { Gate } from '#test/session/support.ts';
import { lacks, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

const HERE = import.meta.dirname;
const LIBRARIES = join(HERE, 'lib');
const skip =
  lacks('javac') ||
  (existsSync(LIBRARIES) ? false : 'the JDBC driver is not there: .ci/run fetches it with Maven');

let gate: Gate;
let classes: string;

before(async () => {
  if (skip !== false) return;
  classes = tempDir('java');
  const [started, compiled] = await Promise.all([
    startAllowAll(),
    runProgram('javac', ['-d', classes, '-cp', join(LIBRARIES, '*'), ...globSync(join(HERE, '*.java'))], {
      deadlineMs: 120_000,
    }),
  ]);
  assert.equal(compiled.code, 0, compiled.stderr);
  gate = started;
});

/** The lines of one program, which were the same directly and through the proxy. */
function linesOf(program: string): Promise<string[]> {
  const path = `${classes}:${join(LIBRARIES, '*')}`;
  return sameAsDirect(gate, 'java', ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', path, program], {
    deadlineMs: 300_000,
  });
}

test('pgjdbc in each of its eight modes sees no difference from a direct connection', { skip }, async () => {
  const lines = await linesOf('Work');
  assert.equal(lines.filter(line => line.startsWith('== ')).length, 8);
  assert.equal(lines.at(-1), 'end');
});

test(
  'nor does it in what few programs do: every type, cursor, call, batch, dropped plan and question',
  {
    skip,
  },
  async () => {
    const lines = await linesOf('Breadth');
    assert.equal(lines.filter(line => line.startsWith('== ')).length, 8);
    assert.ok(lines.length > 3_000, `${lines.length} lines`);
    assert.equal(lines.at(-1), 'end');
  },
);
