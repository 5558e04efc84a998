import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startPair } from '#test/differential/pair.ts';
import { lacks } from '#test/support/psql.ts';
import { type Both, both, SCRIPTS } from './both.ts';
import { EVERY_KIND } from './kinds.ts';

const skip = lacks('psql');
let ways: Both;
before(async () => {
  if (skip === false) ways = both(await startPair({ schema: EVERY_KIND }));
});

const psql = (script: string, args = '') => `psql -X -a ${args} -f ${join(SCRIPTS, script)}`;

test('psql describes everything as without the proxy', { skip }, async () => {
  const said = await ways.run(psql('describe.sql', '-E'));
  assert.match(said, /stamps BEFORE INSERT/);
});

test('psql at work: results, cursors, savepoints, errors, settings', { skip }, async () => {
  const said = await ways.run(psql('work.sql'), { without: said => said.replaceAll(/with PID \d+/g, '') });
  assert.match(said, /LINE 1: selec 1;\n {8}\^/);
});

test('psql copies in and out, text, csv and binary, by \\copy and by COPY', { skip }, async () => {
  await ways.run(psql('copy.sql'));
  for (const file of ['items.txt', 'items.csv', 'items.bin', 'items.copy']) {
    const [direct, proxied] = ways.folders.map(folder => readFileSync(join(folder, file)));
    assert.ok(direct!.length > 200 && direct!.equals(proxied!), file);
  }
});

test('psql keeps large objects', { skip }, async () => {
  assert.match(await ways.run(psql('objects.sql')), /\nthe same\n/);
});

test('a script in one transaction leaves nothing when a line of it fails', { skip }, async () => {
  await ways.run(psql('single.sql', '-1 -v ON_ERROR_STOP=1'), { code: 3 });
  assert.match(
    await ways.run('psql -X -A -t -c "select count(*) from notes where id between 11 and 13"'),
    /^0$/m,
  );
  await ways.run(`${psql('single.sql', '-1')} | head -100`);
});

test("what psql's tab key asks the catalog for", { skip: skip || lacks('python3') }, async () => {
  const lines = [
    'select * from it',
    'select * from kinds.',
    'table kinds.p',
    'insert into items (',
    'update kinds.parents set ',
    'delete from no',
    'alter table items drop column ',
    'alter table kinds.parents alter constraint ',
    'alter table kinds.children drop constraint ',
    'drop index kinds.',
    'drop trigger ',
    'drop trigger stamps on ',
    'drop function kinds.tw',
    'drop function kinds.twice(',
    'drop policy ',
    'call kinds.',
    'comment on column items.',
    'create index on kinds.parents (',
    'grant select on ',
    'grant select on items to ',
    'alter role ',
    'set timez',
    'set datestyle to ',
    'set search_path to ',
    'show work',
    'alter type kinds.mood rename value ',
    'alter domain kinds.',
    'analyze kinds.',
    'refresh materialized view ',
    'copy it',
    'drop server ',
    'alter publication ',
    'drop collation kinds.',
    'alter database ',
    'reindex schema ki',
    '\\d kinds.pa',
    '\\df kinds.',
    '\\dT kinds.',
    '\\sv kinds.',
    '\\du ',
    '\\c ',
  ];
  const program = join(import.meta.dirname, 'tabs.py');
  const asked = lines.map(line => `'${line}'`).join(' ');
  const said = await ways.run(`exec python3 ${program} ${asked}`);
  assert.match(said, /parents_note/);
  assert.match(said, /kinds_reader/);
});
