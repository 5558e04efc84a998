import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { type HeldGate, startHeldGate } from '#test/session/held-ledger.ts';
import { answer, type Gate, HEAD, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const SAMPLE = readFileSync(join(import.meta.dirname, '../../cli/sample/policy.yaml'), 'utf8');
const [SAMPLE_HEAD = '', SAMPLE_RULES = ''] = SAMPLE.split(/^rules:\n/m);
const SCHEMA = `
create table customers (id integer primary key, name text, email text, card_number text, ssn text, phone text);
create table employees (id integer primary key, name text, ssn text, salary integer);
create function one(i integer) returns integer language sql as 'select i';
create function notes_it() returns integer language sql as $$ insert into notes values (100, 'it ran'); select 1 $$;
`;
const LONG = 'n'.repeat(70);

/** What Postgres looks up when it parses: by either protocol the error comes before anybody would be asked. */
const PARSED = [
  'select * from nosuch;',
  'select * from nosuch where id = 1 limit 5',
  'select * from public.nosuch',
  'select * from nosuch.items',
  'select * from elsewhere.public.items',
  'select * from "NoSuch"',
  'select * from "no""such" -- and a comment',
  `select * from ${LONG}`,
  `select ${LONG}.${LONG} from items`,
  "select 'ÄÖÜ🙂', nosuch from items",
  'table nosuch',
  'select nosuch from items',
  'select items.nosuch from items',
  'select i.name from items',
  'select pricee from items where id = 1',
  'select * from items order by nosuch',
  'select * from items group by nosuch',
  'select * from items join nosuch using (id)',
  'with w as (select * from nosuch) select * from w',
  'select (select max(a) from nosuch)',
  'select * from items where id in (select id from nosuch)',
  'select * from items for update of nosuch',
  'select nosuch(1)',
  'select nosuch(id) from items',
  'select * from nosuch(1)',
  'select one(1, 2)',
  'select one(true)',
  'select items.nosuch(1)',
  "select 'a'::nosuch",
  'select 1::nosuch',
  'select cast(null as items.nosuch)',
  'select row(1)::nosuch',
  'select 1 === 2',
  "select 'a' collate nosuch",
  "select * from items where price = 'abc'",
  "select * from items where note = '$1'",
  'insert into nosuch values (1)',
  'insert into items (nosuch) values (1)',
  'insert into notes select * from nosuch',
  'update nosuch set a = 1',
  'update items set nosuch = 1',
  'delete from nosuch',
  'delete from items where nosuch = 1',
  'delete from items using nosuch where items.id = nosuch.id',
  'merge into nosuch using items on true when matched then delete',
  'explain select * from nosuch',
  'explain analyze delete from nosuch',
  'declare c cursor for select * from nosuch',
  'create table made as select * from nosuch',
  'select * into made from nosuch',
  'call nosuch()',
  'selct 1',
  'select * frm items',
];

/** What it looks up when it runs: with the extended protocol the error is told at Bind, directly at Execute. */
const LOOKED_FOR = [
  ...['table', 'view', 'materialized view', 'index', 'sequence', 'foreign table'].flatMap(kind => [
    `drop ${kind} nosuch`,
    `drop ${kind} public.nosuch cascade`,
    `drop ${kind} x.nosuch`,
  ]),
  'drop table "No Such", items',
  'alter table nosuch add a integer',
  'alter table only public.nosuch drop a',
  'alter table x.nosuch enable row level security',
  'alter table nosuch rename to other',
  'alter table nosuch rename column a to b',
  'alter table nosuch set schema other',
  'alter view nosuch rename to other',
  'alter sequence nosuch restart',
  'truncate nosuch, items',
  'truncate x.nosuch',
  'create index on nosuch (a)',
  'create unique index i on public.nosuch (lower(a))',
  'create trigger t before insert on nosuch for each row execute function one()',
  'create rule r as on insert to nosuch do nothing',
  'grant select on nosuch to public',
  'grant select on x.nosuch to public',
  'refresh materialized view nosuch',
  'copy nosuch from stdin',
  'copy public.nosuch (id) from stdin',
];

type Messages = readonly Buffer[];
const extended = (sql: string): Messages => [
  raw.parse({ sql }),
  raw.bind(),
  raw.describe('portal'),
  raw.execute(),
];

let gate: Gate;
before(async () => {
  gate = await startGate(SAMPLE_RULES, { head: SAMPLE_HEAD, schema: SCHEMA });
});
afterEach(() => gate.clear());

/** Every field of every message but for settings, which nothing here changes. */
function whole(frames: readonly raw.Frame[]): unknown[] {
  return frames
    .filter(({ type }) => type !== 'S')
    .map(frame =>
      frame.type === 'E' || frame.type === 'N'
        ? [frame.type, raw.fields(frame)]
        : [frame.type, frame.body.toString('latin1')],
    );
}

async function both(at: Gate = gate) {
  const [mine, theirs] = [await at.agent(), await at.direct()];
  return async (...messages: Messages) => {
    for (const client of [mine, theirs]) client.send(...messages);
    const [here, there] = [await mine.untilReady(), await theirs.untilReady()];
    assert.deepEqual(whole(here), whole(there), messages.map(m => m.toString('utf8')).join(' '));
    return answer(here);
  };
}

test('under the sample policy a name that leads nowhere is an error at once, as without the proxy', async () => {
  const ask = await both();
  for (const sql of PARSED) {
    assert.match(await ask(raw.query(sql)), /^E:\w+ Z:I$/, sql);
    assert.match(await ask(...extended(sql), raw.sync()), /^E:\w+ Z:I$/, sql);
  }
  assert.deepEqual(await gate.dev.approvals({ all: true }), []);
});

test('what a command of the catalog would look for first, and does not find, is an error at once, too', async () => {
  const ask = await both();
  const [mine, theirs] = [await gate.agent(), await gate.direct()];
  for (const sql of LOOKED_FOR) {
    assert.match(await ask(raw.query(sql)), /^E:(42P01|42704|3F000) Z:I$/, sql);
    for (const client of [mine, theirs]) client.send(...extended(sql), ...extended('select 1'), raw.sync());
    const [here, there] = [await mine.untilReady(), await theirs.untilReady()];
    assert.deepEqual(onlyError(here), onlyError(there), sql);
    assert.match(answer(here), /^1 E:\w+ Z:I$/, sql);
  }
  assert.deepEqual(await gate.dev.approvals({ all: true }), []);
  await ask(raw.query('begin'));
  await ask(raw.query('savepoint s'));
  assert.equal(await ask(raw.query('drop table nosuch')), 'E:42P01 Z:E');
  assert.equal(await ask(raw.query('drop table nosuch')), 'E:25P02 Z:E');
  await ask(raw.query('rollback to s'));
  assert.equal(await ask(raw.query('truncate nosuch')), 'E:42P01 Z:E');
  await ask(raw.query('rollback'));
});

test('what is there is asked about as ever, whoever has just made it and however it is spelt', async () => {
  const [client, direct] = [await gate.agent(), await gate.direct()];
  direct.send(
    raw.query(
      'create table just_made (a integer); create table "Just.""Made" (a integer); create schema just',
    ),
  );
  await direct.untilReady();
  for (const sql of [
    'drop table just_made',
    'drop table public.just_made',
    'drop table "Just.""Made"',
    'drop table if exists nosuch',
    'alter table if exists nosuch add a integer',
    'drop table items, nosuch',
    'drop table "näh"',
    'create table nosuch (a integer)',
  ])
    for (const messages of [[raw.query(sql)], [...extended(sql), raw.sync()]]) {
      client.send(...messages);
      assert.equal(await gate.deny(await heldNotice(client), 'no'), '', sql);
      assert.match(answer(await client.untilReady()), /^(1 )?E:42501 Z:I$/);
    }
  assert.equal(await gate.value('select count(*)::int from just_made'), 0);
});

test('in a transaction block it is failed afterwards, and a savepoint brings it back', async () => {
  const ask = await both();
  for (const failing of [
    [raw.query('select nosuch from items')],
    [...extended('delete from nosuch'), raw.sync()],
  ]) {
    assert.equal(await ask(raw.query('begin')), 'C:BEGIN Z:T');
    assert.match(await ask(...failing), /^E:\w+ Z:E$/);
    assert.equal(await ask(raw.query('select nosuch(1)')), 'E:25P02 Z:E');
    assert.equal(await ask(raw.query('commit')), 'C:ROLLBACK Z:I');
    assert.equal(await ask(raw.query('begin')), 'C:BEGIN Z:T');
    assert.equal(await ask(raw.query('savepoint s')), 'C:SAVEPOINT Z:T');
    assert.match(await ask(...failing), /^E:\w+ Z:E$/);
    assert.equal(await ask(raw.query('rollback to s')), 'C:ROLLBACK Z:T');
    assert.match(await ask(raw.query('select id from items where id = 1')), /C:SELECT 1 Z:T$/);
    assert.equal(await ask(raw.query('commit')), 'C:COMMIT Z:I');
  }
});

test('a pipeline is skipped to its Sync, and the unnamed statement is gone as behind any Query', async () => {
  const ask = await both();
  await ask(...extended('select 1'), ...extended('select nosuch(1)'), ...extended('select 2'), raw.sync());
  await ask(raw.parse({ sql: 'select 1' }), raw.sync());
  await ask(raw.query('select * from nosuch'));
  assert.equal(await ask(raw.bind(), raw.execute(), raw.sync()), 'E:26000 Z:I');
  await ask(raw.parse({ name: 's', sql: 'select 1' }), raw.sync());
  await ask(raw.query('delete from nosuch'));
  assert.equal(await ask(raw.bind({ statement: 's' }), raw.execute(), raw.sync()), '2 D C:SELECT 1 Z:I');
});

test('what the server can parse is held as ever, whole, and runs once when it is approved', async () => {
  const client = await gate.agent();
  client.send(raw.query('delete from notes where body = $$one$$'));
  const id = await heldNotice(client);
  assert.equal((await gate.approval(id)).statement.text, 'delete from notes where body = $$one$$');
  assert.equal(await gate.value("select count(*)::int from notes where body = 'one'"), 1);
  assert.equal(await gate.approve(id), '');
  assert.equal(answer(await client.untilReady()), 'C:DELETE 1 Z:I');
});

test('nothing of the text runs while the server looks its names up', async () => {
  const ask = await both();
  for (const sql of [
    'select notes_it(), nosuch(1)',
    'select nosuch from notes_it()',
    'with w as (insert into notes values (101) returning id) select nosuch from w',
    "select set_config('search_path', 'other', false), nosuch(1)",
    'select lo_create(4711), nosuch()',
    'create table made as select notes_it(), nosuch',
  ])
    assert.match(await ask(raw.query(sql)), /^E:\w+ Z:I$/, sql);
  assert.equal(await gate.value('select count(*)::int from notes where id >= 100'), 0);
  assert.equal(await gate.value("select to_regclass('made')::text"), null);
});

test('attack: a name that somebody makes meanwhile is no way past', async () => {
  const client = await gate.agent();
  const direct = await gate.direct();
  const held = async (sql: string) => {
    client.send(raw.query(sql));
    const id = await heldNotice(client);
    assert.equal(await gate.deny(id, 'no'), '');
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  };
  // Beside the proxy, and asked for at once: before its catalog knows.
  direct.send(
    raw.query(`create function late() returns integer language sql as $$ insert into notes values (200, 'late'); select 1 $$;
      create table late as select 1 as a; create view seen as select notes_it()`),
  );
  await direct.untilReady();
  await held('select late()');
  await held('delete from late');
  await held('select * from seen');
  // Not committed: nobody else sees it, and there is nothing that could run.
  direct.send(raw.query('begin; create table hidden as select 1 as a'));
  await direct.untilReady();
  client.send(raw.query('delete from hidden'));
  assert.equal(answer(await client.untilReady()), 'E:42P01 Z:I');
  direct.send(raw.query('commit'));
  await direct.untilReady();
  await held('delete from hidden');
  assert.deepEqual(
    await gate.look('select (select count(*)::int from late) l, (select count(*)::int from hidden) h'),
    [{ l: 1, h: 1 }],
  );
  assert.equal(await gate.value('select count(*)::int from notes where id >= 100'), 0);
});

const CHECKED = `create function checks(i integer) returns boolean language plpgsql as
    $$ begin insert into notes values (300 + i, 'checked'); return true; end $$;
  create domain checked as integer check (checks(value)); create type pair as (a checked, b integer);
  create table pairs (p pair); create function takes(p pair) returns integer language sql as 'select 1'`;

test('attack: a type that somebody makes meanwhile runs nothing when its literal is parsed', async () => {
  for (const [sql, index] of [
    ["select '(1,2)'::pair, nosuch()", 0],
    ["insert into pairs values ('(1,2)')", 1],
    ["select takes('(1,2)')", 2],
    ["select takes('(1,2)'), nosuch()", 3],
  ] as const) {
    const direct = await gate.direct();
    const client = await gate.agent();
    const schema = `made_${index}`;
    client.send(raw.query(`set search_path = ${schema}, public`));
    await client.untilReady();
    direct.send(raw.query(`create schema ${schema}; set search_path = ${schema}, public; ${CHECKED}`));
    await direct.untilReady();
    client.send(raw.query(sql));
    const id = await heldNotice(client);
    assert.equal(await gate.value('select count(*)::int from notes where id > 300'), 0, sql);
    assert.equal(await gate.deny(id, 'no'), '');
    await client.untilReady();
  }
});

test('the record says what was asked, why people would have been, and what the server said', async () => {
  const client = await gate.agent({ parameters: { application_name: 'recorded' } });
  client.send(raw.query('delete from recorded_nowhere'));
  assert.equal(answer(await client.untilReady()), 'E:42P01 Z:I');
  client.destroy();
  type Event = {
    kind: string;
    body: { n?: number; text?: string; protocol?: string; sqlstate?: string; status?: string };
  };
  const events = await waitFor(
    async () => {
      for (const { session } of await gate.dev.json<{ session: string }[]>('audit', 'sessions')) {
        const all = await gate.dev.json<Event[]>('audit', 'show', session);
        const asked = all.find(({ body }) => body.text === 'delete from recorded_nowhere');
        if (asked !== undefined) return all.filter(({ body }) => body.n === asked.body.n);
      }
      throw new Error('it is not in the record');
    },
    { what: 'the record of the session' },
  );
  assert.deepEqual(
    events.map(({ kind, body }) => [kind, body.protocol ?? body.status]),
    [
      ['statement', 'parse'],
      ['forward', undefined],
      ['outcome', 'error'],
    ],
  );
  assert.equal(events[2]?.body.sqlstate, '42P01');
});

test('while the server waits for a lock to look at it, a cancel request is its answer, and leaving its end', async () => {
  const locker = await gate.direct();
  locker.send(raw.query('begin; lock table items in access exclusive mode'));
  await locker.untilReady();
  const waits = () =>
    waitFor(
      async () =>
        (await gate.value(
          "select count(*)::int from pg_locks where not granted and relation = 'items'::regclass",
        )) === 1,
      {
        what: 'it waits for the lock',
      },
    );
  const client = await gate.agent();
  client.send(raw.query('delete from items'));
  await waits();
  const { pid, key } = client.backend!;
  const other = await RawClient.connect({ port: gate.dev.pgPort });
  other.send(raw.cancelRequest(pid, key));
  await other.untilClosed();
  assert.equal(answer(await client.untilReady()), 'E:57014 Z:I');
  client.send(raw.query('delete from items'));
  await waits();
  client.destroy();
  locker.send(raw.query('rollback'));
  await locker.untilReady();
  await waitFor(
    async () =>
      (await gate.value(
        "select count(*)::int from pg_stat_activity where usename = 'agent' and query like 'delete from items%'",
      )) === 0,
    { what: 'its session is over' },
  );
  assert.deepEqual(await gate.heldIds(), []);
  assert.equal(await gate.value('select count(*)::int from items'), 20);
});

describe('where policy denies what cannot be told', () => {
  const RULES = `
  - name: not theirs
    match: { effects: { reads: [other.*] } }
    verdict: deny
  - name: reads
    match: { effects: { readOnly: true, onlyRelations: [public.*] } }
    verdict: allow
  - name: small
    match: { effects: { commands: [insert, transaction], onlyRelations: [public.*] } }
    verdict: allow
`;
  let strict: Gate;
  before(async () => {
    strict = await startGate(RULES, { head: HEAD, schema: SCHEMA });
  });
  afterEach(() => strict.clear());

  test('what would be allowed but for its names gets the error of the server', async () => {
    const ask = await both(strict);
    for (const sql of [
      'select * from nosuch',
      'select * from public.nosuch',
      'select nosuch(1)',
      'select one(1, 2)',
      'select 1::nosuch',
      'select 1 === 1',
      'explain select * from nosuch',
      'insert into notes select * from nosuch',
      'with w as (select * from nosuch) select * from w',
    ]) {
      const errors = [await ask(raw.query(sql)), await ask(...extended(sql), raw.sync())];
      for (const one of errors) assert.match(one, /^E:42(P01|883|704|703) Z:I$/, sql);
    }
    await ask(raw.query('begin'));
    assert.equal(await ask(raw.query('select nosuch()')), 'E:42883 Z:E');
    await ask(raw.query('rollback'));
  });

  test('what would be denied all the same is denied, and tells nothing', async () => {
    const client = await strict.agent();
    for (const sql of [
      'select * from other.nosuch',
      'select * from other.items, nosuch',
      'select nosuch(id) from other.items',
      'select nosuch() from pg_catalog.pg_class',
      'delete from nosuch',
      'select notes_it(), nosuch()',
      'select 1; select * from nosuch',
    ])
      for (const messages of [[raw.query(sql)], [...extended(sql), raw.sync()]]) {
        if (messages.length > 1 && sql.includes(';')) continue;
        client.send(...messages);
        assert.equal(onlyError(await client.untilReady()).C, '42501', sql);
      }
  });

  test('attack: neither does it there, by either protocol', async () => {
    const client = await strict.agent();
    const direct = await strict.direct();
    direct.send(raw.query(CHECKED));
    await direct.untilReady();
    for (const sql of ["select '(1,2)'::pair, nosuch()", "select takes('(1,2)')"])
      for (const messages of [[raw.query(sql)], [...extended(sql), raw.sync()]]) {
        client.send(...messages);
        assert.equal(onlyError(await client.untilReady()).C, '42501', sql);
      }
    assert.equal(await strict.value('select count(*)::int from notes where id > 300'), 0);
  });

  test('attack: a name that is made between Parse and Bind is judged at Bind', async () => {
    const client = await strict.agent();
    const direct = await strict.direct();
    direct.send(
      raw.query(
        `create function late() returns integer language sql as $$ insert into notes values (200, 'late'); select 1 $$`,
      ),
    );
    await direct.untilReady();
    client.send(...extended('select late()'), raw.sync());
    assert.match(answer(await client.untilReady()), /^(1 )?E:42501 Z:I$/);
    client.send(raw.query('select late()'));
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
    assert.equal(await strict.value('select count(*)::int from notes where id = 200'), 0);
  });
});

describe('record before forward', () => {
  let held: HeldGate;
  before(async () => {
    held = await startHeldGate(`
  - name: people
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [owners]
`);
  });
  after(() => held.stop());
  afterEach(() => held.clear());

  test('the text is not even looked at before its intent is durable', async () => {
    const client = await held.agent();
    held.ledger.mode = 'later';
    client.send(raw.query('delete from nosuch'));
    await waitFor(() => held.ledger.waiting > 0, { what: 'it waits for the ledger' });
    await client.expectSilence(100);
    held.ledger.release();
    assert.equal(answer(await client.untilReady()), 'E:42P01 Z:I');
  });

  test('where its intent cannot be recorded it is refused unseen', async () => {
    const client = await held.agent();
    held.ledger.mode = 'never';
    client.send(raw.query('delete from nosuch'));
    assert.equal(answer(await client.untilReady()), 'E:58030 Z:I');
  });
});
