import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { type Gate, startGate } from '#test/session/support.ts';
import { lacks, psql, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** As the sample policy, with what pgbench does beside. */
const RULES = `
  - name: no-schema-changes
    match: { effects: { anyCommand: [ddl, privilege] } }
    verdict: deny
    message: no
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: writes
    match: { effects: { commands: [select, insert, update, delete, copy-in, copy-out, transaction, set, cursor, prepare], onlyRelations: [public.*] } }
    verdict: allow
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** psql through the proxy and straight at the database: the same words. */
async function sameAsDirect(...commands: string[]): Promise<string> {
  const args = ['-v', 'ON_ERROR_STOP=1', ...commands.flatMap(command => ['-c', command])];
  const straight = await psql(['-d', gate.db.url({ database: 'shop', user: 'agent' }), ...args]);
  const through = await psql(['-d', gate.dev.ready.pg, ...args], { env: { PGPASSWORD: gate.token } });
  assert.deepEqual(through, straight, commands.join(' '));
  assert.equal(through.code, 0, through.stderr);
  return through.stdout;
}

test("psql's backslash commands say what they say without the proxy", { skip: lacks('psql') }, async () => {
  const commands = [
    '\\d',
    '\\dt+',
    '\\d items',
    '\\d+ notes',
    '\\di',
    '\\dn+',
    '\\df',
    '\\dv',
    '\\ds',
    '\\dp',
    '\\du',
    '\\dT',
    '\\dx',
    '\\sf pg_catalog.lpad(text, integer)',
  ];
  assert.match(await sameAsDirect(...commands), /items_pkey/);
});

test('psql shows errors with their position and goes on in a script', { skip: lacks('psql') }, async () => {
  const script =
    'select 1;\nselec 2;\nselect nothing from items;\nselect 3;\nbegin;\nselect 1/0;\nselect 4;\nrollback;\nselect 5;\n';
  const straight = await psql(['-d', gate.db.url({ database: 'shop', user: 'agent' })], { stdin: script });
  const through = await psql(['-d', gate.dev.ready.pg], { stdin: script, env: { PGPASSWORD: gate.token } });
  assert.deepEqual(through, straight);
  assert.match(through.stderr, /syntax error[\s\S]*\^/);
});

test('psql \\\\copy takes an unprotected table out and in', { skip: lacks('psql') }, async () => {
  const file = join(tempDir('copy'), 'items.csv');
  const run = (command: string) =>
    psql(['-d', gate.dev.ready.pg, '-c', command], { env: { PGPASSWORD: gate.token } });
  const out = await run(`\\copy (select * from items order by id) to '${file}' csv header`);
  assert.equal(out.code, 0, out.stderr);
  assert.equal(readFileSync(file, 'utf8').split('\n').length, 22);
  writeFileSync(file, Array.from({ length: 5_000 }, (_, i) => `${i + 10_000},copied ${i} ü\n`).join(''));
  const into = await run(`\\copy notes from '${file}' csv`);
  assert.equal(into.stdout, 'COPY 5000\n', into.stderr);
  assert.equal(await gate.value('select count(*)::int from notes where id >= 10000'), 5_000);
  const back = await run(`\\copy notes to '${file}.out'`);
  assert.equal(back.stdout, 'COPY 5003\n', back.stderr);
  assert.equal(
    readFileSync(`${file}.out`, 'utf8'),
    (await gate.look('select id, body from notes')).map(row => `${row.id}\t${row.body}\n`).join(''),
  );
  await gate.look('delete from notes where id >= 10000');
});

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: gate.dev.url(gate.token), query_timeout: 15_000 });
  await client.connect();
  closing.push(() => client.end());
  return client;
}

test('node-postgres: text, binds, types, names, several statements, errors', async () => {
  const client = await connected();
  const { rows } = await client.query(
    "select 1::int as i, 2::bigint as b, 1.5::numeric as n, true as t, null as z, '{1,2}'::int[] as a, $1::jsonb as j, $2::bytea as y",
    [{ a: 1 }, Buffer.of(0, 1, 255)],
  );
  assert.deepEqual(rows, [
    { i: 1, b: '2', n: '1.5', t: true, z: null, a: [1, 2], j: { a: 1 }, y: Buffer.of(0, 1, 255) },
  ]);
  for (let i = 1; i <= 3; i += 1) {
    const named = await client.query({
      name: 'by-id',
      text: 'select name from items where id = $1',
      values: [i],
    });
    assert.deepEqual(named.rows, [{ name: `item ${i}` }]);
  }
  const several = (await client.query('select 1 as a; select 2 as b')) as unknown as pg.QueryResult[];
  assert.deepEqual(
    several.map(result => result.rows),
    [[{ a: 1 }], [{ b: 2 }]],
  );
  await assert.rejects(client.query('select 1/0'), { code: '22012' });
  await assert.rejects(client.query('create table x (id int)'), { code: '42501' });
  await client.query('begin');
  assert.equal((await client.query('update items set price = 0 where id = $1', [1])).rowCount, 1);
  await client.query('rollback');
  assert.equal(await gate.value('select price from items where id = 1'), 10);
  const binary = await client.query({
    text: 'select id from items where id < $1 order by id',
    values: [4],
    rowMode: 'array',
  });
  assert.deepEqual(binary.rows, [[1], [2], [3]]);
});

test('node-postgres: rows fetched in portions by a portal', async () => {
  const client = await connected();
  // `rows` limits each Execute; the driver asks again until the portal is at its end.
  const config = { text: 'select g from generate_series(1, 1000) g', rows: 64 } as pg.QueryConfig;
  assert.equal((await client.query(config)).rows.length, 1_000);
  await client.query('begin');
  await client.query('declare c cursor for select g from generate_series(1, 10) g');
  assert.deepEqual((await client.query('fetch 4 from c')).rows.length, 4);
  assert.deepEqual((await client.query('fetch all from c')).rows.length, 6);
  await client.query('commit');
});

test('node-postgres: a pool of connections works at once and is used again', async () => {
  const pool = new pg.Pool({ connectionString: gate.dev.url(gate.token), max: 5 });
  closing.push(() => pool.end());
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      pool.query('select $1::int + id as v from items where id = $2', [i, (i % 20) + 1]),
    ),
  );
  assert.deepEqual(
    answers.map(answer => answer.rows[0].v),
    Array.from({ length: 60 }, (_, i) => i + (i % 20) + 1),
  );
});

test('postgres.js: pipelined queries, transactions, cursors, errors', async () => {
  const sql = postgres(gate.dev.url(gate.token), { max: 3, onnotice: () => {} });
  closing.push(() => sql.end({ timeout: 2 }));
  const many = await Promise.all(Array.from({ length: 60 }, (_, i) => sql`select ${i}::int as v`));
  assert.deepEqual(
    many.map(rows => rows[0]?.v),
    Array.from({ length: 60 }, (_, i) => i),
  );
  const seen: number[] = [];
  await sql`select g from generate_series(1, 100) g`.cursor(30, rows => {
    seen.push(rows.length);
  });
  assert.deepEqual(seen, [30, 30, 30, 10]);
  await assert.rejects(
    sql.begin(async tx => {
      await tx`insert into notes values (7000, 'x')`;
      await tx`select 1/0`;
    }),
    { code: '22012' },
  );
  assert.equal(await gate.value('select count(*)::int from notes where id = 7000'), 0);
  await sql.begin(tx => [tx`insert into notes values (7001, ${'ü'})`, tx`delete from notes where id = 7001`]);
  await assert.rejects(sql`drop table notes`, { code: '42501' });
  await assert.rejects(sql`select * from nowhere`, (error: { code: string }) =>
    ['42P01', '42501'].includes(error.code),
  );
  assert.deepEqual(
    [...(await sql`select body from notes where id in ${sql([1, 2])} order by id`)],
    [{ body: 'one' }, { body: 'two' }],
  );
  assert.deepEqual((await sql`select 1 as a; select 2 as b`.simple()).length, 2);
});

test(
  'pgbench runs clean in its three query modes and its default script',
  { skip: lacks('pgbench') },
  async () => {
    const direct = gate.db.url({ database: 'shop', user: 'agent' });
    const made = await runProgram('pgbench', ['-i', '-q', '-s', '1', direct]);
    assert.equal(made.code, 0, made.stderr);
    const client = await connected();
    const pgbench = async (...args: string[]) => {
      const { code, stdout, stderr } = await runProgram(
        'pgbench',
        ['-n', '-c', '8', '-j', '2', ...args, gate.dev.ready.pg],
        {
          env: { PGPASSWORD: gate.token },
        },
      );
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      assert.match(stdout, /number of failed transactions: 0 /, args.join(' '));
      assert.doesNotMatch(stderr, /ERROR|aborted/, args.join(' '));
    };
    // Tables that appeared behind the proxy's back are unknown, so denied, until its catalog is loaded anew.
    await waitFor(
      async () => (await client.query('select count(*) from pgbench_accounts')).rows.length === 1,
      {
        what: 'the proxy knows the new tables',
        everyMs: 100,
      },
    );
    for (const mode of ['simple', 'extended', 'prepared']) await pgbench('-S', '-M', mode, '-t', '50');
    for (const mode of ['simple', 'extended', 'prepared']) await pgbench('-M', mode, '-t', '10');
    assert.equal(await gate.value('select count(*)::int from pgbench_history'), 240);
    assert.deepEqual(
      await gate.look(
        'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches) as same',
      ),
      [{ same: true }],
    );
  },
);

test('and all of it is in a record that is proven', async () => {
  const { code, stdout, stderr } = await gate.dev.cli('audit', 'verify');
  assert.equal(code, 0, `${stdout}${stderr}`);
});

test('once the last session on a database has ended, nothing of the proxy keeps the server from copying or dropping it', async () => {
  await sameAsDirect('select count(*) from items');
  const copied = async () => {
    await gate.db.query('create database copied template shop');
    return true;
  };
  await waitFor(copied, { what: 'a copy of the database', deadlineMs: 30_000 });
  await gate.db.query('drop database copied');
});
