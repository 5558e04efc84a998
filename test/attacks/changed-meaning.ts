import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { type AttackClass, run, talk } from './attack.ts';

const evil = (name: string) =>
  `create or replace function lab.${name}() returns integer language sql as 'select public.mark(''${name}'')'`;

/** What was judged is made to mean something else before it runs, by DDL that policy allows. */
export const CHANGED_MEANING: AttackClass = {
  title: 'changed meaning',
  attacks: [
    talk('a function replaced in the open transaction', ['begin', evil('p1'), 'select lab.p1()', 'commit']),
    talk('a function replaced in a pipeline', [
      [run('select 1'), run(evil('p2')), run('select lab.p2()'), raw.sync()],
    ]),
    talk('a function replaced in a pipelined transaction', [
      [run('begin'), run(evil('p3')), run('select lab.p3()'), run('commit'), raw.sync()],
    ]),
    talk('a function replaced and committed inside a pipeline', [
      [run('begin'), run(evil('p4')), run('commit'), run('select lab.p4()'), raw.sync()],
    ]),
    talk('a function replaced, COMMIT AND CHAIN', [
      'begin',
      evil('p5'),
      'commit and chain',
      'select lab.p5()',
      'commit',
    ]),
    talk('a function replaced, COMMIT and BEGIN in one text', [
      'begin',
      evil('p6'),
      'commit; begin',
      'select lab.p6()',
      'commit',
    ]),
    talk('a function replaced behind a prepared statement of the protocol', [
      'begin',
      [raw.parse({ name: 's', sql: 'select lab.p7()' }), raw.sync()],
      evil('p7'),
      [raw.bind({ statement: 's' }), raw.execute(), raw.sync()],
      'commit',
    ]),
    talk('a function replaced behind a prepared statement of SQL', [
      'begin',
      'prepare s as select lab.p8()',
      evil('p8'),
      'execute s',
      'commit',
    ]),
    talk('a function replaced under an open cursor', [
      'begin',
      'declare c cursor for select lab.p9()',
      evil('p9'),
      'fetch all from c',
      'commit',
    ]),
    talk('a function replaced under a bound portal', [
      'begin',
      [raw.parse({ sql: 'select lab.p10()' }), raw.bind({ portal: 'p' }), raw.sync()],
      evil('p10'),
      [raw.execute('p'), raw.sync()],
      'commit',
    ]),
    talk('a function replaced under a suspended portal', [
      'begin',
      [
        raw.parse({ sql: 'select lab.p11() from people' }),
        raw.bind({ portal: 'p' }),
        raw.execute('p', 1),
        raw.sync(),
      ],
      evil('p11'),
      [raw.execute('p'), raw.sync()],
      'commit',
    ]),
    talk('a function replaced under a cursor that is held over COMMIT', [
      'begin',
      'declare c cursor with hold for select lab.p12() from lab.t',
      evil('p12'),
      'commit',
      'fetch all from c',
    ]),
    talk('a function dropped, another one made in its place', [
      'begin',
      'drop function lab.p13()',
      "create function lab.p13() returns integer language sql as 'select public.mark(''p13'')'",
      'select lab.p13()',
      'commit',
    ]),
    talk('a function renamed onto a harmless one', [
      'begin',
      'alter function lab.p14() rename to p14_old',
      "create function lab.p14() returns integer language sql as 'select public.mark(''p14'')'",
      'select lab.p14()',
      'commit',
    ]),
    talk('a writing function moved into the schema of a harmless one', [
      'begin',
      'alter function other.f40() rename to gone',
      'alter function public.f40() set schema other',
      'select other.f40()',
      'commit',
    ]),
    talk('a function that a savepoint brings back', [
      'begin',
      'savepoint a',
      evil('p15'),
      'savepoint b',
      'rollback to b',
      'select lab.p15()',
      'commit',
    ]),
    talk('a view replaced in the open transaction', [
      'create view lab.v1 as select 1 as a',
      'begin',
      'create or replace view lab.v1 as select lab.p16() as a',
      evil('p16'),
      'select * from lab.v1',
      'commit',
    ]),
    talk('a trigger made in the open transaction', [
      `create function lab.tr1() returns trigger language plpgsql as $$ begin return new; end $$`,
      'begin',
      `create or replace function lab.tr1() returns trigger language plpgsql as $$ begin perform public.mark('tr1'); return new; end $$`,
      'create trigger tr before insert on lab.t for each row execute function lab.tr1()',
      "insert into lab.t values (11, 'x')",
      'commit',
    ]),
    talk('a rule made in the open transaction', [
      'begin',
      "create rule r as on insert to lab.t do also insert into public.marks values ('rule')",
      "insert into lab.t values (12, 'x')",
      'commit',
    ]),
    talk('a default made in the open transaction', [
      'begin',
      evil('p17'),
      'alter table lab.t alter column v set default lab.p17()::text',
      'insert into lab.t (id) values (13)',
      'commit',
    ]),
    talk('a check made in the open transaction', [
      `create function lab.c18(v text) returns boolean language sql as 'select true'`,
      'alter table lab.t add constraint c18 check (lab.c18(v)) not valid',
      'begin',
      `create or replace function lab.c18(v text) returns boolean language sql as 'select public.mark(''c18'') > 0'`,
      "insert into lab.t values (14, 'x')",
      'commit',
      'alter table lab.t drop constraint c18',
    ]),
    talk('an operator made in the open transaction', [
      'begin',
      `create function lab.o19(a text, b integer) returns integer language sql as 'select public.mark(''o19'')'`,
      'create operator lab.+ (leftarg = text, rightarg = integer, function = lab.o19)',
      'set local search_path = lab, public',
      "select 'a'::text + 1",
      'commit',
    ]),
    talk('a cast made in the open transaction', [
      'create type lab.k20 as (a integer)',
      'begin',
      `create function lab.k20c(a lab.k20) returns integer language sql as 'select public.mark(''k20'')'`,
      'create cast (lab.k20 as integer) with function lab.k20c(lab.k20) as implicit',
      'select row(1)::lab.k20 + 1',
      'select (row(1)::lab.k20)::integer',
      'commit',
    ]),
    talk('a domain check made in the open transaction', [
      'create domain lab.d21 as integer',
      'begin',
      `create function lab.d21c(a integer) returns boolean language sql as 'select public.mark(''d21'') > 0'`,
      'alter domain lab.d21 add constraint c check (lab.d21c(value))',
      'select 1::lab.d21',
      'commit',
    ]),
    talk('a policy made in the open transaction', [
      'create table lab.rls (id integer); alter table lab.rls force row level security; insert into lab.rls values (1)',
      'create table lab.rls (id integer)',
      'insert into lab.rls values (1)',
      'begin',
      `create function lab.r22() returns boolean language sql as 'select public.mark(''r22'') > 0'`,
      'alter table lab.rls enable row level security',
      'alter table lab.rls force row level security',
      'create policy p on lab.rls using (lab.r22())',
      'select * from lab.rls',
      'commit',
    ]),
    talk('a function replaced between an insert and its deferred trigger', [
      'create table lab.d23 (id integer)',
      `create function lab.tr23() returns trigger language plpgsql as $$ begin return new; end $$`,
      'create constraint trigger tr after insert on lab.d23 deferrable initially deferred for each row execute function lab.tr23()',
      'begin',
      'insert into lab.d23 values (1)',
      `create or replace function lab.tr23() returns trigger language plpgsql as $$ begin perform public.mark('tr23'); return new; end $$`,
      'commit',
    ]),
    talk('a temporary table that shadows one which may be written', [
      'begin',
      `create function lab.tr24() returns trigger language plpgsql as $$ begin perform public.mark('tr24'); return new; end $$`,
      'create temp table t (id integer, v text)',
      'create trigger tr before insert on pg_temp.t for each row execute function lab.tr24()',
      'set local search_path = lab',
      "insert into t values (1, 'x')",
      'commit',
    ]),
    talk('a temporary view that shadows a harmless one', [
      'create view lab.v25 as select 1 as a',
      'begin',
      'create temp view v25 as select lab.p25() as a',
      evil('p25'),
      'set local search_path = lab',
      'select * from v25',
      'commit',
    ]),
    talk('a temporary type that shadows another', [
      'create domain lab.d26 as integer',
      'begin',
      `create function lab.d26c(a integer) returns boolean language sql as 'select public.mark(''d26'') > 0'`,
      'create domain pg_temp.d26 as integer check (lab.d26c(value))',
      'set local search_path = lab',
      'select 1::d26',
      'commit',
    ]),
    {
      name: 'a function replaced by a second session while the first has a portal open',
      async run(me, field) {
        const other = await field.attacker();
        await me.say('begin');
        await me.say(
          raw.parse({ sql: 'select lab.p27() from lab.t' }),
          raw.bind({ portal: 'p' }),
          raw.execute('p', 1),
          raw.sync(),
        );
        await other.say(evil('p27'));
        await me.say(raw.execute('p'), raw.sync());
        await me.say(raw.parse({ sql: 'select lab.p27()' }), raw.bind(), raw.execute(), raw.sync());
        await me.say('commit');
      },
    },
    {
      name: 'a function replaced and committed by a second session, before an earlier transaction goes on',
      async run(me, field) {
        const other = await field.attacker();
        await me.say('begin');
        await me.say('select lab.p28()');
        await other.say('begin', evil('p28'));
        await other.say(evil('p28'));
        await other.say('commit and chain');
        await me.say('select lab.p28()');
        await me.say('commit');
      },
    },
    {
      name: 'a function replaced by a session that does not read its answers',
      async run(me, field) {
        const other = await field.attacker();
        await me.say('begin');
        other.client.socket.pause();
        other.client.send(
          raw.query(`begin; ${evil('p29')}; commit; select repeat('x', 1000) from generate_series(1, 20000)`),
        );
        for (let i = 0; i < 20; i++) await me.say('select lab.p29()');
        other.client.socket.resume();
      },
    },
    talk('a procedure with DDL that commits and fails', [
      `create procedure lab.ddl30() language plpgsql as $$ begin create or replace function lab.p30() returns integer language sql as 'select public.mark(''p30'')'; commit; raise exception 'x'; end $$`,
      'call lab.ddl30()',
      'begin',
      'select lab.p30()',
      'commit',
    ]),
    {
      name: 'DDL beside which an event trigger of somebody else writes what the agent may not',
      async run(me, { gate }) {
        await gate.look(`create function lab.beside() returns event_trigger language plpgsql as
            $$ begin if current_user = 'agent' then perform public.mark('event'); delete from public.canary; end if; end $$;
          create event trigger beside on ddl_command_end execute function lab.beside();
          create function lab.seen() returns integer language sql as 'select 1'`);
        try {
          await waitFor(async () => (await me.say('select lab.seen()')).includes('D'), {
            what: 'the catalog with the event trigger is there',
          });
          await me.say('create table lab.evented ()');
          await me.say(run('comment on table lab.t is null'), raw.sync());
          await me.say('select 1 as one into lab.evented');
          await me.say('do $$ begin create table lab.evented (); end $$');
          await me.say('alter table lab.t add column evented text');
        } finally {
          await gate.look(
            'drop event trigger beside; drop function lab.beside(), lab.seen(); drop table if exists lab.evented',
          );
        }
      },
    },
  ],
};
