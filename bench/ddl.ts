import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startDev } from '#test/support/dev.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { tempDir } from '#test/support/temp.ts';

/**
 * `node bench/ddl.ts [RELATIONS…]`: what DDL costs through the proxy in a database of so many relations (600 and 2,100 without), 80 views
 * and 270 functions: CREATE TABLE one by one, and CREATE TABLE, ALTER TABLE and CREATE INDEX in one transaction; each direct, too.
 */
const sizes = process.argv.slice(2).map(Number);
const ROUNDS = 60;

const POLICY = `version: 1
access:
  - { name: everybody, targets: ["*"], roles: ["*"], maxSession: 12h }
protected:
  - { column: public.filled1.secret, mask: redact }
rules:
  - { name: everything, verdict: allow }
  - { name: unknown, verdict: allow, match: { effects: { unknown: true } } }
`;

const server = await startPostgres({ settings: { autovacuum: 'off', shared_buffers: '128MB' } });
for (const size of sizes.length === 0 ? [600, 2_100] : sizes) {
  const name = `ddl${size}`;
  const url = await server.createDatabase(name);
  const direct = new pg.Client(url);
  await direct.connect();
  await direct.query(filling(size));
  await direct.query('analyze');
  const policy = join(tempDir('policy'), 'allow-all.yaml');
  writeFileSync(policy, POLICY);
  const dev = await startDev({ args: ['--policy', policy, '--target', url] });
  const agent = new pg.Client({
    host: '127.0.0.1',
    port: dev.pgPort,
    user: server.superuser,
    database: name,
    password: await dev.token('bench', { ttl: '1h' }),
  });
  await agent.connect();
  for (const [label, client] of [
    ['direct', direct],
    ['proxied', agent],
  ] as const) {
    const one = await timed(ROUNDS, async i => {
      await client.query(`create table ${label}${i} (id int primary key, name text)`);
    });
    await client.query('begin');
    const within = await timed(ROUNDS, async i => {
      if (i % 3 === 0) await client.query(`create table in_${label}${i} (id int primary key, name text)`);
      if (i % 3 === 1) await client.query(`alter table in_${label}${i - 1} add column more int`);
      if (i % 3 === 2) await client.query(`create index on in_${label}${i - 2} (name)`);
    });
    await client.query('commit');
    console.log(`${size} relations, ${label}: CREATE TABLE ${one} ms, DDL in a transaction ${within} ms`);
  }
  await agent.end();
  await direct.end();
  await dev.stop();
}
await server.stop();

/** The median of so many. */
async function timed(rounds: number, work: (i: number) => Promise<void>): Promise<string> {
  const took: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await work(i);
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b)[rounds >> 1]!.toFixed(1);
}

/** Tables with keys, defaults, checks and references; views over some of them; functions in three kinds. */
function filling(relations: number): string {
  const tables = relations - 80;
  return `do $$ begin
    for i in 1..${tables} loop
      execute format('create table filled%s (id int primary key, name text not null default %L, secret text, at timestamptz default now(),
        price numeric check (price >= 0), kind int, more jsonb, parent int %s)', i, 'x', case when i > 1 then format('references filled%s', i - 1) end);
    end loop;
    for i in 1..80 loop
      execute format('create view shown%s as select a.id, a.name, b.price, coalesce(b.kind, 0) as kind from filled%s a join filled%s b on b.parent = a.id
        where a.at > now() - interval ''1 day'' and b.name like ''x%%''', i, i + 1, i + 2);
    end loop;
    for i in 1..90 loop
      execute format('create function f%s(a int, b text) returns int language plpgsql as $f$ begin return (select count(*) from filled%s where id = a and name = b); end $f$', i, i);
      execute format('create function g%s(a int) returns bigint language sql as $f$ select count(*) from filled%s where id = a $f$', i, i);
      execute format('create function h%s(a int) returns bigint language sql return (select count(*) from filled%s where id = a)', i, i);
    end loop; end $$`;
}
