import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, HEAD, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

const PROTECTED = `protected:
  - { column: public.people.ssn, mask: redact }
`;
/** What cannot be told may not pass; who reads notes is refused, by whatever way. */
const RULES = `
  - { name: notes, match: { effects: { reads: [public.notes] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table people (id integer primary key, ssn text);
insert into people select g, 'SECRET-' || g from generate_series(1, 9) g;
create table visits (id integer);
create function opens() returns refcursor language plpgsql as $$
  declare c refcursor; begin open c for select id, upper(name) from items order by id; return c; end $$;
create function opens_named(c refcursor) returns refcursor language plpgsql as $$
  begin open c for select price from items order by id; return c; end $$;
create function opens_bound(lowest integer) returns refcursor language plpgsql as $$
  declare c cursor (n integer) for select id from items where id > n order by id; begin open c(lowest); return c; end $$;
create function opens_two(out a refcursor, out b refcursor) language plpgsql as $$
  begin open a for select 1; open b scroll for select id from items order by id; end $$;
create function opens_some(first boolean) returns refcursor language plpgsql as $$
  declare c refcursor := 'some'; begin
    if first then open c for select id from items order by id; else open c for select id from other.items order by id; end if;
    return c;
  exception when others then return null; end $$;
create function writes_and_opens() returns refcursor language plpgsql as $$
  declare c refcursor; begin insert into visits values (1); open c for select count(*) from visits; return c; end $$;
create function opens_notes() returns refcursor language plpgsql as $$
  declare c refcursor := 'hidden'; begin open c for select body from notes; return c; end $$;
create function opens_people() returns refcursor language plpgsql as $$
  declare c refcursor := 'hidden'; begin open c for select upper(ssn) from people; return c; end $$;
create function opens_string(q text) returns refcursor language plpgsql as $$
  declare c refcursor := 'hidden'; begin open c for execute q; return c; end $$;
create function declares() returns integer language sql as 'declare held cursor with hold for select 1; select 1';
create procedure proceeds(inout c refcursor) language plpgsql as $$
  begin open c for select id from items order by id; end $$;
create function visited() returns trigger language plpgsql as $$
  declare c refcursor := 'seen'; begin open c for select upper(ssn), ssn from people; return new; end $$;
create trigger visited before insert on visits for each row execute function visited();
`;

suite('what a function opens is fetched as what its body says', () => {
  let gate: Gate;
  before(async () => {
    gate = await startGate(RULES, { head: HEAD + PROTECTED, schema: SCHEMA });
    await gate.look('alter table visits disable trigger visited');
  });
  afterEach(() => gate.clear());

  async function ask(client: RawClient, ...messages: Buffer[]): Promise<raw.Frame[]> {
    client.send(...messages);
    return client.untilReady();
  }
  const text = (...texts: string[]) => texts.map(sql => [raw.query(sql)]);
  const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute(), raw.sync()];
  /** Said to the database and through the proxy: the same comes back. */
  async function both(...turns: Buffer[][]): Promise<void> {
    const [direct, via] = [await gate.direct(), await gate.agent()];
    for (const turn of turns) {
      const [expected, found] = [await ask(direct, ...turn), await ask(via, ...turn)];
      const where = turn.map(m => m.toString('latin1')).join(' ');
      assert.equal(raw.outline(found), raw.outline(expected), where);
      assert.deepEqual(raw.rows(found), raw.rows(expected), where);
    }
    direct.destroy();
    via.destroy();
  }
  /** The turns through the proxy, and what comes of the last one. */
  async function comes(...turns: Buffer[][]): Promise<raw.Frame[]> {
    const client = await gate.agent();
    let last: raw.Frame[] = [];
    for (const turn of turns) last = await ask(client, ...turn);
    client.destroy();
    return last;
  }

  test('by the name that the server gives it, by one of its own, and by one that the caller gives', async () => {
    await both(
      ...text(
        'begin',
        'select opens()',
        'fetch 2 from "<unnamed portal 1>"',
        'fetch all from "<unnamed portal 1>"',
        'rollback',
      ),
    );
    await both(
      ...text(
        'begin',
        "select opens_named('mine')",
        'fetch 2 from mine',
        'move 3 from mine',
        'fetch 1 from mine',
        'close mine',
        'commit',
      ),
    );
    await both(
      ...text(
        'begin',
        'select opens_bound(17)',
        'fetch all in "<unnamed portal 1>"',
        'commit',
        'fetch all in "<unnamed portal 1>"',
      ).slice(0, -1),
    );
    await both(
      ...text(
        'begin',
        'select * from opens_two()',
        'fetch 3 from "<unnamed portal 2>"',
        'fetch backward 1 from "<unnamed portal 2>"',
        'fetch "<unnamed portal 1>"',
        'end',
      ),
    );
    await both(
      ...text(
        'begin',
        'select opens_some(true)',
        'fetch 1 from some',
        'close some',
        'select opens_some(false)',
        'fetch 1 from some',
        'end',
      ),
    );
    await both(...text('begin', "call proceeds('p')", 'fetch 2 from p', 'end'));
    await both(
      ...text(
        'begin',
        "do $$ declare c refcursor := 'd'; begin open c for select id from items order by id; end $$",
        'fetch 2 from d',
        'end',
      ),
    );
  });

  test('as drivers do it, and in one text', async () => {
    await both(
      ...text('begin'),
      run('select opens()'),
      run('fetch all in "<unnamed portal 1>"'),
      run('close "<unnamed portal 1>"'),
      ...text('commit'),
    );
    await both(
      ...text('begin'),
      [...run("select opens_named('mine')").slice(0, -1), ...run('fetch 2 in mine')],
      ...text('commit'),
    );
    await both(
      ...text('begin'),
      run("select opens_named('mine')"),
      [raw.describe('portal', 'mine'), raw.execute('mine', 2), raw.execute('mine'), raw.sync()],
      ...text('commit'),
    );
    await both(...text("begin; select opens_named('mine'); fetch 3 from mine; commit"));
    await both(
      ...text(
        'begin',
        'select writes_and_opens()',
        'fetch "<unnamed portal 1>"',
        'savepoint s',
        'fetch "<unnamed portal 1>"',
        'rollback to s',
        'fetch 1 from "<unnamed portal 1>"',
        'rollback',
      ),
    );
    await both(
      ...text(
        'begin',
        'prepare p as select opens()',
        'execute p',
        'fetch 1 from "<unnamed portal 1>"',
        'rollback',
        'deallocate p',
      ),
    );
  });

  test('its effects are those of what opened it', async () => {
    const opened = await comes(
      ...text('begin', 'select opens_notes()', 'rollback', 'begin', 'select opens()', 'fetch 1 from hidden'),
    );
    assert.equal(answer(opened), 'E:34000 Z:E');
    assert.match(answer(await comes(...text('begin', 'select opens_notes()'))), /E:42501/);
  });

  test('a cursor that nobody has read, or none that is known, stays unknown', async () => {
    for (const turns of [
      ['fetch 1 from "<unnamed portal 1>"'],
      ['select opens()', 'commit', 'begin', 'fetch 1 from "<unnamed portal 1>"'],
      ['select declares()', 'select opens()', 'fetch 1 from held'],
      ['select declares()', 'commit', 'begin', 'select opens()', 'fetch 1 from held'],
      ["select opens_string('select 1')", 'rollback', 'begin', 'fetch 1 from hidden'],
    ])
      assert.match(answer(await comes(...text('begin', ...turns))), /E:(34000|42501) Z:E/, turns.join('; '));
  });

  test('nothing protected comes out of it, whatever its name stood for before', async () => {
    for (const turns of [
      ['select opens_people()', 'rollback', 'begin', 'fetch all from hidden'],
      [
        'declare hidden cursor for select 1',
        'commit',
        'begin',
        'select opens_people()',
        'fetch all from hidden',
      ],
      ["select opens_named('hidden')", 'close hidden', 'select opens_people()', 'fetch all from hidden'],
    ])
      for (const protocol of [text, (...all: string[]) => all.map(run)]) {
        const seen = await comes(...text('begin'), ...protocol(...turns));
        assert.equal(
          Buffer.concat(seen.map(frame => frame.body)).includes('SECRET'),
          false,
          turns.join('; '),
        );
      }
  });

  test('a write whose trigger opens a cursor over protected values is refused', async () => {
    const owner = await gate.agent();
    await ask(owner, raw.query('alter table visits enable trigger visited'));
    assert.match(answer(await comes(...text('begin', 'insert into visits values (2)'))), /E:42501 Z:E/);
    await ask(owner, raw.query('alter table visits disable trigger visited'));
  });

  test('it goes on when somebody else has changed the catalog meanwhile', async () => {
    const client = await gate.agent();
    const other = await gate.agent();
    for (const sql of ['begin', "select opens_named('mine')", 'fetch 1 from mine'])
      await ask(client, raw.query(sql));
    await ask(other, raw.query('create table beside (a integer)'));
    await ask(other, raw.query('select * from beside'));
    assert.equal(answer(await ask(client, raw.query('fetch 1 from mine'))), 'T D C:FETCH 1 Z:T');
    await ask(
      other,
      raw.query(`create or replace function opens_named(c refcursor) returns refcursor language plpgsql as $$
      begin open c for select body from notes; return c; end $$`),
    );
    await ask(other, raw.query('select * from beside'));
    assert.equal(
      answer(await ask(client, raw.query('fetch 1 from mine'))),
      'E:34000 Z:E',
      'it cannot be told any more',
    );
  });
});
