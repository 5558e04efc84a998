import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { answer, type Gate, startGate } from './support.ts';

/**
 * What a write calls is known, so behind it names, settings and definitions are what they were: an INSERT that draws a number, a trigger
 * that looks at the clock. Nothing is asked again, unless what it called may have been replaced meanwhile.
 */
const SCHEMA = `
create table people (id serial primary key, name text, seen timestamptz default now());
create function touch() returns trigger language plpgsql as $$ begin new.seen := clock_timestamp(); return new; end $$;
create trigger touched before update on people for each row execute function touch();
create table drops (id int);
create function dropped() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger dropped before insert on drops for each row execute function dropped();
create function shown() returns int language plpgsql as 'begin return 1; end';
`;

let gate: Gate;

before(async () => {
  gate = await startGate(
    `
  - name: no-deletes
    match: { effects: { anyCommand: [delete] } }
    verdict: deny
  - name: everything
    verdict: allow
  - name: unknown
    match: { effects: { unknown: true } }
    verdict: allow
`,
    {
      schema: SCHEMA,
      settings: { log_statement: 'all', log_line_prefix: '%a: ' },
    },
  );
});
afterEach(() => gate.clear());

/** How often the catalog was read for everybody. */
function loads(): number {
  const log = readFileSync(join(gate.db.dir, 'postgres.log'), 'utf8');
  return log.split('\n').filter(line => /^holdpoint catalog: .*BEGIN ISOLATION/.test(line)).length;
}

test('inserts that draw numbers, defaults, triggers and setval load no catalog', async () => {
  const client = await gate.agent();
  const ask = async (sql: string) => {
    client.send(raw.query(sql));
    return answer(await client.untilReady());
  };
  const rounds = 30;
  assert.match(await ask("insert into people (name) values ('first')"), /C:INSERT 0 1 Z:I$/);
  const before = loads();
  for (let i = 0; i < rounds; i++) {
    assert.match(await ask(`insert into people (name) values ('n${i}')`), /^C:INSERT 0 1 Z:I$/);
    assert.match(await ask(`update people set name = lower(name) where id = ${i}`), /^C:UPDATE \d Z:I$/);
    assert.match(
      await ask(`select setval('people_id_seq', (select max(id) from people))`),
      /C:SELECT 1 Z:I$/,
    );
  }
  // Whoever polls for what others have changed may load once more; each statement for itself would be ninety.
  assert.ok(loads() - before < rounds, `${loads() - before} loads`);
});

test('attack: a trigger that was replaced while the insert waited changes a function, which is judged as it is then', async () => {
  const [second, third] = [await gate.agent(), await gate.agent()];
  // Of an agent's own change the proxy would know, and let the one wait for the other.
  const first = await gate.direct();
  const waits = (kind: string) =>
    waitFor(
      async () =>
        (await gate.value(
          `select count(*)::int from pg_locks where not granted and locktype = '${kind}'`,
        )) === 1,
      { what: `the insert waits for a lock (${kind})` },
    );
  const say = async (client: typeof first, sql: string) => {
    client.send(raw.query(sql));
    return answer(await client.untilReady());
  };
  await say(third, 'select pg_advisory_lock(7)');
  await say(first, 'begin; lock table drops');
  second.send(raw.query('insert into drops values (1)'));
  await waits('relation');
  const made = await say(
    first,
    `create or replace function dropped() returns trigger language plpgsql as $$ begin
       perform pg_advisory_xact_lock(7);
       create or replace function shown() returns int language plpgsql as 'begin delete from notes; return 1; end';
       return new;
     end $$`,
  );
  assert.match(made, /^C:CREATE FUNCTION Z:T$/);
  const before = loads();
  assert.match(await say(first, 'commit'), /^C:COMMIT Z:I$/);
  await waits('advisory');
  await waitFor(() => Promise.resolve(loads() > before), { what: 'the proxy sees what has changed' });
  // The catalog is loaded with the trigger as it is now, and without what it is about to do.
  assert.match(await say(third, 'select name from items where id = 1'), /C:SELECT 1 Z:I$/);
  assert.match(await say(third, 'select pg_advisory_unlock(7)'), /C:SELECT 1 Z:I$/);
  assert.match(answer(await second.untilReady()), /C:INSERT 0 1 Z:I$/);
  assert.match(await say(second, 'begin; select shown()'), /E:42501 Z:[IE]$/);
  assert.equal(await gate.value(`select prosrc ~ 'delete' from pg_proc where proname = 'shown'`), true);
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
});
