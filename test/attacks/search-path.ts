import * as raw from '#test/support/raw.ts';
import { type Attack, type AttackClass, run, talk } from './attack.ts';

const OWN = 'set search_path = "$user", other';

/** A function with a path of its own, which leads to another schema than the proxy would read there. */
function ownPath(name: string, n: number, schema: string, path: string): Attack {
  return talk(name, [
    `create schema "${schema}"`,
    `create function "${schema}".f${n}() returns integer language sql as 'select public.mark(''f${n}'')'`,
    `select set_config('search_path', '${path}, other', false)`,
    `create function lab.own${n}() returns integer language plpgsql set search_path from current as 'begin return f${n}(); end'`,
    'set search_path = other',
    'begin',
    `select lab.own${n}()`,
    'commit',
  ]);
}

const EQUALS = (does: string) =>
  `create or replace function lab.equals(integer, integer) returns boolean immutable language plpgsql as 'begin ${does} return true; end'`;

/** Made while `=` was this one; the server prints it as if it were Postgres's own. */
function printed(name: string, make: string, use: string): Attack {
  return talk(name, [
    EQUALS(''),
    'set search_path = front, pg_catalog',
    make,
    'set search_path = other',
    EQUALS("perform public.mark(''operator'');"),
    'begin',
    use,
    'commit',
  ]);
}

/** The proxy believes that a name leads to the harmless `other`, while the server reads it as the `public` that writes. */
export const SEARCH_PATH: AttackClass = {
  title: 'search_path',
  attacks: [
    talk('set, then ROLLBACK AND CHAIN', [
      'begin',
      'set search_path = other',
      'select f1()',
      'rollback and chain',
      'select f1()',
      'commit',
    ]),
    talk('SET LOCAL, then COMMIT AND CHAIN', [
      'begin',
      'set local search_path = other',
      'commit and chain',
      'select f2()',
      'commit',
    ]),
    talk('SET LOCAL, then COMMIT and BEGIN in one text', [
      'begin',
      'set local search_path = other',
      'select 1',
      'commit; begin',
      'select f3()',
      'commit',
    ]),
    talk('SET LOCAL, then ROLLBACK and BEGIN in one text', [
      'begin',
      'set local search_path = other',
      'select 1',
      'rollback; begin',
      'select f4()',
      'commit',
    ]),
    talk('set and rolled back inside one pipeline', [
      [run('begin'), run('set search_path = other'), run('rollback'), run('select f5()'), raw.sync()],
    ]),
    talk('SET LOCAL and COMMIT inside one pipeline', [
      [run('begin'), run('set local search_path = other'), run('commit'), run('select f6()'), raw.sync()],
    ]),
    talk('a no-break space in set_config', [
      "select set_config('search_path', U&'other\\00A0, public', false)",
      'begin',
      'select f7()',
      'commit',
    ]),
    talk('an ideographic space in set_config', [
      "select set_config('search_path', U&'other\\3000x, public', false)",
      'begin',
      'select f8()',
      'commit',
    ]),
    talk('a letter that JavaScript folds and Postgres does not', [
      "select set_config('search_path', 'Ä', false)",
      'begin',
      'select folded()',
      'commit',
    ]),
    talk('the Kelvin sign', [
      "select set_config('search_path', U&'\\212A, public', false)",
      'begin',
      'select f9()',
      'commit',
    ]),
    talk('UPDATE pg_settings', [
      'set search_path = other',
      'select f10()',
      "update pg_settings set setting = 'public' where name = 'search_path'",
      'begin',
      'select f10()',
      'commit',
    ]),
    talk('a procedure that sets it, commits and fails', [
      'set search_path = other, lab',
      'select f11()',
      'call tool_move()',
      'begin',
      'select f11()',
      'commit',
    ]),
    talk('a function that sets it', [
      'set search_path = other, lab',
      'select f12()',
      'select settle()',
      'begin',
      'select f12()',
      'commit',
    ]),
    talk('a function that sets it, in one pipeline', [
      'set search_path = other, lab',
      [run('select f13()'), run('select settle()'), run('select f13()'), raw.sync()],
    ]),
    talk('RESET ALL', [
      'set search_path = other',
      'select f14()',
      'reset all',
      'begin',
      'select f14()',
      'commit',
    ]),
    talk('DISCARD ALL', [
      'set search_path = other',
      'select f15()',
      'discard all',
      'begin',
      'select f15()',
      'commit',
    ]),
    talk('rolled back to a savepoint', [
      'begin',
      'savepoint a',
      'set search_path = other',
      'select f16()',
      'rollback to a',
      'select f16()',
      'commit',
    ]),
    talk('rolled back to a savepoint in a failed transaction', [
      'begin',
      'savepoint a',
      'set search_path = other',
      'select f17()',
      'select 1/0',
      'rollback to a',
      'select f17()',
      'commit',
    ]),
    talk('an error after it in one text', ['set search_path = other; select 1/0', 'select f18()']),
    talk('prepared under one path and bound under another', [
      'set search_path = other',
      [raw.parse({ name: 's', sql: 'select f19()' }), raw.sync()],
      'set search_path = public',
      [raw.bind({ statement: 's' }), raw.execute(), raw.sync()],
    ]),
    talk('prepared in SQL under one path and executed under another', [
      'set search_path = other',
      'prepare s as select f20()',
      'execute s',
      'set search_path = public',
      'execute s',
    ]),
    talk('a cursor declared under one path and fetched under another', [
      'begin',
      'set local search_path = other',
      'declare c cursor for select f21()',
      'set local search_path = public',
      'fetch all from c',
      'commit',
    ]),
    talk('a path that names pg_temp first', [
      "select set_config('search_path', 'pg_temp, other', false)",
      'select f22()',
      "select set_config('search_path', 'pg_temp, public', false)",
      'select f22()',
    ]),
    talk(
      'given at start-up and reset',
      ['select f23()', 'set search_path = public', 'select f23()', 'reset search_path', 'select f23()'],
      {
        parameters: { search_path: 'other' },
      },
    ),
    talk('given at start-up with a no-break space', ['begin', 'select f24()', 'commit'], {
      parameters: { search_path: 'other\u00a0,public' },
    }),
    talk('set_config with is_local inside a read', [
      'begin',
      "select set_config('search_path', 'other', true)",
      'select f25()',
      'commit; begin',
      'select f25()',
      'commit',
    ]),
    talk('a deallocated and prepared name between two paths', [
      'set search_path = other',
      'prepare s as select f26()',
      'deallocate s; set search_path = public; prepare s as select f26(); execute s',
    ]),
    talk('a SET that the server skips behind an error', [
      'set search_path = public',
      [run('select 1/0'), run('set search_path = other'), raw.sync()],
      'select f27()',
    ]),
    talk('names longer than the server keeps', [
      `select set_config('search_path', 'other${'x'.repeat(70)}, public', false)`,
      'begin',
      'select f28()',
      'commit',
    ]),
    talk('a prepared SET executed by name', [
      'prepare s as select set_config($1, $2, false)',
      "execute s ('search_path', 'other')",
      'select f29()',
      "execute s ('search_path', 'public')",
      'select f29()',
    ]),
    talk('a portal that has set it and is suspended', [
      'set search_path = other',
      'begin',
      [
        raw.parse({
          name: 'a',
          sql: "select set_config('search_path', 'public', false) from generate_series(1, 2)",
        }),
        raw.bind({ portal: 'a', statement: 'a' }),
        raw.execute('a', 1),
        run('select f31()'),
        raw.sync(),
      ],
      'commit',
    ]),
    talk('a schema that the server passes over, as its role may not use it', [
      'set search_path = closed, public',
      'select f36()',
      [run('select f36()'), raw.sync()],
      'delete from w36',
      'select ssn from people',
      "select ssn || '' from people",
      'select length(ssn), people from people',
      'copy people to stdout',
      'copy (select upper(ssn) from people) to stdout',
    ]),
    talk('"$user" of what runs as its owner', [OWN, 'begin', 'select steward.acts()', 'commit']),
    talk('"$user" of what reads as its owner', [OWN, 'select * from steward.reads()']),
    talk('"$user" of the owner of a table that a foreign key deletes from', [
      OWN,
      'delete from steward.parents',
    ]),
    printed(
      'the operator of NULLIF in a view',
      'create view lab.pv1 as select id, nullif(id, 5) as x from lab.t',
      'select x from lab.pv1',
    ),
    printed(
      'the operator of IS DISTINCT FROM in a view',
      'create view lab.pv2 as select id from lab.t where id is distinct from 5',
      'select * from lab.pv2',
    ),
    printed(
      'the operator of CASE in a view',
      'create view lab.pv3 as select case id when 1 then 2 end as x from lab.t',
      'select x from lab.pv3',
    ),
    printed(
      'the operator of USING in a view',
      'create view lab.pv4 as select id from lab.t a join lab.t b using (id)',
      'select * from lab.pv4',
    ),
    printed(
      'the operator of NULLIF in a default',
      'create table lab.pd5 (a integer, b integer default nullif(1, 5))',
      'insert into lab.pd5 (a) values (1)',
    ),
    printed(
      'the operator of CASE in a generated column',
      'create table lab.pd6 (a integer, b integer generated always as (case a when 1 then 2 end) stored)',
      'insert into lab.pd6 (a) values (1)',
    ),
    printed(
      'the operator of IS DISTINCT FROM in a body',
      'create function lab.pf7() returns boolean begin atomic select id is distinct from 5 from lab.t; end',
      'select lab.pf7()',
    ),
    talk('the cast of a definition, which is dropped', [
      'create type lab.cast_to as (a integer)',
      `create function lab.to_it(integer) returns lab.cast_to immutable language plpgsql as 'begin return row(1)::lab.cast_to; end'`,
      'create cast (integer as lab.cast_to) with function lab.to_it(integer)',
      'create view lab.pv8 as select id::lab.cast_to as x from lab.t',
      'drop cast (integer as lab.cast_to)',
      `create or replace function lab.to_it(integer) returns lab.cast_to immutable language plpgsql as 'begin perform public.mark(''cast''); return row(1)::lab.cast_to; end'`,
      'begin',
      'select x from lab.pv8',
      'commit',
    ]),
    ownPath('a comma in the path of a function', 38, 'a,b', '"a,b"'),
    ownPath('a long name in the path of a function', 39, 'z'.repeat(63), `"${'z'.repeat(70)}"`),
    ownPath('a no-break space in the path of a function', 40, '\u00a0x', '\u00a0x'),
    ownPath('a letter that JavaScript folds, in the path of a function', 41, 'Äx', 'Äx'),
    talk('a failed COMMIT that rolls the setting back', [
      'begin',
      'set search_path = other',
      'select f30()',
      'select 1/0',
      'commit and chain',
      'select f30()',
      'commit',
    ]),
  ],
};
