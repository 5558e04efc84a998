import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { answer, type Gate, startGate } from './support.ts';

/**
 * Somebody has locked tables whose definitions were never read: a migration that waits for its approval may hold them for half an hour.
 * Who has nothing to do with them works meanwhile; what hangs on them cannot be told, and is refused.
 */
let gate: Gate;
let locker: RawClient;
let client: RawClient;

before(async () => {
  gate = await startGate(`
  - name: reads-and-writes
    match: { effects: { commands: [select, insert, ddl] } }
    verdict: allow
`);
  locker = await gate.direct();
  for (const sql of [
    'create table plain (id int)',
    'create function numbered() returns int language sql volatile as $$ select 7 $$',
    'create table busy (id int default numbered(), note text)',
    'create view shown as select note from busy',
    'begin; lock table busy',
  ]) {
    locker.send(raw.query(sql));
    await locker.untilReady();
  }
  client = await gate.agent();
});

async function asked(sql: string): Promise<string> {
  client.send(raw.query(sql));
  return answer(await client.untilReady());
}

test('a session opens, and what has nothing to do with the locked table runs', async () => {
  assert.match(await asked('insert into plain values (1)'), /C:INSERT 0 1 Z:I$/);
  assert.match(await asked('select id from plain'), /C:SELECT 1 Z:I$/);
});

test('what hangs on a definition that nobody can read is refused at once, and runs when the lock is gone', async () => {
  for (const sql of ['select note from shown', `insert into busy (note) values ('x')`])
    assert.match(await asked(sql), /^E:42501/, sql);
  locker.send(raw.query('rollback'));
  await locker.untilReady();
  await waitFor(async () => /C:SELECT 0 Z:I$/.test(await asked('select note from shown')), {
    what: 'the view is known',
  });
  assert.match(await asked(`insert into busy (note) values ('x')`), /C:INSERT 0 1 Z:I$/);
});
