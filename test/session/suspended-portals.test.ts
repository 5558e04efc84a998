import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

const RULES = `
  - { name: all, verdict: allow }
  - { name: unknown, verdict: allow, match: { effects: { unknown: true } } }
`;
const SCHEMA = `
create function opens() returns refcursor language plpgsql as
  $$ declare c refcursor := 'opened'; begin open c for select generate_series(1, 5); return c; end $$;
create function hidden(sql text) returns setof integer language plpgsql as $$ begin return query execute sql; end $$;
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES, { schema: SCHEMA });
});
afterEach(() => gate.clear());

test('what cannot be told goes on in parts, as at the server: its own doing is no reason to stop', async () => {
  for (const sql of ['fetch all in opened', "select hidden('select generate_series(1, 5)')"]) {
    const said = [];
    for (const client of [await gate.agent(), await gate.direct()]) {
      const answers = [];
      const steps = [
        [raw.query('begin; select opens()')],
        [
          raw.parse({ name: 's', sql }),
          raw.bind({ statement: 's', portal: 'p' }),
          raw.execute('p', 2),
          raw.sync(),
        ],
        [raw.query('savepoint between; release between')],
        [raw.execute('p', 2), raw.sync()],
        [raw.execute('p', 2), raw.execute('p', 2), raw.sync()],
      ];
      for (const step of steps) {
        client.send(...step);
        answers.push(answer(await client.untilReady()));
      }
      said.push(answers);
    }
    assert.deepEqual(said[0], said[1], sql);
    assert.match(said[0]!.at(3)!, /^D D s/, sql);
  }
});

test('a portal is refused when another statement has changed meanwhile what names mean', async () => {
  const client = await gate.agent();
  client.send(raw.query('begin'));
  await client.untilReady();
  client.send(
    raw.parse({ sql: 'select name from items' }),
    raw.bind({ portal: 'p' }),
    raw.execute('p', 2),
    raw.sync(),
  );
  assert.equal(answer(await client.untilReady()), '1 2 D D s Z:T');
  client.send(
    raw.query("do $$ begin execute 'create function items() returns int language sql return 1'; end $$"),
  );
  await client.untilReady();
  client.send(raw.execute('p', 2), raw.sync());
  assert.equal(answer(await client.untilReady()), 'E:34000 Z:E');
});
