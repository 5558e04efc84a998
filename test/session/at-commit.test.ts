import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

/** What cannot be told may not pass, and nobody may empty notes. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table parents (id integer primary key, other integer unique deferrable initially deferred);
create table children (id integer references parents deferrable initially deferred);
create function other.tidy() returns integer language sql as 'select 1';
create function other.checks() returns trigger language plpgsql as 'begin perform other.tidy(); return null; end';
create table other.watched (id integer);
create constraint trigger checks after insert on other.watched deferrable initially deferred
  for each row execute function other.checks();
`;

suite('what runs at COMMIT', () => {
  let gate: Gate;
  before(async () => {
    gate = await startGate(RULES, { schema: SCHEMA });
  });
  afterEach(() => gate.clear());

  async function said(...turns: (string | Buffer[])[]): Promise<string[]> {
    const client = await gate.agent();
    const answers: string[] = [];
    for (const turn of turns) {
      client.send(...(typeof turn === 'string' ? [raw.query(turn)] : turn));
      answers.push(answer(await client.untilReady()));
    }
    return answers;
  }
  const run = (sql: string) => Buffer.concat([raw.parse({ sql }), raw.bind(), raw.execute()]);

  test('deferred keys, triggers that name schemas and held cursors go on beside a change of the search_path', async () => {
    const answers = await said(
      'begin',
      'insert into children values (1)',
      'set local search_path = other',
      'insert into public.parents values (1)',
      'insert into watched values (1)',
      'declare c cursor with hold for select id from public.items order by id',
      "select pg_catalog.set_config('search_path', 'public', false)",
      'set constraints all immediate',
      'commit',
      'fetch 2 from c',
      [run('insert into children values (1)'), run('set search_path = other'), raw.sync()],
      'insert into watched values (2); set search_path = public',
    );
    assert.deepEqual(
      answers.filter(one => one.includes('E:')),
      [],
      answers.join('\n'),
    );
    assert.equal(await gate.value('select count(*)::int from other.watched'), 2);
    assert.equal(await gate.value('select count(*)::int from children'), 2);
  });

  test('a prepared command that changes what names mean is judged by what its transaction has done by each Bind', async () => {
    const answers = await said(
      'begin',
      [
        raw.parse({ name: 'd', sql: 'alter function other.tidy() rename to tidied' }),
        raw.bind({ statement: 'd' }),
        raw.sync(),
      ],
      'insert into other.watched values (4)',
      [raw.bind({ statement: 'd' }), raw.execute(), raw.sync()],
      'rollback',
    );
    assert.deepEqual(
      answers.map(one => one.includes('E:42501')),
      [false, false, false, true, false],
      answers.join('\n'),
    );
  });

  test('what EXECUTE leaves to the end of the text is not changed by the rest of it', async () => {
    const evil = `create or replace function other.tidy() returns integer language sql as 'delete from public.notes returning 1'`;
    const answers = await said(
      'prepare puts as insert into other.watched values (3)',
      `execute puts; ${evil}`,
      `begin; execute puts; commit; select 1`,
    );
    assert.deepEqual(
      answers.map(one => one.includes('E:')),
      [false, true, false],
      answers.join('\n'),
    );
    assert.equal(await gate.value('select count(*)::int from notes'), 3);
  });
});
