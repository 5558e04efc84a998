select
select 1 +
selct 1
select 'ü 🐘', from x
select "ü", nope from (values (1)) as v("ü")
select 'unfinished
select $$unfinished
select "unfinished
/* unfinished
select U&'\d83d'
select U&'\zzzz'
select E'\xff'
select E'\u12'
select 1 as "" 
select '1'::int8 :: nope
select nope from wide
select wide.nope from wide
select wide.aa from wide w
select idd from wide
select * from wid
select * from nowhere.wide
select nope(1)
select lower(1, 2)
select sum(count(*)) from wide
select id from wide group by name
select count(*) over () from wide where count(*) over () > 1
select 1 union select 'x'::text
select 1 union select 1, 2
select (select 1, 2)
select (select g from generate_series(1, 2) g)
select 1/0
select 'x'::int
select '1,2'::point::text::int
select '{1,2'::int[]
select '{1,{2}}'::int[]
select '[1,0]'::int4range
select '{"a":'::jsonb
select '{"a": "\u0000"}'::jsonb
select '{"a": 1} x'::json
select '2024-13-01'::date
select '25:00'::time
select 'x'::inet
select '00000000-0000'::uuid
select 99999999999999999999::int8
select 2147483647 + 1
select 1e400::float8
select 'NaN'::numeric::int
select repeat('x', 2000000000)
select substring('x', 1, -1)
select '(' ~ '('
select 'x' like 'x\' escape 'xx'
select encode('x', 'nope')
select to_date('x', 'YYYY')
select to_number('x', 'RN9')
select current_setting('no.such')
set no_such = 1
set statement_timeout = 'x'
set work_mem = '1kB'
set datestyle = 'nope'
set timezone = 'Nowhere/Atall'
reset no_such
show no_such
insert into wide (id) values (1)
insert into wide (id, name, aa) values (1, 'x', 1), (1, 'y', 1)
insert into wide (id, name) values (7, null)
insert into wide (id, name, aa) values (8, 'x', -1)
insert into wide (id, name, parent) values (8, 'x', 77)
insert into wide (id, name, email) values (9, 'x', 'no address')
insert into wide (id, name, during) values (20, 'x', '[1,5)'), (21, 'y', '[4,9)')
insert into wide values (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
insert into wide (id, id) values (1, 1)
insert into wide (gen) values (1)
insert into wide (ident) values (1)
insert into wide (id, name) values (30, 'far longer than ten letters')
update wide set id = default
delete from wide where id = 1
insert into "view" values (1)
create table wide (id int)
create table a (a int, a int)
create table a (a nope)
create table a (a int references nowhere)
create table a (a int primary key, b int primary key)
alter table wide add id int
alter table wide drop nope
alter table nowhere add a int
alter table wide alter name type int
drop table nowhere
drop table wide_parent
drop function nope(int)
drop role no_such_role
create index on wide (nope)
create index concurrently on wide (id)
create function f() returns int language sql as 'select ''x'''
create function f() returns int language plpgsql as 'begin retrn 1; end'
create function f() returns int language nope as ''
create view v as select nope
create role agent
alter system set work_mem = '1MB'
grant select on wide to nobody_there
set role nobody_there
set session authorization nobody_there
select f_raise()
select f_deep(3)
select f_sql('x')
select f_query()
do $$ begin raise exception 'done %', 7 using errcode = 'AB123', detail = 'a detail', hint = 'a hint', column = 'c', constraint = 'k', datatype = 'd', table = 't', schema = 's'; end $$
do $$ begin raise sqlstate '22012'; end $$
do $$ begin assert false, 'asserted'; end $$
do $$ declare x int; begin x := 'no'; end $$
do $$ begin perform 1; exception when others then null; end $$
do $$ begin execute 'select 1 + from'; end $$
do $$ begin perform nope from wide; end $$
do $$ begin insert into wide (id, name) values (1, 'x'); end $$
do $$ begin commit; end $$
do $$ begn end $$
do language sql 'select 1'
call f_raise()
call nope()
prepare p as select nope
execute nowhere
deallocate nowhere
prepare p as select $1
fetch from nowhere
close nowhere
move 3 in nowhere
declare c cursor for select 1
savepoint s
release nowhere
rollback to nowhere
lock table wide
set transaction isolation level serializable
commit prepared 'nowhere'
rollback prepared 'nowhere'
copy wide (nope) to stdout
copy nowhere to stdout
copy wide to stdout (format nope)
copy wide to stdout (delimiter 'xx')
listen "a channel"
notify "a channel", 'x'
select pg_notify('', 'x')
unlisten "a channel"
explain select nope
explain (costs off) select id from wide where id = 1
explain (analyze, costs off, timing off, summary off, buffers off) select id from wide where id = 1
with w as (select 1) select * from ww
select xmlparse(document 'x')
select 1 order by 2
select distinct on (id) id from wide order by name
select * from wide for update of nope
select * from wide tablesample nope (1)
select * from generate_series(1, 2, 0)
select array[1,2] || 'x'
select row(1,2) = row(1)
select (row(1,2)).f3
select nextval('nowhere')
select currval('wide_ident_seq')
select setval('wide_ident_seq', 0)
select lo_unlink(0)
select pg_advisory_unlock(77)
select set_config('no_such', 'x', false)
select * from pg_authid
truncate nowhere
truncate wide_parent
comment on table nowhere is 'x'
reindex table nowhere
refresh materialized view nowhere
begin; select 1; nonsense
select 1; select 1/0; select 3
select 1;; ;select 2
;
begin; begin; commit; commit
abort
begin; declare c cursor for select * from wide; fetch 2 from c; move 1 from c; close c; commit
begin; insert into wide (id, name) values (40, 'x') returning *; savepoint s; select 1/0
rollback
drop table if exists nowhere, nowhere2
create table if not exists wide (id int)
do $$ begin raise debug 'd'; raise log 'l'; raise info 'i'; raise notice 'n'; raise warning 'w' using hint = 'h', detail = 'd'; end $$
set client_min_messages = debug1; do $$ begin raise debug 'd'; end $$; reset client_min_messages
select 1 as "a name that is far longer than the sixty-three bytes that the server keeps of one"
create temp table "a table's name that is far longer than the sixty-three bytes that the server keeps" (a int)
