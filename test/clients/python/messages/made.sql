create type mood as enum ('sad', 'glad');
create type pair as (a int, b text);
create type outer_pair as (p pair, n int[]);
create domain small as int check (value < 10);
create type moodrange as range (subtype = mood);
create domain email as text check (value like '%@%');
create table wide_parent (id int primary key);
create table wide (id int primary key, name varchar(10) not null, aa int constraint positive check (aa > 0), parent int references wide_parent, email email,
  during int4range, gen int generated always as (id + 1) stored, ident int generated always as identity);
alter table wide add constraint apart exclude using gist (during with &&);
insert into wide_parent values (1);
insert into wide (id, name, parent) values (1, 'one', 1), (2, 'two', null), (3, 'three', null);
create table part (id int) partition by range (id);
create table part1 partition of part for values from (0) to (10);
create view "view" as select count(*) from wide;
create function f_raise() returns int language plpgsql as $$ begin raise exception 'raised %', 1 using detail = 'more'; end $$;
create function f_deep(n int) returns int language plpgsql as $$ begin if n = 0 then return 1/n; end if; return f_deep(n - 1); end $$;
create function f_sql(t text) returns int language sql as $$ select t::int $$;
create function f_query() returns setof int language plpgsql as $$ begin return query execute 'select 1 union select nope'; end $$;
