import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { READ_BY_TABLE, textReader } from '#proxy/wire/encodings.ts';
import { answer, type Gate, HEAD, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

/**
 * Two tables whose names are the same bytes: C3 A9 is `é` in UTF-8 and `Ã©` in LATIN1. The one may be written and the other not, so that
 * a text which the server reads in another encoding than the proxy shows in the database.
 */
const RULES = `
  - name: shut
    match: { effects: { writes: ["public.é"] } }
    verdict: deny
  - name: open
    match: { effects: { commands: [insert], onlyRelations: ["public.Ã©"] } }
    verdict: allow
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: settings
    match: { effects: { commands: [set, transaction, prepare, cursor, select] } }
    verdict: allow
`;
const SCHEMA = `
create table "é" (v text); create table "Ã©" (v text);
create table people (id integer primary key, name text, mail text, code text);
insert into people values (1, 'Zoë Küppers-Möller', 'zoë@example.com', 'geheim-ß'), (2, 'Anna Kuppers-Moller', 'anna@example.com', 'secret');
`;
const PROTECTED = `protected:
  - { column: public.people.name, mask: partial }
  - { column: public.people.mail, mask: email }
  - { column: public.people.code, mask: hash }
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES, { schema: SCHEMA, head: `${HEAD}${PROTECTED}` });
});
afterEach(async () => {
  await gate.clear();
  assert.equal(await shut(), 0, 'the table that is shut was written');
  await gate.look('truncate "Ã©"');
});

const latin = (text: string) => Buffer.from(text, 'latin1');
const SAME_BYTES = Buffer.from(`insert into "é" values ('x')`);
const TRULY_SHUT = latin(`insert into "é" values ('x')`);
const run = (sql: string | Buffer) => [raw.parse({ sql }), raw.bind(), raw.execute()];
const LATIN1 = 'set client_encoding to latin1';

async function say(client: RawClient, ...messages: Buffer[]): Promise<string> {
  client.send(...messages);
  return answer(await client.untilReady());
}
async function written(): Promise<unknown> {
  return gate.value('select count(*)::int from "Ã©"');
}

const shut = () => gate.value('select count(*)::int from "é"');

test("the tables are the server's own, byte by byte", async () => {
  const bytes = await gate.db.query<{ e: string; b: number; t: string | null }>(`
    create function pg_temp.there(b integer, e text) returns text language plpgsql as
      $$ begin return convert_from(set_byte('\\x00', 0, b), e); exception when others then return null; end $$;
    select e, b, pg_temp.there(b, e) t from generate_series(1, 255) b, unnest('{${READ_BY_TABLE.join()}}'::text[]) e`);
  assert.equal(bytes.length, 255 * READ_BY_TABLE.length);
  // A byte without a character there may have one here: such a text is refused by the server.
  for (const { e, b, t } of bytes)
    if (t !== null) assert.equal(textReader(e, 'UTF8')(Buffer.of(b), 0, 1, 'byte'), t, `${e} ${b}`);
});

test('a session begins in the encoding that it asks for, by any of its names, and its texts and values pass', async () => {
  for (const [asked, name] of [
    ['LATIN1', 'LATIN1'],
    ['iso-8859-15', 'LATIN9'],
    ['windows1252', 'WIN1252'],
    ['SQL_ASCII', 'SQL_ASCII'],
    ['EUC_JP', 'EUC_JP'],
  ] as const) {
    const client = await gate.agent({ parameters: { client_encoding: asked } });
    assert.equal(client.parameters.client_encoding, name);
    client.send(raw.query("select current_setting('client_encoding')"));
    assert.deepEqual(raw.rows(await client.untilReady()), [[name]]);
  }
  const client = await gate.agent({ parameters: { client_encoding: 'LATIN1' } });
  client.send(raw.query(latin("select 'é', octet_length('é')")));
  const frames = await client.untilReady();
  const row = frames.find(f => f.type === 'D');
  assert.ok(row?.body.includes(latin('é')) && !row.body.includes(Buffer.from('é')), 'not in LATIN1');
  assert.deepEqual(raw.rows(frames)[0]?.[1], '2');
  client.send(
    raw.parse({ sql: 'select octet_length($1::text), $1::text' }),
    raw.bind({ values: [latin('ÿé')] }),
    raw.execute(),
    raw.sync(),
  );
  assert.deepEqual(raw.rows(await client.untilReady())[0]?.[0], '4');
});

test('encodings in which ASCII bytes may be parts of other characters are refused, and the session lives on', async () => {
  for (const name of [
    'SJIS',
    'BIG5',
    'GBK',
    'UHC',
    'GB18030',
    'JOHAB',
    'SHIFT_JIS_2004',
    'mskanji',
    'win936',
  ]) {
    const client = await gate.agent();
    assert.equal(await say(client, raw.query(`set client_encoding to '${name}'`)), 'E:42501 Z:I');
    assert.equal(
      await say(client, raw.query(`select set_config('client_encoding', '${name}', false)`)),
      'E:42501 Z:I',
    );
    await assert.rejects(gate.agent({ parameters: { client_encoding: name } }), /not supported/);
  }
});

test('a text that is not ASCII is refused where its encoding is not known here, and only it', async () => {
  const client = await gate.agent({ parameters: { client_encoding: 'EUC_JP' } });
  const text = Buffer.concat([Buffer.from("select '"), Buffer.of(0xb0, 0xa1), Buffer.from("'")]);
  assert.equal(await say(client, raw.query(text)), 'E:0A000 Z:I');
  assert.equal(await say(client, ...run(text), raw.sync()), 'E:0A000 Z:I');
  assert.equal(await say(client, raw.query('select 1')), 'T D C:SELECT 1 Z:I');
  // A value is no text: its bytes pass, and come back.
  client.send(raw.parse({ sql: 'select $1::text' }), raw.bind({ values: [Buffer.of(0xb0, 0xa1)] }));
  client.send(raw.execute(), raw.sync());
  const frames = await client.untilReady();
  assert.equal(answer(frames), '1 2 D C:SELECT 1 Z:I');
  assert.ok(frames.find(f => f.type === 'D')?.body.includes(Buffer.of(0xb0, 0xa1)));
});

test('a text is read as the server reads it, whenever and however the encoding was changed', async () => {
  const turns: Record<string, [string | Buffer | Buffer[], number][]> = {
    'by SET': [
      [SAME_BYTES, 0],
      [LATIN1, 0],
      [SAME_BYTES, 1],
      [TRULY_SHUT, 1],
      ['reset client_encoding', 1],
      [SAME_BYTES, 1],
    ],
    'by set_config': [
      ["select set_config('client_encoding', 'latin1', false)", 0],
      [SAME_BYTES, 1],
      ['discard all', 1],
      [SAME_BYTES, 1],
    ],
    'for a transaction, rolled back': [
      ['begin', 0],
      ["set local client_encoding to 'latin1'", 0],
      [SAME_BYTES, 1],
      ['rollback', 0],
      [SAME_BYTES, 0],
    ],
    'for a transaction that fails': [
      ['begin', 0],
      [LATIN1, 0],
      ['select 1/0', 0],
      [SAME_BYTES, 0],
      ['rollback', 0],
      [SAME_BYTES, 0],
    ],
    'to a savepoint': [
      ['begin', 0],
      ['savepoint s', 0],
      [LATIN1, 0],
      ['rollback to s', 0],
      [SAME_BYTES, 0],
      ['rollback', 0],
    ],
    // The server reads the whole of a Query when it comes in.
    'in one text': [
      [Buffer.concat([Buffer.from(`${LATIN1}; `), SAME_BYTES]), 0],
      [LATIN1, 0],
      // What stands behind a SET in one text is refused altogether.
      [Buffer.concat([Buffer.from(`set client_encoding to 'UTF8'; `), SAME_BYTES]), 0],
      [SAME_BYTES, 1],
    ],
    'in one pipeline': [
      [[...run(LATIN1), ...run(SAME_BYTES), raw.sync()], 1],
      [[...run(LATIN1), ...run(TRULY_SHUT), raw.sync()], 1],
      [[...run("set client_encoding to 'UTF8'"), ...run(SAME_BYTES), raw.sync()], 1],
    ],
    'in one pipeline, and back by its end': [
      [[...run('begin'), ...run(LATIN1), ...run('rollback'), ...run(SAME_BYTES), raw.sync()], 0],
      [[...run(LATIN1), ...run('select 1/0'), ...run(SAME_BYTES), raw.sync()], 0],
      [SAME_BYTES, 0],
    ],
    'between Parse and Bind': [
      [[raw.parse({ name: 's', sql: SAME_BYTES }), raw.sync()], 0],
      [LATIN1, 0],
      [[raw.parse({ name: 's', sql: SAME_BYTES }), raw.sync()], 0],
      ["set client_encoding to 'UTF8'", 0],
      [[raw.bind({ statement: 's' }), raw.execute(), raw.sync()], 1],
    ],
    'by a prepared statement': [
      ["prepare p as select set_config('client_encoding', 'latin1', false)", 0],
      [[...run('execute p'), ...run(SAME_BYTES), raw.sync()], 1],
    ],
    'by a cursor': [
      ['begin', 0],
      ["declare c cursor for select set_config('client_encoding', 'latin1', false)", 0],
      [[...run('fetch c'), ...run(SAME_BYTES), raw.sync()], 1],
      ['rollback', 0],
      [SAME_BYTES, 0],
    ],
  };
  for (const [how, said] of Object.entries(turns)) {
    const client = await gate.agent();
    for (const [turn, rows] of said) {
      const messages = Array.isArray(turn) ? turn : [raw.query(turn)];
      const answered = await say(client, ...messages);
      if (!/Z:[TE]$/.test(answered)) assert.equal(await shut(), 0, `${how}: ${String(turn)} → ${answered}`);
      const open = client.parameters.client_encoding;
      // Of what is not committed the database says nothing: then the answer has to do.
      if (!/Z:[TE]$/.test(answered))
        assert.equal(await written(), rows, `${how}: ${String(turn)} → ${answered}, in ${open}`);
    }
    await gate.look('truncate "Ã©"');
    client.destroy();
  }
});

test('what others begin with keeps its encoding: roles, databases, functions, blocks', async () => {
  const client = await gate.agent();
  for (const sql of [
    'alter role current_user set client_encoding = latin1',
    'alter database shop set client_encoding = latin1',
    "create function f() returns int language sql set client_encoding = latin1 as 'select 1'",
    "do $$ begin set client_encoding = 'latin1'; end $$",
    "do $$ begin perform set_config('client_encoding', 'latin1', false); end $$",
  ])
    assert.equal(await say(client, raw.query(sql)), 'E:42501 Z:I', sql);
});

test('no mask tells more of a value in another encoding, and what it writes is valid there', async () => {
  const plain = await gate.agent();
  const TELL = 'select name, mail, code from people order by id';
  plain.send(raw.query(TELL));
  const [, anna] = raw.rows(await plain.untilReady());
  assert.deepEqual([anna?.[0], anna?.[1]], ['***ller', 'a***@***.com']);
  for (const how of ['start-up', 'set', 'open portal'] as const) {
    const client = await gate.agent(how === 'start-up' ? { parameters: { client_encoding: 'LATIN1' } } : {});
    if (how === 'set') await say(client, raw.query(LATIN1));
    if (how === 'open portal') {
      client.send(raw.query('begin'));
      await client.untilReady();
      client.send(raw.parse({ sql: TELL }), raw.bind({ portal: 'p' }), raw.describe('portal', 'p'));
      client.send(raw.parse({ name: 'l', sql: LATIN1 }), raw.bind({ portal: 'l', statement: 'l' }));
      client.send(raw.execute('l'), raw.execute('p'), raw.sync());
    } else client.send(raw.query(TELL));
    const frames = await client.untilReady();
    const all = Buffer.concat(frames.map(f => f.body));
    for (const part of ['zo', 'geheim', '\xeb', '\xdf'])
      assert.ok(!all.includes(latin(part)), `${how}: ${part}`);
    assert.deepEqual(raw.rows(frames), [['***', '***', '***'], anna], `${how}: ${answer(frames)}`);
    client.destroy();
  }
  // In the middle of a result, too, it could be changed only by what may not stand beside protected values.
  const midway =
    "select name from (select name, set_config('client_encoding', 'latin1', false) from people offset 0) p";
  assert.equal(await say(plain, raw.query(midway)), 'E:42501 Z:I');
});

test("errors of the proxy's own are ASCII in another encoding", async () => {
  const client = await gate.agent({ parameters: { client_encoding: 'LATIN1' } });
  client.send(raw.query(latin('select é é é')));
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42601 Z:I');
  for (const byte of Buffer.concat(frames.map(f => f.body))) assert.ok(byte < 0x80);
});
