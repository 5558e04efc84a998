import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openLedger } from '#proxy/local/ledger.ts';
import { tempDir } from '../support/temp.ts';
import { opened, outcome, place, statement, tamper, written } from './support.ts';

const at = place();

// The command as `holdpoint audit` runs it, without the other commands around it.
const SCRIPT = `import { Command } from 'commander';
import { auditCommand } from '${new URL('../../cli/audit.ts', import.meta.url)}';
await new Command('holdpoint').addCommand(auditCommand()).parseAsync();`;

function audit(...args: string[]): { status: number | null; out: string; err: string } {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', 'audit', ...args], {
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '../..'),
  });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

before(async () => {
  await written(at, ['alpha-1']);
  const ledger = await openLedger(at);
  ledger.append('beta-1', 'session.open', { ...opened, application: '\u001b[2Jevil' });
  ledger.append(
    'beta-1',
    'statement',
    statement(1, { text: 'SELECT 1;\n-- \u001b]0;owned\u0007 \u202e drop', rule: '\u009b31m' }),
  );
  ledger.append('beta-1', 'outcome', outcome(1, { status: 'refused' }));
  await ledger.close();
});

test('sessions lists them, newest first, and as JSON', () => {
  const { out, status } = audit('sessions', '--data', at.dir);
  assert.equal(status, 0);
  assert.match(out, /^beta-1 [\s\S]*\nalpha-1 .*agent-1@example\.com .*3 statements +1 held +1 refused\n$/);
  const list = JSON.parse(audit('sessions', '--data', at.dir, '--json').out) as { session: string }[];
  assert.deepEqual(
    list.map(s => s.session),
    ['beta-1', 'alpha-1'],
  );
});

test('replay tells the story: statement, verdict, who decided, outcome, masks', () => {
  const { out, status } = audit('replay', 'alpha', '--data', at.dir);
  assert.equal(status, 0);
  for (const part of [
    'agent-1@example.com (https://issuer.example) opens shop as app',
    '[2] DELETE FROM customers',
    '→ hold by deletes',
    '[2] approver-1@example.com says approve: looks right',
    '[2] forwarded to the database',
    'masked public.customers.email (email)',
    '[3] refused; SQLSTATE 42501',
    'closed: client left, after 3 statements',
  ])
    assert.ok(out.includes(part), `${part}\n${out}`);
});

test('no control character of a statement reaches the terminal', () => {
  for (const command of ['show', 'replay', 'sessions'] as const) {
    const args = command === 'sessions' ? [command] : [command, 'beta-1'];
    const { out } = audit(...args, '--data', at.dir);
    assert.doesNotMatch(out, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    if (command !== 'sessions') assert.ok(out.includes('\\u{1b}]0;owned\\u{7}'), out);
  }
});

test('a session may be named by its beginning when there is only one', () => {
  assert.equal(audit('show', 'alp', '--data', at.dir).status, 0);
  const unknown = audit('show', 'nobody', '--data', at.dir);
  assert.equal(unknown.status, 1);
  assert.equal(unknown.err, 'holdpoint audit: there is no session nobody\n');
  assert.match(audit('show', '', '--data', at.dir).err, /is the beginning of 3 sessions/);
});

test('verify says what is proven and exits 0; export and verify --export do so without the ledger', () => {
  const { out, status } = audit('verify', '--data', at.dir);
  assert.match(out, /^proven: 16 events of 2 sessions, 3 checkpoints\n/);
  assert.equal(status, 0);
  const dir = join(tempDir('handed-over'), 'out');
  assert.equal(audit('export', dir, '--data', at.dir).status, 0);
  const own = audit('verify', '--export', dir, '--json');
  assert.equal(own.status, 0);
  assert.deepEqual((JSON.parse(own.out) as { findings: unknown[] }).findings, []);
  assert.match(audit('verify', '--export', dir).out, /The key is the one in the export itself/);
  assert.doesNotMatch(audit('verify', '--export', dir, '--key', at.publicFile).out, /export itself/);
});

test('verify names each finding and exits 1', async () => {
  const bad = place();
  await written(bad, ['one']);
  tamper(bad, db =>
    db.exec(`UPDATE events SET event = replace(event, 'DROP TABLE', 'DROP VIEW') WHERE idx = 10`),
  );
  const { out, status } = audit('verify', '--data', bad.dir);
  assert.equal(status, 1);
  assert.match(
    out,
    /^NOT PROVEN \(13 events of 1 session, 2 checkpoints\)\n {2}altered {2}session one event 10 \(log entry 10\): its text does not have its hash\n/,
  );
});

test('a missing ledger, export or key, and a key that is none, are one line and exit code 1', () => {
  const none = tempDir('none');
  writeFileSync(join(none, 'key'), 'no key');
  for (const args of [
    ['sessions', '--data', join(none, 'x')],
    ['show', 'a', '--data', none],
    ['verify', '--data', none],
    ['export', join(none, 'out'), '--data', none],
    ['verify', '--data', at.dir, '--key', join(none, 'x')],
    ['verify', '--data', at.dir, '--key', join(none, 'key')],
    ['verify', '--export', join(none, 'x')],
  ]) {
    const { status, err, out } = audit(...args);
    assert.equal(status, 1, args.join(' '));
    if (out === '') assert.match(err, /^holdpoint audit: [^\n]+\n$/, args.join(' '));
  }
});
