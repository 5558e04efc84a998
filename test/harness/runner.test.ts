import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Finished, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

const RUNNER = join(import.meta.dirname, '..', 'run.ts');
const GOOD = "test('good', () => {});";

test('a green run exits 0, and its last line counts', async () => {
  const { code, last } = await runWith([GOOD, "test('other', () => {});"]);
  assert.equal(last, '2 passed, 0 failed, 0 skipped');
  assert.equal(code, 0);
});

test('a failing test fails the run', async () => {
  const { code, last } = await runWith([GOOD, "test('bad', () => { throw new Error('no'); });"]);
  assert.equal(last, '1 passed, 1 failed, 0 skipped');
  assert.equal(code, 1);
});

test('a file that dies, before its tests or in the middle of them, fails the run', async () => {
  const dead = await runWith([GOOD, "throw new Error('before');"]);
  assert.equal(dead.code, 1);
  const cut = await runWith([GOOD, `${GOOD} test('dies', () => process.kill(process.pid, 'SIGKILL'));`]);
  assert.equal(cut.code, 1);
  assert.match(cut.last, /[1-9] failed/);
});

test('no test at all fails the run', async () => {
  const { code, stdout } = await runWith([]);
  assert.equal(code, 1);
  assert.match(stdout, /no test ran/);
});

test('a skip is listed with its reason', async () => {
  const { code, stdout, last } = await runWith(
    [GOOD, "test('s', { skip: 'nowherectl is not installed' }, () => {});"],
    {
      CI: 'true',
    },
  );
  assert.match(stdout, /^skipped: test.1\.test\.ts: s \(nowherectl is not installed\)$/m);
  assert.equal(last, '1 passed, 0 failed, 1 skipped');
  assert.equal(code, 0);
});

test('in CI a test skipped for want of a program that is here fails the run', async () => {
  const files = [GOOD, "test('s', { skip: 'setpriv is not installed' }, () => {});"];
  assert.equal((await runWith(files, { CI: '' })).code, 0);
  const { code, stdout } = await runWith(files, { CI: 'true' });
  // Where the program is really missing the skip is honest.
  const here = (await runProgram('sh', ['-c', 'command -v setpriv'])).code === 0;
  assert.equal(code, here ? 1 : 0);
  assert.equal(stdout.includes('was skipped, and setpriv is here'), here);
});

test('in CI a test skipped without a reason fails the run', async () => {
  const { code, stdout } = await runWith([GOOD, "test.skip('s', () => {});"], { CI: 'true' });
  assert.equal(code, 1);
  assert.match(stdout, /does not say why it was skipped/);
});

/** A tree of test files with these contents, run by the runner. */
async function runWith(
  files: string[],
  env: Record<string, string> = {},
): Promise<Finished & { last: string }> {
  const root = tempDir('runner');
  mkdirSync(join(root, 'test'));
  for (const [index, text] of files.entries()) {
    writeFileSync(join(root, 'test', `${index}.test.ts`), `import { test } from 'node:test';\n${text}\n`);
  }
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  // node's runner refuses to run inside itself, and tells by this variable.
  const run = await runProgram(process.execPath, [RUNNER, '--root', root], {
    env: { CI: '', ...env, NODE_TEST_CONTEXT: undefined },
  });
  return { ...run, last: run.stdout.trimEnd().split('\n').at(-1)! };
}
