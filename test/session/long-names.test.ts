import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { answer, HEAD, onlyError } from '#test/session/support.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';

/** In LATIN1 these have 40 and 31 bytes, and are two tables; in UTF-8 the first one is cut to the second. */
const SHUT = 'é'.repeat(40);
const OPEN = 'é'.repeat(31);
const ESCAPED = '\\00e9'.repeat(40);
const RULES = `
  - name: open
    match: { effects: { onlyRelations: ["public.${OPEN}"] } }
    verdict: allow
  - name: control
    match: { effects: { commands: [prepare, select, do, ddl, cursor, transaction] } }
    verdict: allow
`;

let db: TestPostgres;
let dev: Dev;
let token: string;
before(async () => {
  db = await startPostgres({ trust: true });
  await db.query(`create database one encoding 'LATIN1' locale 'C' template template0`);
  await db.query(`create table "${SHUT}" (v text); create table "${OPEN}" (v text)`, { database: 'one' });
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(policy, `${HEAD}rules:\n${RULES}`);
  dev = await startDev({ args: ['--policy', policy, '--target', db.url({ database: 'one' })] });
  token = await dev.token('agent-1');
});

async function said(...messages: Buffer[]): Promise<string> {
  const client = await RawClient.connect({ port: dev.pgPort });
  await client.login({ user: 'postgres', database: 'one', password: token });
  client.send(...messages);
  const frames = await client.untilReady();
  client.destroy();
  return frames.some(f => f.type === 'E') ? `${onlyError(frames).C} ${onlyError(frames).M}` : answer(frames);
}

test('in a database that is not in UTF8, a name is never judged as what UTF-8 would cut it to', async () => {
  for (const sql of [
    `insert into "${SHUT}" values ('x')`,
    `insert into ${SHUT} values ('x')`,
    `insert into U&"${ESCAPED}" values ('x')`,
    `insert into u&"${ESCAPED.replaceAll('\\', '!')}" uescape '!' values ('x')`,
    `select '"', E'\\'"', $$"$$; insert into "${SHUT}" values ('x')`,
    `select 1 /* " */; insert into "${SHUT}" values ('x') -- "`,
    `do $$ begin insert into "${SHUT}" values ('x'); end $$`,
    `do 'begin insert into "${SHUT}" values (''x''); end'`,
    `create function f() returns void language sql as 'insert into ${SHUT} values (''x'')'`,
    `prepare "${SHUT}" as select 1`,
    `begin; declare "${SHUT}" cursor for select 1`,
  ]) {
    assert.match(await said(raw.query(sql)), /a long name that is not ASCII/, sql);
    if (!sql.includes(';')) assert.match(await said(raw.parse({ sql }), raw.sync()), /a long name/, sql);
  }
  assert.deepEqual(await db.query(`select count(*)::int as n from "${SHUT}"`, { database: 'one' }), [
    { n: 0 },
  ]);
});

test('other names, and long values, are read as they are', async () => {
  const long = 'ü'.repeat(200);
  assert.equal(await said(raw.query(`insert into "${OPEN}" values ('"${long}"')`)), 'C:INSERT 0 1 Z:I');
  assert.equal(
    await said(raw.query(`insert into ${OPEN} values ($$"${long}"$$) -- ${long}`)),
    'C:INSERT 0 1 Z:I',
  );
  assert.equal(await said(raw.query(`insert into "${OPEN}" values (e'\\'"${long}"')`)), 'C:INSERT 0 1 Z:I');
  assert.equal(
    await said(raw.query('prepare "größe" as select 1; execute "größe"')),
    'C:PREPARE T D C:SELECT 1 Z:I',
  );
});
