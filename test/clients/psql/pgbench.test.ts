import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startPair } from '#test/differential/pair.ts';
import { lacks } from '#test/support/psql.ts';
import { type Both, both, SCRIPTS } from './both.ts';

const skip = lacks('pgbench');
const MODES = ['simple', 'extended', 'prepared'] as const;
let ways: Both;
before(async () => {
  if (skip === false) ways = both(await startPair());
});

/** What pgbench measures is its own affair. */
const untimed = (said: string) =>
  said
    .split('\n')
    .filter(
      line =>
        !/^(latency|initial connection|average connection|tps|done in|NOTICE|pgbench \()| ms |of \d+ tuples|latency|tps = |transactions\/sec/.test(
          line,
        ),
    )
    .join('\n');

const pgbench = (args: string, options: object = {}) =>
  ways.run(`pgbench ${args}`, { without: untimed, ...options });

test('pgbench makes its tables, by the client and by the server', { skip }, async () => {
  await pgbench('-i -s 1 -I dtGvpf --foreign-keys');
  await pgbench('-i -s 1 -q --partitions=2');
  await pgbench('-i -s 1 -q');
});

test('its own scripts in each query mode', { skip }, async () => {
  for (const mode of MODES) {
    const said = await pgbench(
      `-n -c 4 -j 2 -t 20 -M ${mode} -b tpcb-like -b simple-update@2 -b select-only@3 --random-seed=1`,
    );
    assert.match(said, /failed transactions: 0 /);
    await pgbench(`-n -C -t 5 -M ${mode} -S --random-seed=1`);
  }
  await ways.run('psql -X -c "select count(*) from pgbench_history"');
});

test('pipelines in the modes that have them', { skip }, async () => {
  const script = join(SCRIPTS, 'pipeline.pgbench');
  for (const mode of ['extended', 'prepared'])
    await pgbench(`-n -c 3 -t 20 -M ${mode} -f ${script} --random-seed=7`);
  await pgbench(`-n -c 1 -t 1 -M simple -f ${script} --random-seed=7`, { code: 2 });
  await ways.run('psql -X -c "select sum(price), (select count(*) from notes) > 0 from items"');
});

test('a script whose statement fails ends its client in each mode', { skip }, async () => {
  for (const mode of MODES)
    await pgbench(`-n -c 1 -t 3 -M ${mode} -D one=1 -f ${join(SCRIPTS, 'failing.pgbench')}`, { code: 2 });
});
