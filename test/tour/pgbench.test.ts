import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { lacks, runProgram } from '#test/support/psql.ts';

const POLICY = join(import.meta.dirname, '..', '..', 'bench', 'policy.yaml');
const CLIENTS = 8;
const TRANSACTIONS = 25;
const skip = lacks('pgbench');

let postgres: TestPostgres;
let dev: Dev;
let token: string;

before(async () => {
  if (skip !== false) return;
  postgres = await startPostgres();
  await postgres.query("create role bench login password 'bench'");
  await postgres.query('create database bench owner bench');
  const direct = postgres.url({ database: 'bench', user: 'bench', password: 'bench' });
  const made = await runProgram('pgbench', ['-i', '-q', '-s', '1', direct]);
  assert.equal(made.code, 0, made.stderr);
  dev = await startDev({ args: ['--target', direct, '--policy', POLICY] });
  token = await dev.token('bench');
});

for (const [name, script] of Object.entries({
  'reads in the simple protocol': ['-S', '-M', 'simple'],
  'reads in the extended protocol': ['-S', '-M', 'extended'],
  'reads with prepared statements': ['-S', '-M', 'prepared'],
  'the default read-write script': ['-b', 'tpcb-like', '-M', 'simple'],
  'the read-write script with prepared statements': ['-b', 'tpcb-like', '-M', 'prepared'],
})) {
  test(`pgbench runs clean through the proxy: ${name}`, { skip }, async () => {
    const args = ['-n', '-c', `${CLIENTS}`, '-j', '1', '-t', `${TRANSACTIONS}`, ...script, dev.ready.pg];
    const { code, stdout, stderr } = await runProgram('pgbench', args, { env: { PGPASSWORD: token } });
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      new RegExp(`actually processed: ${CLIENTS * TRANSACTIONS}/${CLIENTS * TRANSACTIONS}`),
    );
    assert.match(stdout, /number of failed transactions: 0 /);
  });
}

test('the writes have arrived, each once, and the record of it all is proven', { skip }, async () => {
  const written = 2 * CLIENTS * TRANSACTIONS;
  const [sums] = await postgres.query(
    `select (select count(*)::int from pgbench_history) entries,
      (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts) balanced`,
    { database: 'bench' },
  );
  assert.deepEqual(sums, { entries: written, balanced: true });
  const verified = await dev.cli('audit', 'verify');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  const sessions = await dev.json<unknown[]>('audit', 'sessions');
  assert.ok(sessions.length >= 5 * CLIENTS, `${sessions.length} sessions recorded`);
});
