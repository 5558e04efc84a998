import * as raw from '#test/support/raw.ts';
import { type AttackClass, run, talk } from './attack.ts';

/** A table of the lab whose constraint trigger may wait for the end of its transaction, and calls a function by its name alone. */
const waiting = (n: number, of: string, head = '') => [
  `create table lab.late${n} (id integer)`,
  `create function lab.late${n}f() returns trigger language plpgsql ${head} as $$ begin perform ${of}(); return null; end $$`,
  `create constraint trigger late after insert on lab.late${n} deferrable initially deferred for each row execute function lab.late${n}f()`,
  'set search_path = other',
];

/** What was judged where it was written runs at the end of its transaction, and looks its names up in the search_path of then. */
export const AT_COMMIT: AttackClass = {
  title: 'at COMMIT',
  attacks: [
    talk('a deferred trigger, and the path changed before COMMIT', [
      ...waiting(1, 'f32'),
      'begin',
      'insert into lab.late1 values (1)',
      'set search_path = public',
      'commit',
    ]),
    talk('a deferred trigger, and the path changed by set_config for the transaction', [
      ...waiting(2, 'f33'),
      'begin',
      'insert into lab.late2 values (1)',
      "select set_config('search_path', 'public', true)",
      'commit',
    ]),
    talk('a deferred trigger, and the path changed in the same pipeline', [
      ...waiting(3, 'f34'),
      [run('insert into lab.late3 values (1)'), run('set search_path = public'), raw.sync()],
    ]),
    talk('a deferred trigger, and the path changed in the same text', [
      ...waiting(4, 'f35'),
      'insert into lab.late4 values (1); set search_path = public',
    ]),
    talk('a deferred trigger behind a function with a path of its own', [
      ...waiting(5, 'f37'),
      `create function lab.puts() returns integer language sql set search_path = other as 'insert into lab.late5 values (1) returning 1'`,
      'set search_path = public',
      'insert into lab.late1 select lab.puts()',
      'update lab.t set v = v where lab.puts() = 1',
    ]),
    talk('a deferred exclusion constraint over a function', [
      `create table lab.late6 (id integer)`,
      `create function lab.key(i integer) returns integer immutable language plpgsql as $$ begin return f38(); end $$`,
      'set search_path = other',
      'alter table lab.late6 add exclude using btree (lab.key(id) with =) deferrable initially deferred',
      'begin',
      'insert into lab.late6 values (1)',
      'insert into lab.late6 values (2)',
      'set search_path = public',
      'commit',
    ]),
    talk('a cursor WITH HOLD, and the path changed before COMMIT', [
      `create function lab.calls() returns integer language plpgsql as $$ begin return f39(); end $$`,
      'set search_path = other',
      'begin',
      'declare held cursor with hold for select lab.calls() from lab.t',
      'set search_path = public',
      'commit',
    ]),
    talk('a cursor WITH HOLD in one pipeline with the change of the path', [
      `create or replace function lab.calls() returns integer language plpgsql as $$ begin return f39(); end $$`,
      'set search_path = other',
      [
        run('begin'),
        run('declare held cursor with hold for select lab.calls() from lab.t'),
        run('set search_path = public'),
        run('commit'),
        raw.sync(),
      ],
    ]),
    talk('a deferred trigger, and what it calls replaced in the same text', [
      ...waiting(7, 'lab.p39'),
      `insert into lab.late7 values (1); create or replace function lab.p39() returns integer language sql as 'select public.mark(''p39'')'`,
    ]),
    talk('a deferred trigger, and what it calls replaced in the same pipeline', [
      ...waiting(8, 'lab.p40'),
      [
        run('insert into lab.late8 values (1)'),
        run(
          `create or replace function lab.p40() returns integer language sql as 'select public.mark(''p40'')'`,
        ),
        raw.sync(),
      ],
    ]),
  ],
};
