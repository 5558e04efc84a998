import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, HEAD, onlyError, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

const PROTECTED = `protected:
  - { column: public.people.ssn, mask: redact }
`;
const RULES = `
  - { name: items, match: { effects: { writes: [public.items] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table people (id integer primary key, ssn text);
insert into people select g, 'SECRET-' || g from generate_series(1, 3) g;
create function touch() returns integer language plpgsql as 'begin return 1; end';
`;

suite(
  'a transaction that is prepared changes names when it is committed, and by nobody else than was judged',
  () => {
    let gate: Gate;
    before(async () => {
      gate = await startGate(RULES, {
        head: HEAD + PROTECTED,
        schema: SCHEMA,
        settings: { max_prepared_transactions: '4' },
      });
    });
    afterEach(() => gate.clear());

    async function ask(client: RawClient, sql: string): Promise<raw.Frame[]> {
      client.send(raw.query(sql));
      return client.untilReady();
    }
    async function all(client: RawClient, ...texts: string[]): Promise<string[]> {
      const said: string[] = [];
      for (const sql of texts) said.push(answer(await ask(client, sql)));
      return said;
    }

    test('one that has put protected values behind another name cannot be prepared, in a block, a text or a pipeline', async () => {
      const moves = [
        'alter table harmless rename to harmless_before',
        'create view harmless as select id, ssn as note from people',
      ];
      const client = await gate.agent();
      await all(client, 'create table harmless (id integer, note text)');
      await all(client, 'begin', ...moves);
      assert.match(onlyError(await ask(client, `prepare transaction 'block'`)).M!, /cannot be prepared/);
      await all(client, 'rollback');
      const text = ['begin', ...moves, `prepare transaction 'text'`].join('; ');
      assert.match(onlyError(await ask(client, text)).M!, /cannot be prepared/);
      await all(client, 'rollback');
      const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];
      client.send(...['begin', ...moves, `prepare transaction 'pipeline'`].flatMap(run), raw.sync());
      assert.equal(onlyError(await client.untilReady()).C, '42501');
      await all(client, 'rollback');
      // Bound before, it is another one by the time it runs.
      await all(client, 'begin');
      client.send(
        raw.parse({ name: 'p', sql: `prepare transaction 'early'` }),
        raw.bind({ portal: 'p', statement: 'p' }),
        raw.sync(),
      );
      await client.untilReady();
      await all(client, ...moves);
      client.send(raw.execute('p'), raw.sync());
      assert.equal(answer(await client.untilReady()), 'E:34000 Z:E');
      await all(client, 'rollback');
      assert.equal(await gate.value('select count(*)::int from pg_prepared_xacts'), 0);
    });

    test('what was prepared, by whomever, is seen by the next statement behind its end', async () => {
      const client = await gate.agent();
      assert.deepEqual(
        await all(client, 'create table moved (id integer, note text)', 'select upper(note) from moved'),
        ['C:CREATE TABLE Z:I', 'T C:SELECT 0 Z:I'],
      );
      const owner = await gate.direct();
      await all(
        owner,
        'begin',
        'alter table moved rename to moved_before',
        'create view moved as select id, ssn as note from people',
        `prepare transaction 'owner'`,
      );
      await all(client, `commit prepared 'owner'`);
      const seen = await ask(client, 'select upper(note) from moved');
      assert.deepEqual(raw.rows(seen), [['***'], ['***'], ['***']]);
      const refused = onlyError(
        await ask(client, 'insert into notes select 100 + id, upper(note) from moved'),
      );
      assert.equal(refused.C, '42501');
    });

    test('a function that was replaced so is judged by its new body at once', async () => {
      const client = await gate.agent();
      assert.equal((await all(client, 'select touch()'))[0], 'T D C:SELECT 1 Z:I');
      await all(
        client,
        'begin',
        `create or replace function touch() returns integer language plpgsql as 'begin delete from items; return 1; end'`,
        `prepare transaction 'function'`,
      );
      assert.equal((await all(client, 'select touch()'))[0], 'T D C:SELECT 1 Z:I', 'it is the old one still');
      await all(client, `commit prepared 'function'`);
      assert.equal((await all(client, 'select touch()'))[0], 'E:42501 Z:I');
      assert.equal(await gate.value('select count(*)::int from items'), 20);
    });

    test('data are prepared, committed and taken back as without the proxy', async () => {
      const client = await gate.agent();
      assert.deepEqual(
        await all(
          client,
          ...[
            'begin',
            "insert into notes values (50, 'x')",
            `prepare transaction 'one'`,
            `commit prepared 'one'`,
          ],
          ...[
            'begin',
            "insert into notes values (51, 'x')",
            `prepare transaction 'two'`,
            `rollback prepared 'two'`,
          ],
          ...[`commit prepared 'two'`, 'select id from notes where id > 49'],
        ),
        [
          ...['C:BEGIN Z:T', 'C:INSERT 0 1 Z:T', 'C:PREPARE TRANSACTION Z:I', 'C:COMMIT PREPARED Z:I'],
          ...['C:BEGIN Z:T', 'C:INSERT 0 1 Z:T', 'C:PREPARE TRANSACTION Z:I', 'C:ROLLBACK PREPARED Z:I'],
          ...['E:42704 Z:I', 'T D C:SELECT 1 Z:I'],
        ],
      );
    });
  },
);
