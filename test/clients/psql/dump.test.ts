import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type Pair, startPair } from '#test/differential/pair.ts';
import { lacksServer } from '#test/support/postgres.ts';
import { lacks } from '#test/support/psql.ts';
import { type Both, both } from './both.ts';
import { EVERY_KIND } from './kinds.ts';

// pg_dump refuses servers that are newer than itself, and Debian's is 15.
const skip = lacks('psql') || lacksServer('15');
let pair: Pair;
let ways: Both;
before(async () => {
  if (skip !== false) return;
  pair = await startPair({ schema: EVERY_KIND, major: '15' });
  ways = both(pair);
});

/** Newer dumps are fenced by a random key, and some tell when they were made. */
const steady = (dump: string) =>
  dump.replaceAll(/^(\\(un)?restrict ).*$/gm, '$1').replaceAll(/^; *Archive created at .*$/gm, '');

/** The same bytes from both ways; gives them. */
function sameFile(name: string): string {
  const [direct, proxied] = ways.folders.map(folder => steady(readFileSync(join(folder, name), 'latin1')));
  assert.equal(proxied, direct, name);
  return direct!;
}

test('pg_dump writes the same text, of all kinds of objects', { skip }, async () => {
  await ways.run(
    'pg_dump > plain.sql && pg_dump --inserts --rows-per-insert 7 --column-inserts -t items > inserts.sql && pg_dump -s -n kinds > schema.sql',
  );
  const plain = sameFile('plain.sql');
  for (const kind of [
    'PUBLICATION',
    'POLICY',
    'EVENT TRIGGER',
    'MATERIALIZED VIEW',
    'TEXT SEARCH',
    'lo_create',
    'USER MAPPING',
  ])
    assert.ok(plain.includes(kind), kind);
  sameFile('inserts.sql');
  sameFile('schema.sql');
});

test(
  'pg_dump in its archive formats, with two workers too, restores to the same text',
  { skip },
  async () => {
    await ways.run('pg_dump -Fc -f shop.dump && pg_dump -Fd -j2 -f shop.dir && pg_dump -Ft -f shop.tar');
    const [direct, proxied] = ways.folders.map(folder => readdirSync(join(folder, 'shop.dir')).sort());
    assert.deepEqual(proxied, direct);
    for (const archive of ['shop.dump', 'shop.dir', 'shop.tar']) {
      await ways.run(`pg_restore -f ${archive}.sql ${archive}`);
      sameFile(`${archive}.sql`);
    }
  },
);

test('pg_restore makes the database anew, in one transaction and with two workers', { skip }, async () => {
  for (const how of ['-1 shop.dump', '-j2 shop.dir']) {
    await ways.run(`pg_restore --clean --if-exists -d shop ${how} && pg_dump > again.sql`);
    // A dump goes by names, not by when a thing was made.
    const again = sameFile('again.sql');
    assert.equal(again.length, sameFile('plain.sql').length, how);
  }
});

test('the programs around it do what they do directly', { skip }, async () => {
  await ways.run('vacuumdb -z -e -t items -d shop');
  await ways.run('vacuumdb --analyze-in-stages -j2 -d shop');
  // In which order the server takes a table's indexes, and so tells of them, is its own affair.
  await ways.run('reindexdb -v -t kinds.parents -d shop 2>&1 | grep -v CPU | LC_ALL=C sort');
  await ways.run('reindexdb -j2 -S public -d shop');
  await ways.run('clusterdb -v -t items -d shop', { code: 1 });
  await ways.run(
    'createdb --maintenance-db=shop -e -T template0 made && dropdb --maintenance-db=shop -e made',
  );
});
