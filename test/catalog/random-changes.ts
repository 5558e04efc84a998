import type { Random } from '#test/fuzz/random.ts';

/** Words of DDL at random, over few names, so that much of it meets what is there, and much fails. Names are qualified by schema. */
export function randomChange(random: Random): string {
  const pick = <T>(of: readonly T[]) => random.pick(of);
  const int = (below: number) => random.below(below);
  const schema = () => pick(['public', 'public', 'public', 'public', 's1']);
  const name = (kind: string, n = 3) => `${schema()}.${kind}${int(n)}`;
  const table = () => name('t', 4);
  const view = () => name('v');
  const fn = () => name('f');
  const column = () => pick(['a', 'b', 'c', 'd', 'ssn']);
  const type = () =>
    pick([
      'int',
      'text',
      'numeric(10,2)',
      'varchar(5)',
      'int[]',
      `${schema()}.mood`,
      `${schema()}.dom`,
      `${schema()}.pair`,
      'regclass[]',
      table(),
    ]);
  const value = () =>
    pick([
      '1',
      `'x'`,
      'null',
      `'happy'::public.mood`,
      `'{${table()}}'::regclass[]`,
      `'(1,x)'::public.pair`,
      `${fn()}(1)`,
      `'${table()}'::regclass`,
    ]);
  const query = () =>
    pick([
      `select * from ${table()}`,
      `select a, ${column()} as other from ${table()}`,
      `select x.a, y.b from ${table()} x join ${table()} y using (a)`,
      `select ${fn()}(a) as r from ${table()} where a = ${value()}`,
      `select * from ${view()}`,
      `select count(*) as n from ${view()} natural join ${table()}`,
      `select ${value()} as v, r.* from ${fn()}(2) r`,
      `select a collate "C" from (values ('x')) v (a) where 'happy'::public.mood = 'happy'`,
      `select a operator(public.=#=) 1 as eq from ${table()}`,
      `select g from ${name('g', 2)}(1) g`,
      `select r as a, r.${column()} as b from ${table()} r`,
      `select (r.a).${column()} as other from ${view()} r`,
      `select (r).* from (select ${name('g', 2)}(1) as r) s`,
      `select x.*, y.a as b from ${table()} x natural join (select * from ${table()}) y`,
      `select h from ${name('h', 2)}(array[(select r from ${table()} r limit 1)]) h`,
    ]);
  const body = () =>
    pick([
      `language sql as $$ select ${int(9)} $$`,
      `language plpgsql as $$ begin return ${int(9)}; end $$`,
      `language sql return (select count(*)::int + ${int(9)} from ${table()})`,
      `language sql begin atomic select a from ${table()}; end`,
      `language sql return ${fn()}(1)`,
      `language sql volatile as $$ select a from ${table()} limit 1 $$`,
    ]);
  const kinds: readonly (() => string)[] = [
    () => `create table ${table()} (a int primary key, b text default ${value()}, c ${type()}, ssn text)`,
    () =>
      `create table ${table()} (a int, b text, c int generated always as (a + 1) stored, d int generated always as (a * 2))`,
    () => `create table ${table()} (like ${table()} including all)`,
    () => `create table ${table()} () inherits (${table()})`,
    () => `create table ${table()} (a int, b text) partition by list (a)`,
    () => `create table ${table()} partition of ${table()} for values in (${int(5)})`,
    () => `create temp table ${pick(['t0', 't1', 'tmp'])} (a int, b text, c int)`,
    () => `create unlogged table ${table()} (a serial, b public.dom)`,
    () => `alter table ${table()} add column ${column()} ${type()}`,
    () => `alter table ${table()} add column ${column()} ${type()} default ${value()}`,
    () => `alter table ${table()} drop column ${column()} ${pick(['', 'cascade'])}`,
    () => `alter table ${table()} rename column ${column()} to ${column()}`,
    () => `alter table ${table()} alter column ${column()} type ${type()}`,
    () => `alter table ${table()} alter column ${column()} set default ${value()}`,
    () => `alter table ${table()} alter column ${column()} drop default`,
    () => `alter table ${table()} alter column ${column()} set not null`,
    () => `alter table ${table()} rename to t${int(5)}`,
    () => `alter table ${table()} set schema ${schema()}`,
    () => `alter table ${table()} add constraint k${int(3)} check (a > ${int(9)})`,
    () => `alter table ${table()} add constraint k${int(3)} unique (${column()})`,
    () => `alter table ${table()} drop constraint k${int(3)}`,
    () => `alter table ${table()} rename constraint k${int(3)} to k${int(3)}`,
    () => `alter table ${table()} add foreign key (a) references ${table()} (a) on delete cascade`,
    () => `alter table ${table()} inherit ${table()}`,
    () => `alter table ${table()} no inherit ${table()}`,
    () => `alter table ${table()} attach partition ${table()} for values in (${int(5)})`,
    () => `alter table ${table()} detach partition ${table()}`,
    () => `alter table ${table()} ${pick(['enable', 'disable', 'force'])} row level security`,
    () => `drop table ${table()} ${pick(['', 'cascade', 'cascade'])}`,
    () => `create index on ${table()} (${column()})`,
    () => `create unique index on ${table()} (a)`,
    () => `create index i${int(3)} on ${table()} (${fn()}(a))`,
    () => `alter index ${schema()}.i${int(3)} rename to i${int(3)}`,
    () => `drop index ${schema()}.i${int(3)}`,
    () => `create statistics on a, b from ${table()}`,
    () => `create or replace view ${view()} as ${query()}`,
    () => `create view ${view()} as ${query()}`,
    () => `create materialized view ${view()} as ${query()} with no data`,
    () => `create temp view v${int(3)} as select * from ${pick(['t0', 't1', 'tmp', table()])}`,
    () => `alter view ${view()} rename to v${int(4)}`,
    () => `alter view ${view()} rename column ${column()} to ${column()}`,
    () => `alter view ${view()} set (security_barrier)`,
    () => `drop view ${view()} cascade`,
    () => `drop materialized view ${view()} cascade`,
    () => `create or replace function ${fn()}(int) returns int ${body()}`,
    () => `create function ${fn()}(x int default ${int(9)}, y text default ${value()}) returns int ${body()}`,
    () =>
      `create function ${name('g', 2)}(int) returns setof ${table()} language sql as $$ select * from ${table()} $$`,
    () => `create function ${fn()}(text) returns int ${body()}`,
    () =>
      `create function ${name('h', 2)}(r ${table()}[]) returns boolean language sql return (r[1]).${column()} is null and (select count(*) > 0 from ${table()} natural join ${table()} x)`,
    () => `create type ${schema()}.pair as (a ${table()}, b text)`,
    () => `create domain ${schema()}.dom as ${table()} check ((value).a > ${int(9)})`,
    () =>
      `alter table ${table()} add constraint k${int(3)} check ((${pick(['c', 'd'])}).${column()} is null)`,
    () => `create function pg_catalog.f${int(4)}(int) returns int ${body()}`,
    () => `drop function pg_catalog.f${int(4)}(int) cascade`,
    () => `alter function ${fn()}(int) rename to f${int(4)}`,
    () => `alter function ${fn()}(int) set schema ${schema()}`,
    () =>
      `alter function ${fn()}(int) ${pick(['immutable', 'volatile', 'security definer', 'set search_path to s1'])}`,
    () => `drop function ${fn()}(int) cascade`,
    () => `create type ${schema()}.mood as enum ('sad', 'happy')`,
    () => `alter type ${schema()}.mood rename value ${pick([`'happy' to 'glad'`, `'glad' to 'happy'`])}`,
    () => `alter type ${schema()}.mood add value 'm${int(99)}'`,
    () => `alter type ${schema()}.mood rename to ${pick(['mood', 'mood2'])}`,
    () => `alter type ${schema()}.mood2 rename to mood`,
    () => `create domain ${schema()}.dom as ${pick(['int', 'text'])} check (value is not null)`,
    () => `alter domain ${schema()}.dom add constraint k${int(3)} check (value is distinct from ${value()})`,
    () => `alter domain ${schema()}.dom drop constraint k${int(3)}`,
    () => `alter type ${schema()}.${pick(['dom', 'pair'])} set schema ${schema()}`,
    () => `create type ${schema()}.pair as (a int, b text)`,
    () =>
      `alter type ${schema()}.pair ${pick(['add attribute c regclass', 'drop attribute c', 'rename attribute a to z', 'rename attribute z to a'])} cascade`,
    () => `create type ${schema()}.rng as range (subtype = int, subtype_diff = int4mi)`,
    () => `drop type ${schema()}.${pick(['mood', 'pair', 'rng', 'dom'])} cascade`,
    () =>
      `create operator ${schema()}.=#= (leftarg = int, rightarg = int, function = ${pick(['int4eq', 'int4ne'])}, commutator = operator(${schema()}.=#=))`,
    () => `alter operator ${schema()}.=#= (int, int) set schema ${schema()}`,
    () => `drop operator ${schema()}.=#= (int, int) cascade`,
    () => `create aggregate ${schema()}.ag${int(2)} (int) (sfunc = int4pl, stype = int)`,
    () =>
      `create cast (${pick(['int', 'text'])} as ${schema()}.pair) with inout as ${pick(['implicit', 'assignment'])}`,
    () => `drop cast (${pick(['int', 'text'])} as ${schema()}.pair)`,
    () =>
      `create or replace rule r${int(2)} as on ${pick(['insert', 'update', 'delete'])} to ${table()} do also ${pick([`select ${fn()}(1)`, `insert into ${table()} (a) values (1) on conflict on constraint k${int(3)} do nothing`, `delete from ${table()}`])}`,
    () => `drop rule r${int(2)} on ${table()}`,
    () => `create policy p${int(2)} on ${table()} using (a > ${fn()}(1)) with check (${value()} is not null)`,
    () => `alter policy p${int(2)} on ${table()} rename to p${int(2)}`,
    () => `drop policy p${int(2)} on ${table()}`,
    () =>
      `create trigger g${int(2)} before ${pick(['insert', 'update of a'])} on ${table()} for each row execute function public.tg()`,
    () => `alter table ${table()} ${pick(['disable', 'enable'])} trigger all`,
    () => `drop trigger g${int(2)} on ${table()}`,
    () => `create schema s${int(3)}`,
    () => `alter schema s${int(3)} rename to s${int(3)}`,
    () => `drop schema s${int(3)} cascade`,
    () => `create extension if not exists ${pick(['citext', 'hstore', 'btree_gist'])} schema ${schema()}`,
    () => `drop extension if exists ${pick(['citext', 'hstore', 'btree_gist'])} cascade`,
    () => `alter extension citext drop function ${schema()}.citextsend(${schema()}.citext)`,
    () => `create collation ${schema()}.co${int(2)} from "C"`,
    () => `alter collation ${schema()}.co${int(2)} rename to co${int(2)}`,
    () => `alter table ${table()} add check (b collate ${schema()}.co${int(2)} > 'x')`,
    () =>
      `create event trigger e${int(2)} on ${pick(['ddl_command_start', 'ddl_command_end', 'sql_drop'])} ${pick(['', "when tag in ('CREATE VIEW', 'DROP VIEW')"])} execute function public.ev()`,
    () => `alter event trigger e${int(2)} ${pick(['disable', 'enable', 'enable replica', 'enable always'])}`,
    () => `alter event trigger e${int(2)} rename to e${int(2)}`,
    () => `drop event trigger e${int(2)}`,
    () => `analyze ${table()}`,
    () => `insert into ${table()} (a) select generate_series(1, ${int(400)})`,
    () => `truncate ${table()} cascade`,
    () => `cluster ${table()} using t${int(5)}_pkey`,
    () => `reindex table ${table()}`,
    () => `grant select on ${table()} to public`,
    () => `grant usage on schema ${schema()} to public`,
    () => `comment on table ${table()} is 'x'`,
    () => `do $$ begin execute 'create table ${table()} (a int)'; exception when others then null; end $$`,
  ];
  return pick(kinds)();
}

/** What a transaction may not do. */
export function randomUpkeep(random: Random): string {
  return random.pick([
    'vacuum analyze',
    'vacuum full pg_catalog.pg_class',
    'vacuum full pg_catalog.pg_attribute',
    'vacuum full pg_catalog.pg_proc',
    'vacuum freeze pg_catalog.pg_attribute',
    'vacuum full pg_catalog.pg_constraint',
    'reindex table pg_catalog.pg_class',
    `create index concurrently on public.t${random.below(5)} (a)`,
  ]);
}
