import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import type { Frame, RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { answer, type Gate, startGate } from './support.ts';

/**
 * Who waits for a lock that another session's DDL has, waits as it would without a proxy: time-outs, NOWAIT and SKIP LOCKED count, deadlocks are
 * found, pg_locks shows it, and whoever needs no lock goes on. Both where everything is allowed and where there are rules about what is written.
 */
const KNOWN = '  - { name: all, match: {}, verdict: allow }\n';
const OPEN = `  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }\n${KNOWN}`;
const RULED = `
  - { name: notes-stay, match: { effects: { writes: [public.notes] } }, verdict: deny }
  - { name: nothing-unknown, match: { effects: { unknown: true } }, verdict: deny }
${KNOWN}`;
const SCHEMA = `
create schema lab;
create table lab.q (id int);
create table lab.r (id int);
insert into lab.q values (1);
create function lab.calm() returns int language plpgsql as 'begin return 1; end';
create function lab.passes() returns trigger language plpgsql as 'begin return new; end';
`;
const TRIGGER = 'create trigger x before insert on lab.q for each row execute function lab.passes()';
const AGAIN = `create or replace function lab.calm() returns int language plpgsql as 'begin return 2; end'`;

for (const [where, rules] of [
  ['everything is allowed', OPEN],
  ['there are rules', RULED],
] as const)
  suite(`beside DDL that is not committed, where ${where}`, () => {
    let gate: Gate;
    before(async () => {
      gate = await startGate(rules, { schema: SCHEMA });
    });
    afterEach(() => gate.clear());

    async function ask(client: RawClient, sql: string): Promise<string> {
      client.send(raw.query(sql));
      return answer(await client.untilReady());
    }
    function send(client: RawClient, sql: string): Promise<Frame[]> {
      client.send(raw.query(sql));
      return client.untilReady();
    }
    /** Another session in whose open transaction this has been done. */
    async function other(...done: string[]): Promise<RawClient> {
      const client = await gate.agent();
      assert.match(await ask(client, 'begin'), /Z:T$/);
      for (const sql of done) assert.match(await ask(client, sql), /Z:T$/, sql);
      return client;
    }
    const waiting = (count: number) =>
      waitFor(
        async () =>
          (await gate.value(
            "select count(*)::int from pg_locks where not granted and locktype = 'relation'",
          )) === count || Promise.reject(new Error('not yet')),
        { what: `pg_locks shows ${count} that wait`, deadlineMs: 30_000 },
      );

    test('lock_timeout and statement_timeout strike with their own errors', async () => {
      const o = await other(TRIGGER);
      const p = await gate.agent();
      await ask(p, "set lock_timeout = '300ms'");
      assert.match(await ask(p, 'insert into lab.q values (2)'), /^E:55P03 Z:I$/);
      await ask(p, "set lock_timeout = 0; set statement_timeout = '300ms'");
      assert.match(await ask(p, 'insert into lab.q values (2)'), /^E:57014 Z:I$/);
      assert.match(await ask(o, 'rollback'), /Z:I$/);
      assert.match(await ask(p, 'set statement_timeout = 0'), /Z:I$/);
      assert.match(await ask(p, 'insert into lab.q values (2)'), /^C:INSERT 0 1 Z:I$/);
    });

    test('NOWAIT says so, SKIP LOCKED and what needs no lock go on', async () => {
      const o = await other(TRIGGER);
      const p = await gate.agent();
      assert.match(await ask(p, 'lock table lab.q in row exclusive mode nowait'), /^E:25P01|^E:55P03/);
      assert.match(await ask(p, 'begin'), /Z:T$/);
      assert.match(await ask(p, 'lock table lab.q in row exclusive mode nowait'), /^E:55P03 Z:E$/);
      assert.match(await ask(p, 'rollback'), /Z:I$/);
      assert.match(await ask(p, 'select id from lab.q where id = 1 for update nowait'), /C:SELECT 1 Z:I$/);
      assert.match(await ask(p, 'select id from lab.q for update skip locked'), /C:SELECT \d+ Z:I$/);
      assert.match(await ask(p, 'select count(*) from lab.q'), /C:SELECT 1 Z:I$/);
      assert.match(await ask(o, 'rollback'), /Z:I$/);
    });

    test('pg_locks shows who waits, and it goes when the transaction is over', async () => {
      const o = await other(TRIGGER);
      const p = await gate.agent();
      const waits = send(p, 'insert into lab.q values (2)');
      await waiting(1);
      assert.match(await ask(o, 'rollback'), /Z:I$/);
      assert.match(answer(await waits), /^C:INSERT 0 1 Z:I$/);
    });

    test('a block that has locked a table gives it a trigger though writers wait for it', async () => {
      const o = await other('alter table lab.q add column b int');
      const p = await gate.agent();
      const waits = send(p, 'insert into lab.q values (2)');
      await waiting(1);
      assert.match(await ask(o, TRIGGER), /^C:CREATE TRIGGER Z:T$/);
      assert.match(await ask(o, 'rollback'), /Z:I$/);
      assert.match(answer(await waits), /^C:INSERT 0 1 Z:I$/);
    });

    test('a deadlock of two that have made triggers is found', async () => {
      const [o, p] = [await other(TRIGGER), await other(TRIGGER.replace('lab.q', 'lab.r'))];
      const one = send(o, 'insert into lab.r values (1)');
      await waiting(1);
      const two = send(p, 'insert into lab.q values (1)');
      // One is struck, which lets the other go on.
      const said = (await Promise.all([one, two])).map(frames => answer(frames)).sort();
      assert.deepEqual(said, ['C:INSERT 0 1 Z:T', 'E:40P01 Z:E']);
      for (const client of [o, p]) assert.match(await ask(client, 'rollback'), /Z:I$/);
    });

    test('a function that is replaced and not committed keeps no caller waiting', async () => {
      const o = await other(AGAIN);
      const p = await gate.agent();
      for (const sql of ['select lab.calm()', 'insert into lab.r select lab.calm()'])
        assert.match(await ask(p, sql), /C:(SELECT|INSERT 0) 1 Z:I$/, sql);
      assert.equal(await gate.value('select max(id)::int from lab.r'), 1);
      assert.match(await ask(o, 'rollback'), /Z:I$/);
    });
  });
