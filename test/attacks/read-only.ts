import * as raw from '#test/support/raw.ts';
import { type AttackClass, run, talk } from './attack.ts';

const WRITE = "update public.canary set v = 'dead'";
const reader = { as: 'reader' } as const;
const on = (name: string, ...turns: Parameters<typeof talk>[1]) => talk(name, turns, reader);
const block = (sql: string) => `do $$ begin ${sql}; end $$`;

/** A session whose access is read-only, and whose rules allow everything: the server's setting is all there is, and it must stay. */
export const READ_ONLY: AttackClass = {
  title: 'read-only access',
  attacks: [
    on(
      'a plain write, simple and extended',
      WRITE,
      [run(WRITE), raw.sync()],
      `with x as (${WRITE} returning 1) select * from x`,
    ),
    on(
      'BEGIN READ WRITE',
      'begin read write',
      WRITE,
      'commit',
      'start transaction read write',
      WRITE,
      'commit',
      `begin read write; ${WRITE}; commit`,
    ),
    on('SET TRANSACTION READ WRITE', 'begin', 'set transaction read write', WRITE, 'commit'),
    on('SET SESSION CHARACTERISTICS', 'set session characteristics as transaction read write', WRITE),
    on(
      'SET of every name',
      'set default_transaction_read_only = off',
      WRITE,
      'set transaction_read_only = off',
      WRITE,
      'set session "default_transaction_read_only" to off',
      WRITE,
      'set local DEFAULT_TRANSACTION_READ_ONLY = 0',
      WRITE,
      'set U&"default!005ftransaction_read_only" uescape \'!\' = off',
      WRITE,
    ),
    on(
      'RESET and DEFAULT',
      'reset default_transaction_read_only',
      WRITE,
      'set default_transaction_read_only to default',
      WRITE,
      'reset all',
      WRITE,
      'discard all',
      WRITE,
      'reset transaction_read_only',
      WRITE,
    ),
    on(
      'set_config',
      "select set_config('default_transaction_read_only', 'off', false)",
      WRITE,
      "select set_config('transaction_read_only', 'off', true)",
      WRITE,
      "select set_config('default_' || 'transaction_read_only', 'off', false)",
      WRITE,
    ),
    on(
      'set_config with parameters',
      [
        raw.parse({ sql: 'select set_config($1, $2, false)' }),
        raw.bind({ values: ['default_transaction_read_only', 'off'] }),
        raw.execute(),
        raw.sync(),
      ],
      WRITE,
    ),
    on(
      'UPDATE pg_settings',
      "update pg_settings set setting = 'off' where name = 'default_transaction_read_only'",
      WRITE,
      "update pg_catalog.pg_settings set setting = 'off' where name like '%read_only'",
      WRITE,
    ),
    on(
      'a DO block that sets and commits',
      block(`set default_transaction_read_only = off; commit; ${WRITE}`),
      WRITE,
      block(`commit; set transaction read write; ${WRITE}`),
      WRITE,
    ),
    on(
      'a DO block that does it from strings',
      block(
        `execute 'set default_transaction_read_only = off'; commit; execute '${WRITE.replaceAll("'", "''")}'`,
      ),
      WRITE,
      block(`commit; execute 'set transaction read write'; execute '${WRITE.replaceAll("'", "''")}'`),
      WRITE,
    ),
    on(
      'a DO block that sets the default from a string, and a write in the same text',
      `${block("execute 'set default_transaction_read_only = off'")}; commit; ${WRITE}`,
      WRITE,
    ),
    on(
      'a DO block that sets the default from a string, and a write in the same pipeline',
      [
        run(block("execute 'set default_transaction_read_only = off'")),
        run('commit'),
        run(WRITE),
        raw.sync(),
      ],
      WRITE,
    ),
    on(
      'a DO block that sets the default from a string, and a write in the next message',
      block("execute 'set default_transaction_read_only = off'"),
      WRITE,
    ),
    on(
      'a function that sets it from a string, and a write in the same text',
      `create or replace function pg_temp.s() returns void language plpgsql as $$ begin execute 'set default_transaction_read_only = off'; end $$`,
      'select pg_temp.s()',
      WRITE,
    ),
    on('a procedure that commits and turns writes on', 'call lab.tool_read_write()', WRITE),
    on(
      'ROLLBACK AND CHAIN of nothing',
      'begin read only',
      'rollback and chain',
      WRITE,
      'commit and chain',
      WRITE,
      'commit',
    ),
    on(
      'a savepoint',
      'begin',
      'savepoint a',
      'set transaction_read_only = off',
      'rollback to a',
      WRITE,
      'commit',
    ),
    talk('start-up parameters', [WRITE], { ...reader, parameters: { default_transaction_read_only: 'off' } }),
    talk('start-up options', [WRITE], {
      ...reader,
      parameters: {
        options:
          '-c default_transaction_read_only=off --default-transaction-read-only=off -cDEFAULT_TRANSACTION_READ_ONLY=off',
      },
    }),
    on(
      'ALTER ROLE, ALTER DATABASE and ALTER SYSTEM',
      'alter role agent set default_transaction_read_only = off',
      'alter database shop set default_transaction_read_only = off',
      'alter system set default_transaction_read_only = off',
      WRITE,
    ),
    on(
      'temporary tables, functions and sequences',
      'create temp table x (a integer)',
      'insert into x values (1)',
      "select public.mark('reader')",
      "select nextval('public.counted')",
      "select setval('public.counted', 1000)",
    ),
    on(
      'EXPLAIN ANALYZE, COPY, LOCK and PREPARE',
      `explain analyze ${WRITE}`,
      ['copy lab.loaded from stdin'],
      raw.copyDone(),
      `prepare w as ${WRITE}`,
      'execute w',
      "prepare transaction 'x'",
    ),
    on(
      'two-phase commit and large objects',
      'select lo_create(0)',
      "select lo_from_bytea(0, 'x')",
      'begin',
      WRITE,
      "prepare transaction 'hp'",
      "commit prepared 'hp'",
    ),
  ],
};
