\set VERBOSITY sqlstate
select 1 as one, 'two' as two \gdesc
select $1::int \gdesc
create table t (a int) \gdesc
\gdesc
select g as r, g % 3 as c, g * g as v from generate_series(1, 9) g \crosstabview r c v
select 1 as a, 1 as b, 1 as c union all select 1, 1, 2 \crosstabview
select 'select ' || g || ' as n' from generate_series(1, 3) g \gexec
select 4 as x, 'y' as "Y" \gset got_
\echo :got_x :got_Y
select :'got_Y', :"got_Y" from (select 1 as y) s;
select id, name from items where id < 3 \gx
select id from items order by id limit 3 \g (format=csv tuples_only=on)
\if :got_x
select 'yes';
\else
select 'no';
\endif
select 1 \; select 2 \; select 3;
\set SHOW_ALL_RESULTS off
select 1 \; select 2 \; select 3;
\set SHOW_ALL_RESULTS on
create sequence ticks;
\pset format unaligned
\t on
select 1 / (3 - nextval('ticks')) \watch 0.05
\t off
\pset format aligned
drop sequence ticks;
-- a cursor fetches in portions
\set FETCH_COUNT 7
select id, name from items order by id;
select 1 / (20 - id) from items order by id;
select 'no rows' where false;
update items set price = price where id < 3 returning id;
with w as (select id from items) select count(*) from w;
\set FETCH_COUNT 0
-- a savepoint around each statement
\set ON_ERROR_ROLLBACK on
begin;
insert into notes values (1, 'kept', 1);
insert into notes values (1, 'twice', 1);
selec;
select * from nowhere;
select count(*) from notes;
savepoint mine;
select 1/0;
rollback to mine;
commit;
select * from notes;
delete from notes;
\set ON_ERROR_ROLLBACK off
begin;
select 1/0;
select 2;
commit;
\set AUTOCOMMIT off
insert into notes values (2, 'not yet', 2);
rollback;
select count(*) from notes;
commit;
\set AUTOCOMMIT on
\set SINGLELINE on
select 'a line'
\set SINGLELINE off
-- errors, as psql shows them
\set VERBOSITY default
selec 1;
select nothing from items;
select * from items where id = 'x';
select fails('by hand');
\errverbose
\set SHOW_CONTEXT always
select fails('with context');
\set VERBOSITY terse
insert into items values (1, 'a', 1, null);
\set VERBOSITY verbose
insert into items values (1, 'a', -1, null);
select 'a'::percent;
select 101::percent;
\errverbose
\echo :ERROR :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE
-- settings
set timezone = 'Asia/Tokyo';
show timezone;
set datestyle = 'German';
select date '2026-01-02';
reset all;
\encoding
\encoding UTF8
prepare p(int) as select $1 * 2;
execute p(21);
deallocate p;
listen channel;
notify channel, 'heard';
select 1;
unlisten *;
declare c cursor with hold for select id from items order by id;
fetch 2 from c;
move 2 in c;
fetch backward 1 from c;
close c;
explain (costs off) select * from items where id = 1;
do $$ begin raise notice 'a notice'; raise warning 'a warning' using hint = 'a hint', detail = 'a detail'; end $$;
-- $$ not this $$
/* nor /* this */ ; select 1; */
select $a$ ; select 2; $a$, E'it''s \' ; ', "odd;" from (select 1 as "odd;") s;
begin \; insert into notes values (5, 'x', 1) \; select 1/0 \; commit;
rollback;
select count(*) from notes;
