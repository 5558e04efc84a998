import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finished, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

const PROGRAM = fileURLToPath(new URL('./policy-program.ts', import.meta.url));
const SAMPLES = fileURLToPath(new URL('../../cli/sample/', import.meta.url));
const run = (...args: string[]): Promise<Finished> =>
  runProgram(process.execPath, [PROGRAM, 'policy', ...args]);

describe('holdpoint policy check', () => {
  const dir = tempDir('policy-check');
  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };

  it('finds the samples good, and says what only dev adds', async () => {
    for (const name of ['policy.yaml', 'reads-only.policy.yaml']) {
      const { code, stdout, stderr } = await run('check', join(SAMPLES, name));
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /: good: \d+ rules, 1 access entry/);
      assert.match(stdout, /note: target shop and issuer dev are not in this file/);
    }
  });

  it('refuses what only dev adds when asked to be strict', async () => {
    const { code, stderr } = await run('check', '--strict', join(SAMPLES, 'policy.yaml'));
    assert.equal(code, 1);
    assert.match(
      stderr,
      /policy\.yaml:\d+:\d+: access\[0\]\.principals\.issuers\[0\]: there is no issuer "dev"/,
    );
  });

  it('tells every fault on stderr as file:line:column, and exits 1', async () => {
    const path = file(
      'bad.yaml',
      'version: 1\nacess: []\naccess: [{ name: a, targets: [shop], roles: [r] }]\nrules: 7\n',
    );
    const { code, stdout, stderr } = await run('check', path);
    assert.deepEqual([code, stdout], [1, '']);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      `${path}:2:1: unknown key "acess"; did you mean access?`,
      `${path}:4:8: rules: must be a list, but is 7`,
    ]);
  });

  it('prints the same as JSON', async () => {
    const bad = await run('check', '--json', file('bad2.yaml', 'version: 2\n'));
    assert.equal(bad.code, 1);
    const report = JSON.parse(bad.stdout);
    assert.equal(report.ok, false);
    assert.deepEqual(report.faults[0], { line: 1, column: 1, path: 'access', message: 'is missing' });
    const good = await run('check', '--json', join(SAMPLES, 'policy.yaml'));
    assert.equal(good.code, 0);
    assert.match(JSON.parse(good.stdout).policyVersion, /^[0-9a-f]{64}$/);
  });

  it('a file that is not there, and a folder, are one line each', async () => {
    for (const path of [join(dir, 'nothing.yaml'), dir]) {
      const { code, stdout, stderr } = await run('check', path);
      assert.deepEqual([code, stdout, stderr.trimEnd().split('\n').length], [1, '', 1]);
      assert.ok(stderr.includes(path), stderr);
    }
  });

  it('control characters of a file never reach the terminal', async () => {
    const { stderr } = await run('check', file('evil.yaml', 'version: 1\n"\\e[2J": 1\n'));
    assert.ok(!stderr.includes('\u001b'), JSON.stringify(stderr));
  });

  it('notes what loads and may not be meant', async () => {
    const path = file(
      'doubtful.yaml',
      `version: 1
access: [{ name: a, targets: [shop], roles: [agent] }]
targets:
  shop: { host: db.example.com, database: shop, tls: disable, roles: { agent: {} } }
groups: { dbas: [ann@example.com] }
issuers: [{ name: i, issuer: https://i.test, audience: a, algorithms: [ES256], groupsClaim: g }]
rules:
  - { name: selects, verdict: allow, match: { effects: { commands: [select, copy-out] } } }
  - { name: rest, verdict: deny }
  - { name: late, verdict: allow }
`,
    );
    const { code, stdout } = await run('check', '--json', path);
    assert.equal(code, 0);
    const notes: string[] = JSON.parse(stdout).advice;
    assert.equal(notes.length, 4, notes.join('\n'));
    for (const about of [
      /issuer i .*groupsPrefix/,
      /target shop .*without encryption/,
      /rule selects .*outside/,
      /rule late is never reached: rest/,
    ])
      assert.ok(
        notes.some(note => about.test(note)),
        String(about),
      );
  });

  it('has help with examples', async () => {
    const { code, stdout } = await run('check', '--help');
    assert.equal(code, 0);
    assert.match(stdout, /Examples:/);
  });
});
