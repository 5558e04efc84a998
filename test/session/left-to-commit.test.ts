import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, heldNotice, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

/** What cannot be told may not pass, nobody may empty notes, and what is taken from the ledger is for people to decide. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: deny, message: Notes are kept. }
  - name: ledger
    match: { effects: { writes: [other.ledger] } }
    verdict: hold
    message: The ledger is shared.
    approvers: [approvers]
    deadline: 5m
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table other.ledger (id integer);
create table other.log (id integer);
create table other.watched (id integer);
create function other.tidy() returns integer language sql as 'select 1';
create function other.same() returns integer language sql as 'select 1';
create function other.checks() returns trigger language plpgsql as 'begin perform other.tidy(); return null; end';
create constraint trigger checks after insert on other.watched deferrable initially deferred
  for each row execute function other.checks();
create table other.keyed (id integer);
create function other.key(i integer) returns integer immutable language plpgsql as 'begin perform other.tidy(); return 1; end';
alter table other.keyed add exclude using btree (other.key(id) with =) deferrable initially deferred;
create function other.says() returns void language sql as $$ select '\\'' ; delete from public.notes; --' $$;
create table other.spoken (id integer);
create function other.speaks() returns trigger language plpgsql as 'begin perform other.says(); return null; end';
create constraint trigger speaks after insert on other.spoken deferrable initially deferred
  for each row execute function other.speaks();
`;
const tidy = (does: string) =>
  `create or replace function other.tidy() returns integer language plpgsql as $$ begin ${does}; return 1; end $$`;
const EVIL = tidy('delete from public.notes');
const run = (sql: string) => Buffer.concat([raw.parse({ sql }), raw.bind(), raw.execute()]);

suite('what a transaction has left to its end', () => {
  let gate: Gate;
  before(async () => {
    gate = await startGate(RULES, { schema: SCHEMA, settings: { max_prepared_transactions: '4' } });
  });
  afterEach(() => gate.clear());

  type Say = (...turn: (string | Buffer)[]) => Promise<string>;
  async function session(): Promise<Say> {
    const client = await gate.agent();
    return async (...turn) => {
      client.send(...turn.map(one => (typeof one === 'string' ? raw.query(one) : one)));
      return answer(await client.untilReady());
    };
  }

  /**
   * Each is an agent's transaction up to what would run what it has left, and that; `change` comes between the two, from another session.
   * Gives what the last of it was answered, and what came of notes, and restores what was changed.
   */
  async function meet(
    before: readonly string[],
    change: readonly string[],
    end: readonly (string | Buffer)[],
  ) {
    const [mine, theirs] = [await session(), await session()];
    for (const sql of before) assert.doesNotMatch(await mine(sql), /E:/, sql);
    for (const sql of change) assert.doesNotMatch(await theirs(sql), /E:/, sql);
    const said = await mine(...end);
    const after = [await mine('select 1'), await mine('rollback')];
    for (const { gid } of await gate.look('select gid from pg_prepared_xacts'))
      await gate.look(`commit prepared '${gid}'`);
    const notes = await gate.value('select count(*)::int from notes');
    await gate.look(
      "insert into notes select g, 'again' from generate_series(1, 3) g on conflict do nothing",
    );
    if (change.some(sql => sql.includes('rename')))
      for (const back of [
        'alter function other.tidy() rename to same',
        'alter function other.was() rename to tidy',
      ])
        assert.doesNotMatch(await theirs(back), /E:/, back);
    assert.doesNotMatch(await theirs(tidy('perform 1')), /E:/);
    return { said, after, notes };
  }

  const insert = 'insert into other.watched values (1)';
  const hold = 'declare c cursor with hold for select other.tidy() from public.items';

  test('is judged again where another session has changed what it calls', async () => {
    const wrong: string[] = [];
    for (const [before, change, end] of [
      [['begin', insert], [EVIL], ['commit']],
      [['begin', insert], [EVIL], ['commit and chain']],
      [['begin', insert], [EVIL], ['set constraints all immediate']],
      [['begin', insert], [EVIL], ["prepare transaction 'p'"]],
      [['begin', insert], [EVIL], ['select 1; commit; select 2']],
      [['begin', insert], [EVIL], [run('commit'), raw.sync()]],
      [
        ['begin', 'insert into other.keyed values (1)', 'insert into other.keyed values (2)'],
        [EVIL],
        ['commit'],
      ],
      [['begin', 'prepare puts as insert into other.watched values (2)', 'execute puts'], [EVIL], ['commit']],
      [['begin', 'commit; begin; insert into other.watched values (1)'], [EVIL], ['commit']],
      [['begin', hold], [EVIL], ['commit']],
      [
        ['begin', hold],
        [
          'alter function other.tidy() rename to was',
          'alter function other.same() rename to tidy',
          EVIL.replace('tidy', 'was'),
        ],
        ['commit'],
      ],
    ] as const) {
      const { said, after, notes } = await meet(before, change, end);
      const all = [said, ...after, `notes ${notes}`].join(' | ');
      if (!/^E:42501.* \| E:25P02.* \| .*Z:I \| notes 3$/.test(all))
        wrong.push(`${before.join('; ')} >> ${end.join()}: ${all}`);
    }
    assert.deepEqual(wrong, []);
  });

  test('is judged again at the end of a pipeline', async () => {
    const flushed = Buffer.concat([run(insert), raw.flush()]);
    for (const [end, expected, between] of [
      [[raw.sync()], 'E:42501 Z:I'],
      [[raw.query('select 2')], 'E:42501 Z:I'],
      [[run('select 2'), raw.sync()], '1 2 D C:SELECT 1 E:42501 Z:I'],
      // Before the change, the answer says that the transaction is open, though nobody has begun it.
      [[raw.sync()], 'E:42501 Z:I', [raw.query('select 2')]],
    ] as const) {
      const client = await gate.agent();
      const theirs = await session();
      client.send(flushed);
      for (let done = false; !done; ) done = (await client.next()).type === 'C';
      if (between !== undefined) {
        client.send(...between);
        // Up to Postgres 16 it ends it.
        if (!answer(await client.untilReady()).endsWith('Z:T')) continue;
      }
      assert.doesNotMatch(await theirs(EVIL), /E:/);
      client.send(...end);
      assert.equal(answer(await client.untilReady()), expected);
      assert.equal(await gate.value('select count(*)::int from notes'), 3);
      client.send(raw.query('select 1'));
      assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
      assert.doesNotMatch(await theirs(tidy('perform 1')), /E:/);
    }
  });

  test('is judged again between the Bind of COMMIT and its Execute', async () => {
    const [mine, theirs] = [await gate.agent(), await session()];
    mine.send(raw.query(`begin; ${insert}`));
    await mine.untilReady();
    mine.send(raw.parse({ sql: 'commit' }), raw.bind(), raw.flush());
    for (let bound = false; !bound; ) bound = (await mine.next()).type === '2';
    assert.doesNotMatch(await theirs(EVIL), /E:/);
    mine.send(raw.execute(), raw.sync());
    assert.match(answer(await mine.untilReady()), /E:\S+ Z:E/);
    mine.send(raw.query('rollback'));
    await mine.untilReady();
    assert.equal(await gate.value('select count(*)::int from notes'), 3);
    assert.doesNotMatch(await theirs(tidy('perform 1')), /E:/);
  });

  test('goes on where what has changed does nothing new, and where nothing runs any more', async () => {
    for (const [before, change, end, expected] of [
      [['begin', insert], [tidy('perform 1 + 1')], 'commit', 'C:COMMIT Z:I'],
      [['begin', insert], ['create table other.fresh (id integer)'], 'commit', 'C:COMMIT Z:I'],
      [
        ['begin', insert],
        ['drop table other.fresh'],
        'set constraints all immediate',
        'C:SET CONSTRAINTS Z:T',
      ],
      [['begin', insert], [EVIL], 'rollback', 'C:ROLLBACK Z:I'],
      [['begin', insert], [EVIL], 'select 1', 'T D C:SELECT 1 Z:T'],
      [['begin', insert, 'savepoint a'], [EVIL], 'rollback to a', 'C:ROLLBACK Z:T'],
      [['begin', 'insert into other.log values (1)'], [EVIL], 'commit', 'C:COMMIT Z:I'],
      [
        ['begin', 'declare c cursor with hold for select id from public.items'],
        [EVIL],
        'commit',
        'C:COMMIT Z:I',
      ],
    ] as const)
      assert.equal((await meet(before, change, [end])).said, expected, `${before.join('; ')} >> ${end}`);
    const [mine, theirs] = [await session(), await session()];
    await mine(`begin; ${insert}`);
    await mine('select 1/0');
    await theirs(EVIL);
    assert.equal(await mine('commit'), 'C:ROLLBACK Z:I');
    await theirs(tidy('perform 1'));
  });

  test('is held where people have to decide on what it does now', async () => {
    const LEDGER = tidy('insert into other.ledger values (1)');
    for (const [n, end] of [
      [1, [raw.query('commit')]],
      [2, [raw.sync()]],
    ] as const) {
      const [mine, theirs] = [await gate.agent(), await session()];
      if (n === 1) {
        mine.send(raw.query(`begin; ${insert}`));
        await mine.untilReady();
      } else {
        mine.send(run(insert), raw.flush());
        for (let done = false; !done; ) done = (await mine.next()).type === 'C';
      }
      assert.doesNotMatch(await theirs(LEDGER), /E:|N:/);
      mine.send(...end);
      const id = await heldNotice(mine);
      const { effects } = await gate.approval(id);
      assert.ok(effects.some(one => one.writes.includes('other.ledger')));
      assert.equal(await gate.value('select count(*)::int from other.ledger'), n - 1);
      assert.equal(await gate.approve(id), '');
      assert.doesNotMatch(answer(await mine.untilReady()), /E:/);
      assert.equal(await gate.value('select count(*)::int from other.ledger'), n);
      await gate.becomes(id, 'executed');
      assert.doesNotMatch(await theirs(tidy('perform 1')), /E:/);
    }
  });

  test('is judged again where bodies are read in another way by then', async () => {
    const says = 'insert into other.spoken values (1)';
    const off = 'set standard_conforming_strings = off';
    for (const turns of [
      ['begin', says, off, 'commit'],
      [`begin; ${says}; ${off}; commit`],
      [`${says}; ${off}`],
      [Buffer.concat([run(says), run(off), raw.sync()])],
      ['begin', says, `${off}; commit`],
    ]) {
      const mine = await session();
      let said = '';
      for (const turn of turns) said = await mine(turn);
      assert.match(said, /E:42501/, `${turns.join(' | ')}: ${said}`);
      assert.equal(await gate.value('select count(*)::int from notes'), 3, turns.join(' | '));
    }
    const mine = await session();
    for (const sql of ['begin', says, 'commit', off, 'begin', insert, 'commit'])
      assert.doesNotMatch(await mine(sql), /E:/, sql);
  });

  test('what runs on calls the function that it was planned with, whatever has its name by then', async () => {
    const swap = [
      'alter function other.tidy() rename to was',
      'alter function other.same() rename to tidy',
      EVIL.replace('tidy', 'was'),
    ];
    const call = 'select other.tidy() from public.items';
    const suspended = [raw.parse({ sql: call }), raw.bind({ portal: 'p' }), raw.execute('p', 1), raw.sync()];
    for (const [before, end] of [
      [[`declare c cursor for ${call}`], ['fetch 2 from c']],
      [[Buffer.concat(suspended)], [raw.execute('p', 1), raw.sync()]],
    ] as const) {
      const [mine, theirs] = [await session(), await session()];
      for (const turn of ['begin', ...before]) assert.doesNotMatch(await mine(turn), /E:/);
      for (const sql of swap) assert.doesNotMatch(await theirs(sql), /E:/);
      assert.match(await mine(...end), /E:/);
      await mine('rollback');
      assert.equal(await gate.value('select count(*)::int from notes'), 3);
      for (const back of [
        'alter function other.tidy() rename to same',
        'alter function other.was() rename to tidy',
      ])
        assert.doesNotMatch(await theirs(back), /E:/, back);
      assert.doesNotMatch(await theirs(tidy('perform 1')), /E:/);
    }
  });
});
