import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { lacks } from '#test/support/psql.ts';

/**
 * `node test/run.ts [--root DIR] [word…]` runs all test files, or those whose path holds one of the words. Two at a time: most of them start
 * servers. After node's own report come the skipped tests with their reasons, and one line that counts.
 *
 * Fails when a test fails, when none ran, and with CI=true when a test was skipped without a reason or for want of a program that
 * this machine has: a green run must not hide what was not looked at.
 */
const PROGRAMS = ['chromium', 'go', 'javac', 'mvn', 'psql', 'pgbench', 'pgbouncer', 'pgpool', 'setpriv'];
const FILE_DEADLINE_MS = 15 * 60_000;

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { root: { type: 'string', default: join(import.meta.dirname, '..') } },
});
const root = resolve(values.root);
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter(file => words.length === 0 || words.some(word => file.includes(word)))
  .sort()
  .map(file => join(root, file));

const cache = mkdtempSync(join(tmpdir(), 'holdpoint-test-run-'));
process.env.HOLDPOINT_TEST_CACHE = cache;
process.once('exit', () => rmSync(cache, { recursive: true, force: true }));
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(130));

const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped: { where: string; why: string }[] = [];

const events = run({ files, concurrency: 2, timeout: FILE_DEADLINE_MS, cwd: root })
  .on('test:pass', data => {
    if (data.details.type === 'suite') return;
    if (data.skip === undefined) {
      counts.passed += 1;
      return;
    }
    counts.skipped += 1;
    const where = `${relative(root, data.file ?? '')}: ${data.name}`;
    skipped.push({ where, why: typeof data.skip === 'string' ? data.skip : '' });
  })
  .on('test:fail', data => {
    if (data.details.type !== 'suite') counts.failed += 1;
  });
// The report's own stream, so that what follows stands below it.
const report = events.compose(spec);
report.pipe(process.stdout, { end: false });
await finished(report);

const hidden: string[] = [];
for (const { where, why } of skipped) {
  console.log(`skipped: ${where} (${why === '' ? 'no reason given' : why})`);
  const present = PROGRAMS.find(program => why.includes(program) && lacks(program) === false);
  if (why === '') hidden.push(`${where} does not say why it was skipped`);
  else if (present !== undefined) hidden.push(`${where} was skipped, and ${present} is here`);
}
if (process.env.CI === 'true') {
  for (const line of hidden) console.log(`failed: ${line}`);
  counts.failed += hidden.length;
}
if (counts.passed + counts.failed === 0) {
  console.log('failed: no test ran');
  counts.failed = 1;
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
