import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

/** Two tables whose names are the same bytes in UTF-8 and in LATIN1; the one is shut, so that a text read wrongly shows in the database. */
const RULES = `
  - name: shut
    match: { effects: { writes: ["public.é"] } }
    verdict: deny
  - name: held
    match: { principals: { subjects: [holder] }, effects: { functions: [pg_catalog.set_config] } }
    verdict: hold
    approvers: [approvers]
    message: a setting changes
  - name: all
    verdict: allow
`;
const SCHEMA = `
create table "é" (v text); create table "Ã©" (v text);
create function fake.set_config(character, text, boolean) returns text language sql as 'select $1::text';
create procedure called(t text) language plpgsql as 'begin null; end';
`;
const SET = 'select set_config($1, $2, $3)';
const ENCODING = "select set_config('client_encoding', $1, false)";
const SHOW = raw.query('show client_encoding');
const INSERT = raw.query(`insert into "é" values ('x')`);

suite('what hangs on the value of a bind is judged with that value', () => {
  let gate: Gate;
  before(async () => {
    gate = await startGate(RULES, { schema: `create schema fake; ${SCHEMA}` });
  });
  afterEach(async () => {
    await gate.clear();
    assert.equal(await gate.value('select count(*)::int from "é"'), 0, 'the table that is shut was written');
    await gate.look('truncate "Ã©"');
  });

  async function say(client: RawClient, ...messages: Buffer[]): Promise<string> {
    client.send(...messages);
    return answer(await client.untilReady());
  }
  /** Said to the database and through the proxy: the same comes back. */
  async function both(...turns: (Buffer | Buffer[])[]): Promise<string[]> {
    const direct = await gate.direct();
    const via = await gate.agent();
    const said: string[] = [];
    for (const turn of turns) {
      const messages = Array.isArray(turn) ? turn : [turn];
      direct.send(...messages);
      via.send(...messages);
      const expected = await direct.untilReady();
      const found = await via.untilReady();
      const where = messages.map(m => m.toString('latin1')).join(' ');
      assert.equal(raw.outline(found), raw.outline(expected), where);
      for (const [i, frame] of expected.entries())
        if (frame.type === 'D') assert.deepEqual(found[i]!.body, frame.body, where);
      said.push(answer(found));
    }
    return said;
  }
  type Values = (string | Buffer | null)[];
  const bound = (statement: string, values: Values, formats: number[] = []) => [
    raw.bind({ statement, values, formats }),
    raw.execute(),
    raw.sync(),
  ];
  const run = (sql: string, values: Values = [], types: number[] = [], formats: number[] = []) => [
    raw.parse({ sql, types }),
    ...bound('', values, formats),
  ];
  const DONE = '1 2 D C:SELECT 1 Z:I';

  test('an encoding, by any declared type that is a text, as text and as bytes, again with another value', async () => {
    for (const types of [[], [0], [25], [1043], [19], [705]])
      for (const formats of [[], [0], [1]])
        assert.deepEqual(
          await both(
            [raw.parse({ name: 's', sql: ENCODING, types }), raw.describe('statement', 's'), raw.sync()],
            bound('s', ['LATIN1'], formats),
            SHOW,
            raw.query(Buffer.from("select '\xe9' as x", 'latin1')),
            bound('s', ['utf8'], formats),
            raw.query("select 'é' as x"),
          ),
          [
            '1 t T Z:I',
            '2 D C:SELECT 1 Z:I',
            'T D C:SHOW Z:I',
            'T D C:SELECT 1 Z:I',
            '2 D C:SELECT 1 Z:I',
            'T D C:SELECT 1 Z:I',
          ],
        );
  });

  test('a name: of a setting in any letters, of one that is made by it, of none', async () => {
    await both(
      [raw.parse({ name: 's', sql: SET }), raw.describe('statement', 's'), raw.sync()],
      bound('s', ['search_path', 'other', 'f']),
      raw.query('select name from items where id = 1'),
      bound('s', ['Search_Path', 'public', 'f'], [1, 1, 0]),
      raw.query('select name from items where id = 1'),
      bound('s', ['my.own', 'x', 'f']),
      raw.query("select current_setting('my.own')"),
      bound('s', ['CLIENT_Encoding', 'LATIN1', 'f']),
      SHOW,
      bound('s', ['client_encoding', null, 'f']),
      SHOW,
      bound('s', [null, 'x', 'f']),
      bound('s', ['no_such_setting', 'x', 'f']),
      bound('s', ['search_path', null, null]),
      bound('s', ['client_encoding']),
      bound('s', []),
      bound('s', ['my.own', 'x', 'f'], [0, 0]),
      bound('s', ['my.own', 'x', 'f'], [0, 2, 0]),
    );
  });

  test('in casts, with defaults, in other commands that take parameters', async () => {
    await both(
      run('select set_config($1::text, $2::varchar, $3::bool)', ['client_encoding', 'LATIN1', 'f']),
      SHOW,
      run('select set_config($1::name, $2, false)', ['client_encoding', 'UTF8']),
      SHOW,
      run("select set_config('client_encoding', $1, true), $2::int", ['LATIN1', '1']),
      SHOW,
      run("values (set_config('client_encoding', $1, false))", ['LATIN1']),
      run("explain analyze select set_config('client_encoding', $1, false)", ['UTF8'])
        .slice(0, 0)
        .concat(SHOW),
      run('select set_config(name, $1, false) from pg_settings where name = $2', [
        'LATIN9',
        'client_encoding',
      ]),
      SHOW,
      run('select pg_input_is_valid($1, $2), pg_input_is_valid($1, $3)', ['1', 'integer', null]),
    );
  });

  test('inside a transaction it ends with it, also in a pipeline, where nothing is read before it is known', async () => {
    const latin = raw.query(Buffer.from(`insert into "\xc3\xa9" values ('x')`, 'latin1'));
    const pipelined = [
      raw.parse({ sql: Buffer.from(`insert into "\xc3\xa9" values ('x')`, 'latin1') }),
      raw.bind(),
      raw.execute(),
    ];
    const set = [
      raw.parse({ sql: SET }),
      raw.bind({ values: ['client_encoding', 'LATIN1', 't'] }),
      raw.execute(),
    ];
    // `Ã©` in LATIN1, and the one that is shut in UTF-8.
    const said = await both(
      raw.query('begin'),
      [...set, raw.sync()],
      latin,
      raw.query('savepoint a'),
      raw.query('commit'),
      SHOW,
      [...set, ...pipelined, raw.sync()],
      SHOW,
      raw.query('begin'),
      [...set, raw.sync()],
      raw.query('rollback'),
      SHOW,
    );
    assert.equal(said[6], '1 2 D C:SELECT 1 1 2 C:INSERT 0 1 Z:I');
    assert.equal(await gate.value('select count(*)::int from "Ã©"'), 4);
    const client = await gate.agent();
    assert.equal(await say(client, ...set, raw.sync()), DONE);
    // It was local to that: UTF-8 again, in which the table is the one that is shut.
    assert.equal(await say(client, INSERT), 'E:42501 Z:I');
  });

  test('of a statement prepared by SQL, executed by SQL or bound by the protocol', async () => {
    await both(
      raw.query(`prepare p(text) as ${ENCODING}`),
      raw.query("execute p('LATIN1')"),
      SHOW,
      raw.query("execute p('unicode'::text)"),
      raw.query("execute p('UTF8'::varchar)"),
      SHOW,
      bound('p', ['LATIN2']),
      SHOW,
      raw.query('execute p'),
      raw.query("execute p('LATIN1', 'b')"),
      raw.query('execute p(null)'),
      SHOW,
      raw.query(`prepare q as ${SET}`),
      raw.query("execute q('search_path', 'other', false)"),
      raw.query('select name from items where id = 1'),
      raw.query("execute q('search_path', 'public', 'f')"),
      raw.query('select name from items where id = 1'),
      [raw.parse({ name: 'protocol', sql: SET }), raw.sync()],
      raw.query("execute protocol('client_encoding', 'LATIN1', false)"),
      SHOW,
    );
  });

  test('a cursor that is declared with values', async () => {
    const declare = "declare c cursor for select set_config('client_encoding', $1, false)";
    await both(
      raw.query('begin'),
      run(declare, ['LATIN1']),
      raw.query('fetch c'),
      SHOW,
      raw.query('rollback'),
      SHOW,
    );
  });

  test('a call by the fast path', async () => {
    const oid = Number(await gate.value(`select 'pg_catalog.set_config'::regproc::oid::int`));
    await both(raw.functionCall(oid, ['client_encoding', 'LATIN1', 'f']), SHOW);
    const client = await gate.agent();
    assert.equal(await say(client, raw.functionCall(oid, ['client_encoding', 'SJIS', 'f'])), 'E:42501 Z:I');
  });

  test('an encoding that the proxy does not read is refused, and whatever nobody can tell before it runs', async () => {
    const client = await gate.agent();
    const refused = async (sql: string, values: Values, types: number[] = [], formats: number[] = []) => {
      client.send(...run(sql, values, types, formats));
      const error = onlyError(await client.untilReady());
      assert.equal(error.C, '42501', `${sql} ${values}`);
    };
    await refused(ENCODING, ['SJIS']);
    await refused(ENCODING, ['SJIS'], [], [1]);
    await refused(SET, ['client_encoding', 'GBK', 'f']);
    await refused(SET, ['CLIENT_ENCODING', 'GBK', 'f']);
    // A type that makes another text of it.
    await refused(SET, ['client_encoding ', 'LATIN1', 'f'], [1042]);
    await refused(SET, ['client_encodingX', 'LATIN1', 'f'], [18]);
    await refused('select $1::character, set_config($1, $2, false)', ['client_encoding ', 'LATIN1']);
    await refused('select $1::name, set_config($1, $2, false)', [`client_encoding`.padEnd(70), 'LATIN1']);
    await refused('with x as (select $1::bpchar) select set_config($1, $2, false) from x', [
      'client_encoding ',
      'SJIS',
    ]);
    await refused("select set_config($1 || '', 'x', false)", ['search_path']);
    await refused("select set_config(lower($1), 'x', false)", ['search_path']);
    await refused("select set_config($1::varchar(15), 'SJIS', false)", ['client_encodingX']);
    await refused("select set_config(a, 'x', false) from (select $1::text as a) s", ['search_path']);
    assert.equal(await say(client, raw.query('set search_path to fake, public, pg_catalog')), 'C:SET Z:I');
    await refused('select set_config($1, $2, false)', ['client_encoding ', 'SJIS']);
    assert.equal(await say(client, raw.query('reset search_path')), 'C:RESET Z:I');
    await say(client, raw.query(`prepare p as ${SET}`));
    client.send(raw.query("execute p('client_' || 'encoding', 'SJIS', false)"));
    assert.equal(onlyError(await client.untilReady()).C, '42501');
    client.send(
      raw.query('prepare b(bpchar) as select set_config($1, $2, false)'),
      raw.query("execute b('client_encoding ', 'SJIS')"),
    );
    const words = [answer(await client.untilReady()), answer(await client.untilReady())];
    assert.ok(
      words.some(said => said.startsWith('E:42501')),
      words.join(),
    );
    assert.equal(await say(client, SHOW), 'T D C:SHOW Z:I');
    assert.equal(await say(client, INSERT), 'E:42501 Z:I');
  });

  test('prepared and executed in one text', async () => {
    const prepare = `prepare p(text, text) as select set_config($1, $2, false)`;
    await both(
      raw.query(`${prepare}; execute p('client_encoding', 'LATIN1'); show client_encoding`),
      SHOW,
      raw.query("execute p('client_encoding', 'UTF8')"),
      raw.query(
        `deallocate p; ${prepare}; execute p('work_mem', '8MB'); execute p('my.own', 'x'); deallocate p`,
      ),
      raw.query("select current_setting('work_mem'), current_setting('my.own')"),
      raw.query(`${prepare}; select name from items where id = 1; execute p('search_path', 'other')`),
      raw.query('select name from items where id = 1'),
    );
    const client = await gate.agent();
    client.send(raw.query(`${prepare}; execute p('client_encoding', 'SJIS')`));
    assert.equal(onlyError(await client.untilReady()).C, '42501');
  });

  test('what a prepared statement or a cursor sets, the rest of its text is judged behind', async () => {
    const moves = "select set_config('search_path', 'pg_temp', false)";
    const client = await gate.agent();
    await say(client, raw.query('create temp table "e" (v text)'));
    await say(client, raw.query(`prepare p as ${moves}`));
    await say(client, raw.query('prepare q(text, text) as select set_config($1, $2, false)'));
    for (const first of [
      'execute p',
      "execute q('search_path', 'pg_temp')",
      "execute q('role', 'agent')",
      'explain analyze execute p',
      `prepare r as ${moves}; execute r`,
    ]) {
      client.send(raw.query(`${first}; select name from items where id = 1`));
      assert.equal(onlyError(await client.untilReady()).C, '42501', first);
    }
    await say(client, raw.query(`begin; declare c cursor for ${moves}`));
    client.send(raw.query('fetch c; select name from items where id = 1'));
    assert.equal(onlyError(await client.untilReady()).C, '42501', 'fetch');
    await say(client, raw.query('rollback'));
    assert.match(await say(client, raw.query('execute p; deallocate p; show search_path')), /C:SHOW Z:I$/);
  });

  test('the same text is judged by the types that are declared this time', async () => {
    const client = await gate.agent();
    const first = await say(client, ...run(SET, ['my.own', 'x', 'f'], [25]));
    assert.equal(first, DONE);
    client.send(...run(SET, ['client_encoding ', 'SJIS', 'f'], [1042]));
    assert.equal(onlyError(await client.untilReady()).C, '42501');
    assert.equal(await say(client, ...run(SET, ['my.own', 'x', 'f'])), DONE);
    client.send(...run('select $1::bpchar, set_config($1, $2, false)', ['client_encoding ', 'SJIS'], []));
    assert.equal(onlyError(await client.untilReady()).C, '42501');
    assert.equal(
      await say(client, ...run('select $1::bpchar, set_config($1, $2, false)', ['my.own', 'x'], [25])),
      DONE,
    );
  });

  test('a held one is held with its values, and runs with them once', async () => {
    const token = await gate.dev.token('holder');
    const client = await gate.agent({ token });
    client.send(raw.parse({ name: 's', sql: SET }), ...bound('s', ['my.own', 'seen', 'f']));
    const id = await heldNotice(client);
    const { statement } = await gate.approval(id);
    assert.deepEqual(
      statement.parameters.map(p => p.value),
      ['my.own', 'seen', 'f'],
    );
    assert.equal(await gate.approve(id), '');
    // Its first part has come before people were asked.
    assert.equal(`1 ${answer(await client.untilReady())}`, DONE);
    client.send(...bound('s', ['client_encoding', 'SJIS', 'f']));
    assert.equal(onlyError(await client.untilReady()).C, '42501');
    client.send(...bound('s', ['my.own', 'other', 'f']));
    const second = await heldNotice(client);
    assert.notEqual(second, id);
    assert.equal(await gate.deny(second, 'no'), '');
    assert.equal(onlyError(await client.untilReady()).C, '42501');
    assert.equal(await say(client, raw.query("select current_setting('my.own')")), 'T D C:SELECT 1 Z:I');
  });
});
