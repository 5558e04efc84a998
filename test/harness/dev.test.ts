import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDev } from '#test/support/dev.ts';
import { waitFor } from '#test/support/wait-for.ts';

const dev = await startDev();
const token = await dev.token('agent-1', { email: 'agent-1@example.com' });

test('dev says where it is, and psql reads through it with a token as the password', async () => {
  assert.equal(dev.ready.data, dev.data);
  assert.equal(new URL(dev.ready.pg).port, `${dev.pgPort}`);
  assert.equal(new URL(dev.ready.pg).password, '');
  assert.equal(new URL(dev.ready.http).port, `${dev.httpPort}`);
  const read = await dev.psql(token, 'select 6 * 7', { args: ['-At'] });
  assert.deepEqual(read, { code: 0, stdout: '42\n', stderr: '' });
  const refused = await dev.psql('no token', 'select 1');
  assert.notEqual(refused.code, 0);
});

test('what is held is found, approved on the command line, and ends as executed', async () => {
  const running = dev.psql(token, 'delete from payments where id < 0');
  const id = await dev.held();
  const approved = await dev.cli(
    'approvals',
    'approve',
    id,
    '--as',
    'approver-1@example.com',
    '--reason',
    'checked',
  );
  assert.equal(approved.code, 0, approved.stderr);
  const { code, stdout, stderr } = await running;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^DELETE 0$/m);
  assert.match(stderr, new RegExp(id));
  await waitFor(
    async () => (await dev.approvals({ all: true })).find(one => one.id === id)?.state === 'executed',
    {
      what: 'the approval is executed',
    },
  );
  assert.deepEqual(await dev.approvals(), []);
});

test('after kill -9 of everything it starts again on the same data', async () => {
  await dev.kill9({ postgres: true });
  assert.equal(dev.process.signalCode, 'SIGKILL');
  await dev.restart();
  const read = await dev.psql(token, 'select count(*) > 0 from orders', { args: ['-At'] });
  assert.deepEqual(read, { code: 0, stdout: 't\n', stderr: '' });
  const verified = await dev.cli('audit', 'verify');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('it stops in an orderly way, and nothing of its database is left running', async () => {
  assert.equal(await dev.stop(), 0);
  assert.equal(existsSync(join(dev.data, 'postgres', 'cluster', 'postmaster.pid')), false);
});
