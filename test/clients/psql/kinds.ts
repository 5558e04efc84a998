/** A database with an object of every kind that a dump has and psql describes. */
export const EVERY_KIND = `
create schema kinds;
create type kinds.mood as enum ('sad', 'ok', 'happy');
create type kinds.pair as (a integer, b text);
create type kinds.span as range (subtype = integer);
create domain kinds.grade as integer default 1 constraint grades check (value between 1 and 6);
create collation kinds.plain from "C";
create sequence kinds.numbers start 5 increment 3;
create function kinds.twice(n integer) returns integer language sql immutable as 'select n * 2';
create function kinds.names(out a integer, out b text) returns setof record language sql as $$ values (1, 'x'), (2, E'y\\n') $$;
create procedure kinds.nothing(inout n integer) language plpgsql as $$ begin n := n + 1; end $$;
create function kinds.stamp() returns trigger language plpgsql as $$ begin new.note := coalesce(new.note, 'stamped ' || new.id); return new; end $$;
create function kinds.on_ddl() returns event_trigger language plpgsql as $$ begin end $$;
create aggregate kinds.total(integer) (sfunc = int4pl, stype = integer, initcond = '0');
create operator kinds.=== (leftarg = integer, rightarg = integer, function = int4eq, commutator = operator(kinds.===));
create cast (kinds.pair as text) with inout;
create text search dictionary kinds.words (template = simple);
create text search configuration kinds.search (copy = simple);
create table kinds.parents (
  id integer generated always as identity primary key,
  mood kinds.mood not null default 'ok',
  pair kinds.pair,
  grade kinds.grade,
  doubled integer generated always as (2 * 21) stored,
  note text collate kinds.plain,
  tags text[] default '{a,"b c"}',
  document jsonb,
  bytes bytea,
  constraint notes_are_short check (length(note) < 1000)
);
comment on table kinds.parents is 'with ''quotes'' and a
new line';
comment on column kinds.parents.note is 'a note';
create unique index parents_note on kinds.parents (lower(note)) where note is not null;
create index parents_document on kinds.parents using gin (document);
create statistics kinds.together on mood, grade from kinds.parents;
create trigger stamps before insert on kinds.parents for each row execute function kinds.stamp();
create event trigger watches on ddl_command_end when tag in ('CREATE TABLE') execute function kinds.on_ddl();
create rule keeps as on delete to kinds.parents where old.id < 0 do instead nothing;
insert into kinds.parents (pair, grade, note, document, bytes)
  select row(g, 'p' || g)::kinds.pair, 1 + g % 6, case when g % 3 > 0 then E'note\\t' || g || '\\' end, jsonb_build_object('g', g), decode(lpad(to_hex(g), 4, '0'), 'hex')
  from generate_series(1, 200) g;
create table kinds.children (parent integer references kinds.parents on delete cascade, "odd ""name""" text, exclude using gist (int4range(parent, parent + 1) with &&));
insert into kinds.children values (1, null), (2, ''), (3, 'ü\\.');
create table kinds.logs (at date not null, line text) partition by range (at);
create table kinds.logs_2025 partition of kinds.logs for values from ('2025-01-01') to ('2026-01-01');
create table kinds.logs_rest partition of kinds.logs default;
insert into kinds.logs select date '2024-12-01' + g, 'line ' || g from generate_series(1, 100) g;
create table kinds.base (a integer);
create table kinds.derived (b integer) inherits (kinds.base);
create unlogged table kinds.fleeting (a integer);
create view kinds.happy with (security_barrier) as select id, note from kinds.parents where mood = 'happy' with check option;
create materialized view kinds.counts as select mood, count(*) from kinds.parents group by mood;
create index counts_mood on kinds.counts (mood);
alter table kinds.children enable row level security;
create policy only_small on kinds.children for select to public using (parent < 3);
create role kinds_reader;
grant usage on schema kinds to kinds_reader;
grant select (id, note), update (note) on kinds.parents to kinds_reader;
grant execute on function kinds.twice(integer) to kinds_reader with grant option;
alter default privileges in schema kinds grant select on tables to kinds_reader;
create publication everything for table kinds.parents;
create foreign data wrapper nowhere;
create server far foreign data wrapper nowhere options (host 'example.com');
create user mapping for public server far options (secret 's');
create foreign table kinds.remote (a integer options (col 'A')) server far;
select lo_from_bytea(4711, 'large object'::bytea);
comment on large object 4711 is 'a large one';
`;
