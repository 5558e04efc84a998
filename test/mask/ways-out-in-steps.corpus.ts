/**
 * Several statements, several sessions. `2> ` is a second session of the agent, `own> ` the database's owner beside the proxy (what was
 * there before), `wait` until the proxy has seen that, `... ` goes on while the next line runs. `%` becomes another word in each run.
 */
export const WAYS_OUT_IN_STEPS: readonly string[] = `
# a view over it
create view zv% as select id, ssn as x, upper(email) as y, name from customers
select * from zv% where id <= 3
select x || '', y from zv% where id <= 3
select zv% from zv% limit 3
update zv% set name = x where id = 1
update zv% set name = name where id = 1 returning x, old.x, new.x
copy zv% to stdout

# numbers that a condition sets against it
create table zca% as select n from generate_series(38000, 150000) n
create view zcb% as select n as q from zca%
select n.n from zca% n join employees e on e.salary = n.n where e.id <= 3
select n.n as city, e.id from employees e, zca% n where n.n - e.salary = 0 and e.id <= 3
select * from zca% where n in (select salary from employees where id <= 3)
select * from zca% where n in (table employees)
select n from zca% where n = any (array(select salary from employees where id <= 3))
select n from zca% join (select salary as n from employees) e using (n) limit 3
select n from zca% natural join (select salary as n from employees) e limit 3
select n from zca% natural join employees e (a, b, c, d, n) limit 3
select salary from zca% x (salary) natural join employees limit 3
select j.a from (zca% z join employees e on z.n = e.salary) as j (a) limit 3
select x.a from (select n as a from zca%) x join employees e on x.a = e.salary limit 3
select b.n from zca% a, zca% b, employees e where e.id = 2 and a.n = e.salary and b.n = a.n
select n from zca%, employees e where e.id = 2 order by abs(n - e.salary) limit 1
select n, rank() over (order by abs(n - e.salary)) from zca%, employees e where e.id = 2 limit 1
select n from zca% where n >= (select salary from employees where id = 2) order by n limit 1
select n from zca% where exists (select from employees e where e.id = 2 and (n, true) = (e.salary, true))
select n from zca% where case n when (select salary from employees where id = 2) then true end
select q from zcb% join employees e on e.salary = q limit 3
with q as (select salary as id from employees e where e.id = 2) select n from zca%, q where n = q.id
update zca% set n = n where n in (select salary from employees where id <= 3) returning n, new.n as m
prepare zcc% as select n from zca% where n in (select salary from employees where id <= 3)
execute zcc%
begin
declare zcd% cursor for select n from zca% where n in (select salary from employees where id <= 3)
fetch all from zcd%
rollback
insert into order_events (order_id, event) select n, 'x' from generate_series(38000, 150000) n where n = (select salary from employees where id = 2)

# a view over a view over it, renamed
create view zw% (a, b) as select id, ssn from customers
create view zx% as select a as city, b as name from zw%
select * from zx% limit 3
alter view zx% rename column name to harmless
select harmless from zx% limit 3
alter view zx% rename to products%
select * from products% limit 3
select lower(harmless) from products% limit 3

# a view in the transaction that makes it
begin
create view zt% as select ssn as x, id from customers
select x from zt% limit 3
select * from zt% limit 3
select x || '' from zt% limit 3
copy zt% to stdout
insert into order_events (order_id, event) select 1, x from zt% limit 3 returning event
rollback

# one text makes the view and reads it
create view zo% as select ssn as x from customers; select x from zo% limit 3

# a view of the same name, replaced in the transaction
create view zr% as select id, city::text as x from customers
select x from zr% limit 1
begin
create or replace view zr% as select id, ssn as x from customers
select x from zr% limit 3
select x || '' from zr% limit 3
insert into order_events (order_id, event) select 1, x from zr% limit 3 returning event
commit
select event from order_events order by id desc limit 3

# a view replaced after it was prepared
create view zp% as select id, city::text as x from customers
prepare zpq% as select x from zp% where id <= 3
execute zpq%
create or replace view zp% as select id, ssn as x from customers
execute zpq%

# a view replaced under an open cursor
create view zc% as select id, city::text as x from customers
begin
declare cc% cursor for select x from zc% where id <= 9
fetch 1 from cc%
create or replace view zc% as select id, ssn as x from customers
fetch all from cc%
declare cd% cursor for select x from zc% where id <= 9
fetch all from cd%
commit

# a function replaced under an open cursor
create function zf%(i int) returns text language plpgsql as $$ begin return 'x'; end $$
begin
declare cf% cursor for select zf%(id) from products where id <= 9
fetch 1 from cf%
create or replace function zf%(i int) returns text language plpgsql as $$ begin return (select ssn from customers where id = i); end $$
fetch all from cf%
select zf%(1)
commit
select zf%(1)

# a function in SQL, old and new style, with every kind of result
create function za%() returns text language sql as 'select ssn from customers where id = 1'
select za%()
select * from za%()
create function zb%() returns text begin atomic select ssn from customers where id = 1; end
select zb%()
create function zd%() returns setof customers language sql as 'select * from customers where id <= 3'
select * from zd%()
select (zd%()).ssn
select ssn from zd%()
create function ze%(out s text, out p text) language sql as 'select ssn, phone from customers where id = 1'
select s from ze%()
create function zg%() returns table (s text) language plpgsql as $$ begin return query select ssn from customers limit 3; end $$
select s from zg%()
create function zh%(s text default customer_email(1)) returns text language sql as 'select s'
select zh%()

# a function that hands on, and polymorphic ones
create function zi%(anyelement) returns anyelement language sql as 'select $1'
select zi%(ssn) from customers where id <= 3
select (zi%(c)).ssn from customers c where id <= 3
select zi%(customer_email(1))
create function zj%(variadic text[]) returns text language sql as 'select $1[1]'
select zj%(ssn, phone) from customers where id <= 3
create function zk%(c customers) returns text language sql as 'select c.ssn'
select zk%(c) from customers c where id <= 3
select c.zk% from customers c where id <= 3

# a function that tells by a notice, an error, a context line
create function zl%(s text) returns text language plpgsql as $$ begin raise notice '%', s; raise warning '%', s; raise info '%', s; return 'x'; end $$
select zl%(ssn) from customers where id <= 3
select count(zl%(ssn)) from customers where id <= 3
select id from customers where zl%(ssn) = 'x' and id <= 3
select id from customers where id <= 3 order by zl%(ssn)
create function zm%(s text) returns text language plpgsql as $$ begin raise exception using message = s, detail = s, hint = s, errcode = 'A' || substr(s, 1, 2) || substr(s, 5, 2), constraint = s, table = s; end $$
select zm%(ssn) from customers where id = 1
select id from customers where zm%(ssn) is null
create function zn%(s text) returns text language plpgsql as $$ begin perform ('select ''' || s || '''')::regclass; return 1; end $$
select zn%(ssn) from customers where id = 1

# an index on a function that tells
create function zq%(s text) returns text language plpgsql immutable as $$ begin raise notice '%', s; return s; end $$
create index on customers (zq%(ssn))
create index on customers ((zq%(phone)))
create index on customers (id) where zq%(email) is not null
create statistics on (zq%(ssn)), id from customers
analyze customers
reindex table customers
alter table customers add constraint zc1% check (zq%(ssn) is not null)
alter table customers add column zz1% text generated always as (zq%(ssn)) stored

# an index on a function that writes
create table zlog% (s text)
create function zs%(s text) returns text language plpgsql immutable as $$ begin insert into zlog% values (s); return s; end $$
create index on customers (zs%(ssn))
select s from zlog% limit 3
alter table customers add constraint zc2% check (zs%(ssn) is not null)
select s from zlog% limit 3
alter table customers alter column notes set default zs%('x')
update customers set notes = zs%(ssn) where id = 1
select s from zlog% limit 3

# a trigger that writes elsewhere
create table zta% (s text)
create function ztf%() returns trigger language plpgsql as $$ begin insert into zta% values (new.ssn); return new; end $$
create trigger ztt% before update on customers for each row execute function ztf%()
update customers set notes = notes where id <= 3
select s from zta%

# a trigger that writes the row into another column
create function ztg%() returns trigger language plpgsql as $$ begin new.notes := new.ssn; return new; end $$
create trigger ztu% before update on customers for each row execute function ztg%()
update customers set city = city where id <= 3 returning notes
select notes from customers where id <= 3

# a trigger that notifies, sets, tells
create function zth%() returns trigger language plpgsql as $$ begin raise notice '%', new; perform pg_notify('zz', new.ssn); perform set_config('zz.zz', new.ssn, false); return new; end $$
listen zz
create trigger ztv% after update on customers for each row execute function zth%()
update customers set city = city where id <= 3
show zz.zz
select current_setting('zz.zz')

# a deferred trigger that fails at commit
create function zti%() returns trigger language plpgsql as $$ begin raise exception '%', new.ssn; end $$
create constraint trigger ztw% after update on customers deferrable initially deferred for each row execute function zti%()
begin
update customers set city = city where id = 1
commit

# a trigger with arguments, on a transition table, on truncate
create table ztb% (s text)
create function ztj%() returns trigger language plpgsql as $$ begin insert into ztb% select ssn from n; return null; end $$
create trigger ztx% after update on customers referencing new table as n for each statement execute function ztj%()
update customers set city = city where id <= 3
select s from ztb%

# a trigger function that was harmless when it was attached
create table ztc% (s text)
create function ztk%() returns trigger language plpgsql as $$ begin return new; end $$
create trigger zty% before update on customers for each row execute function ztk%()
create or replace function ztk%() returns trigger language plpgsql as $$ begin insert into ztc% values (new.ssn); return new; end $$
update customers set city = city where id <= 3
select s from ztc%

# a rule
create table zra% (s text)
create rule zrr% as on update to customers do also insert into zra% values (new.ssn)
update customers set city = city where id <= 3
select s from zra%
create table zrb% (s text)
create rule zrs% as on insert to zrb% do instead select ssn from customers limit 3
insert into zrb% values ('x')
create rule zrt% as on update to zrb% do instead select ssn || '' from customers limit 3
update zrb% set s = 'x'
create rule zru% as on delete to customers do instead insert into zra% values (old.ssn)
delete from customers where id = 1
select s from zra%

# a policy with a function
create table zpa% (s text)
create function zpf%(s text) returns boolean language plpgsql as $$ begin insert into zpa% values (s); raise notice '%', s; return true; end $$
create policy zpp% on customers using (zpf%(ssn))
alter table customers enable row level security
alter table customers force row level security
update customers set city = city where id <= 3
select id from customers where id <= 3
select s from zpa%
alter table customers disable row level security

# a default, a domain, a check that reads
create function zda%() returns text language sql as 'select ssn from customers where id = 1'
create table zdb% (i int, s text default zda%())
insert into zdb% values (1) returning s
select s from zdb%
create function zdc%() returns text language sql stable as 'select ''x''::text'
create table zdd% (i int, s text default zdc%())
create or replace function zdc%() returns text language sql stable as 'select ssn from customers where id = 1'
insert into zdd% values (1) returning s
select s from zdd%
alter table zdd% add column t text default zdc%()
select t from zdd%

# a function that reads a view that is made later
create function zea%() returns text language plpgsql as $$ begin return (select x from zeb% limit 1); end $$
create table zec% (i int, s text default zea%())
create view zeb% as select 'x'::text as x
insert into zec% values (1)
drop view zeb%
create view zeb% as select ssn as x from customers
insert into zec% values (1) returning s
select s from zec%
select zea%()

# a temporary view before a table of the same name
create temp view products as select ssn as name, id from customers
select name from products limit 3
select name || '' from products limit 3
select count(name), max(name) from products
drop view pg_temp.products

# another schema first in the path
create schema zsa%
create view zsa%.products as select ssn as name, id from customers
set search_path = zsa%, public
select name from products limit 3
select name || '' from products limit 3
insert into order_events (order_id, event) select 1, name from products limit 1 returning event
set local search_path = public
reset search_path

# set search_path and read in one text
create schema zsb%
create view zsb%.products as select ssn as name, id from customers
set search_path = zsb%, public; select name || '' from products limit 3
select set_config('search_path', 'public', false); select name || '' from products limit 3
begin; set local search_path = zsb%; select upper(name) from products limit 3; commit
reset search_path

# functions and operators that shadow
create schema zsc%
create function zsc%.count(text) returns text language sql as 'select $1'
create function zsc%.now() returns text language sql as 'select ssn from public.customers where id = 1'
create function zsc%.lower(text) returns text language plpgsql as $$ begin raise notice '%', $1; return $1; end $$
create operator zsc%.= (leftarg = text, rightarg = text, function = pg_catalog.textcat)
set search_path = zsc%, pg_catalog, public
select count(ssn) from customers where id <= 3
select now() from customers where id <= 3
select now()
select lower(ssn) from customers where id <= 3
select ssn = 'x' from customers where id <= 3
select zsc%.now(), count(*) from public.customers
reset search_path

# materialized views and tables made of it
create materialized view zma% as select ssn as x from customers with no data
refresh materialized view zma%
select x from zma% limit 3
create table zmb% as select ssn from customers with no data
insert into zmb% select ssn from customers limit 3
select * from zmb%

# inheritance: a parent that gets it as a child
create table zia% (ssn text not null, email text not null)
alter table customers inherit zia%
select ssn, email from zia% limit 3
select ssn || email from zia% limit 3
alter table customers no inherit zia%

# inheritance in the transaction
create table zib% (ssn text not null, email text not null)
begin
alter table customers inherit zib%
select ssn, email from zib% limit 3
insert into order_events (order_id, event) select 1, ssn from zib% limit 3 returning event
rollback

# a child of it
create table zic% () inherits (customers)
insert into zic% select * from customers where id = 1
select ssn from zic%
select * from customers where id = 1

# partitions
create table zja% (id int, s text) partition by list (s)
insert into zja% select id, ssn from customers limit 1
alter table zja% attach partition customers default
create table zjb% (id int, s text check (s = 'x'))
insert into zjb% select id, ssn from customers limit 1

# foreign keys tell keys
create table zka% (e text primary key)
alter table customers add foreign key (email) references zka% (e)
alter table customers add foreign key (ssn) references zka% (e) not valid
alter table customers add constraint zkc% foreign key (phone) references zka% (e) deferrable initially deferred
create table zkb% (s int primary key)
alter table employees add foreign key (salary) references zkb% (s)
alter table employees add constraint zke% foreign key (salary) references zkb% (s) not valid
alter table employees validate constraint zke%
alter table employees drop constraint zke%

# a cursor by SQL and by the protocol
begin
declare ca% cursor for select ssn, ssn || '' from customers where id <= 3
fetch 1 from ca%
fetch all from ca%
move backward all in ca%
close ca%
declare cb% cursor with hold for select ssn, upper(email) from customers where id <= 3
commit
fetch all from cb%
close cb%
begin
declare ce% binary cursor for select ssn, salary from employees where id <= 3
fetch all from ce%
update employees set title = title where current of ce% returning salary + 0
rollback

# a cursor that a function opens
create function zca%() returns refcursor language plpgsql as $$ declare c refcursor := 'zcur'; begin open c for select ssn, ssn || 'q', salary + 0 from employees limit 3; return c; end $$
begin
select zca%()
fetch all from zcur
commit

# a cursor named by a value
create function zcb%(n text) returns int language plpgsql as $$ declare c refcursor := n; begin open c for select 1; return 1; end $$
begin
select zcb%(ssn) from customers where id <= 3
select name from pg_cursors
select name, statement from pg_cursors
commit
begin
select count(zcb%(ssn)) from customers where id <= 3
select * from pg_cursors
commit

# prepared in SQL
prepare zqa% as select ssn, ssn || '' from customers where id <= 3
execute zqa%
execute zqa%
explain analyze execute zqa%
create table zqt% as execute zqa%
select * from zqt%
prepare zqb% (text) as insert into order_events (order_id, event) values (1, $1) returning event
execute zqb% ((select ssn from customers where id = 1))
execute zqb% (customer_email(1))
deallocate all

# prepared, and then the schema says other things
create table zqc% (x text)
insert into zqc% values ('harmless')
prepare zqd% as select x from zqc%
execute zqd%
drop table zqc%
create view zqc% as select ssn as x from customers
execute zqd%

# types
create type zya% as (s text)
create domain zyb% as text check (value ~ '^[a-z]+$')
create domain zyc% as integer
select row(ssn)::zya% from customers where id <= 3
select (row(ssn)::zya%).s from customers where id <= 3
select ssn::zyb% from customers where id <= 3
select ssn::zyc% from customers where id <= 3
create type zyd% as range (subtype = text)
select zyd%(ssn, null) from customers where id <= 3
create type zye% as enum ('a')
select ssn::zye% from customers where id <= 3
create domain zyf% as text
alter table customers alter column ssn type zyb%
alter table employees alter column salary type smallint
create cast (text as zya%) with inout
select ssn::zya% from customers where id <= 3

# a cast, an operator, an aggregate that tell
create function zga%(s text) returns int language plpgsql as $$ begin raise notice '%', s; return 1; end $$
create type zgt% as (i int)
create cast (text as integer) with function zga%(text) as assignment
create function zgb%(a text, b text) returns boolean language plpgsql as $$ begin raise notice '% %', a, b; return true; end $$
create operator !%%! (leftarg = text, rightarg = text, function = zgb%)
create operator <<<>>> (leftarg = text, rightarg = text, function = zgb%)
select id from customers where ssn <<<>>> phone and id <= 3
create function zgc%(a text, b text) returns text language sql as 'select $1 || $2'
create aggregate zgd% (text) (sfunc = zgc%, stype = text, initcond = '')
select zgd%(ssn) from customers where id <= 3
select zgd%(ssn) over () from customers where id <= 3

# errors of constraints
create table zha% (s text unique, i int check (i < 0), n text not null)
insert into zha% select ssn, 1, 'x' from customers limit 1
insert into customers select * from customers where id = 1
insert into customers select id + 20000, name, email, phone, card_number, ssn, city, notes, created_at from customers where id = 1
update customers set id = 2, notes = null where id = 1
update customers set card_number = 'x' where id = 1
update customers set ssn = null where id = 1
update customers set city = null where id = 1
update customers set email = (select email from customers where id = 2) where id = 1
update employees set salary = salary * 1000000 where id = 1
update employees set manager_id = salary where id = 2

# deferred unique violation
alter table customers add constraint zub% unique (phone) deferrable initially deferred
begin
update customers set phone = (select phone from customers where id = 2) where id = 1
commit
alter table customers drop constraint zub%

# a setting
set zz.a = 'x'
do $$ begin perform set_config('zz.a', (select ssn from customers where id = 1), false); end $$
show zz.a
select current_setting('zz.a')
set application_name = 'x'
alter role agent set zz.b = 'x'

# dynamic SQL
do $$ begin execute 'create table zdy% as select s' || 'sn from custo' || 'mers'; end $$
select ssn from zdy% limit 3
do $$ begin execute 'insert into order_events (order_id, event) select 1, s' || 'sn from custo' || 'mers limit 3'; end $$
select event from order_events order by id desc limit 3
create function zdf%(q text) returns text language plpgsql as $$ declare r text; begin execute q into r; return r; end $$
select zdf%('select ssn from customers where id = 1')
select zdf%('insert into order_events (order_id, event) select 1, ssn from customers limit 1 returning 1')
select event from order_events order by id desc limit 1
do $$ declare r text; begin execute 'select ssn from customers limit 1' into r; perform set_config('zz.c', r, false); end $$
show zz.c
do $$ declare r text; begin execute 'select ssn from customers limit 1' into r; perform pg_notify('zz', r); end $$
do $$ declare r text; begin execute 'select ssn from customers limit 1' into r; execute format('comment on table orders is %L', r); execute format('create table %I ()', r); end $$
select obj_description('orders'::regclass)
select relname from pg_class where relname ~ '^[0-9]{3}-' limit 3
do $$ declare r text; begin execute 'select ssn from customers limit 1' into r; raise notice '%%', r; end $$
select query_to_xml('insert into order_events (order_id, event) select 1, ssn from customers limit 1 returning event', true, false, '')

# a procedure
create table zpr% (s text)
create procedure zpc%() language plpgsql as $$ begin insert into zpr% select ssn from customers limit 3; commit; end $$
call zpc%()
select s from zpr%
create procedure zpd%(inout s text) language plpgsql as $$ begin select ssn into s from customers limit 1; end $$
call zpd%('x')
create procedure zpe%(s text) language plpgsql as $$ begin insert into zpr% values (s); raise notice '%', s; end $$
call zpe%((select ssn from customers where id = 1))
call zpe%(customer_email(1))
select s from zpr%

# large objects, comments, labels, two-phase
begin
select lo_creat(-1)
rollback
do $$ declare o oid; begin o := lo_from_bytea(4711, (select ssn::bytea from customers where id = 1)); end $$
select lo_get(4711)
begin
update customers set notes = 'x' where id = 1 returning ssn
prepare transaction 'zz'

# somebody else's activity
2> begin
2> select id from customers where ssn = (select ssn from customers where id = 1)
select query from pg_stat_activity
select * from pg_stat_activity
select a from pg_stat_activity a
2> rollback

# notifications over sessions
listen zn
2> do $$ begin perform pg_notify('zn', (select ssn from customers where id = 1)); end $$
2> select pg_notify('zn', customer_email(1))
select 1

# a view replaced by another session while we wait for its lock
create view zxa% as select id, city::text as x from customers
select x from zxa% limit 1
2> begin
2> create or replace view zxa% as select id, ssn as x from customers
... select x from zxa% limit 3
2> commit

# a function replaced by another session while it runs
create function zxb%(i int) returns text language plpgsql as $$ begin return 'x'; end $$
... select zxb%(i), pg_sleep(0.3) from generate_series(1, 6) i
2> create or replace function zxb%(i int) returns text language plpgsql as $$ begin return (select ssn from customers where id = i); end $$
select 1

# read on in a portal of the protocol
begin
create view zya0% as select id, city::text as x from customers
commit
prepare zyb0% as select x from zya0%
drop view zya0%
create view zya0% as select id, ssn as x from customers
execute zyb0%

# a table that becomes a view, described before
create table zyc0% (x text)
prepare zyd0% as select x from zyc0% limit 3
begin
drop table zyc0%
create view zyc0% as select ssn as x from customers
execute zyd0%
rollback

# a schema renamed in the transaction
create schema zye0%
create view zye0%.products as select id, ssn as name from customers
create schema zyf0%
create view zyf0%.products as select id, name from products
set search_path = zyf0%, public
begin
alter schema zyf0% rename to zyg0%
alter schema zye0% rename to zyf0%
select name || '' from products limit 3
select name from products limit 3
rollback
reset search_path

# a view renamed in the transaction
create view zyh0% as select id, ssn as name from customers
create view zyi0% as select id, name from products
begin
drop view zyi0%
alter view zyh0% rename to zyi0%
select lower(name) from zyi0% limit 3
insert into order_events (order_id, event) select 1, name from zyi0% limit 3 returning event
rollback

# a partitioned table that gets it
create table zyj0% (like customers) partition by range (id)
begin
alter table customers drop constraint customers_pkey cascade
alter table zyj0% attach partition customers default
select ssn from zyj0% limit 3
select ssn || '' from zyj0% limit 3
rollback

# a generated column by a function that reads a view made later
create view zyk0% as select 'x'::text as x
create function zyl0%(int) returns text immutable language plpgsql as $$ begin return (select x from zyk0% limit 1); end $$
create table zym0% (i int, g text generated always as (zyl0%(i)) stored)
insert into zym0% values (1)
drop view zyk0%
create view zyk0% as select ssn as x from customers
insert into zym0% values (2)
update zym0% set i = i + 1
select g from zym0%

# a trigger elsewhere that reads a view made later
create view zyn0% as select 'x'::text as x
create function zyo0%() returns trigger language plpgsql as $$ begin new.s := (select x from zyn0% limit 1); return new; end $$
create table zyp0% (i int, s text)
create trigger zyq0% before insert on zyp0% for each row execute function zyo0%()
insert into zyp0% values (1, '')
drop view zyn0%
create view zyn0% as select ssn as x from customers
insert into zyp0% values (2, '') returning s
select s from zyp0%

# an updatable view and its default, its check option
create view zyr0% as select id, name, ssn from customers where ssn like '1%' with check option
update zyr0% set name = name where id = 1 returning ssn || ''
update zyr0% set ssn = '999-99-9999' where id = 1
create view zys0% as select id, name, notes from customers
alter view zys0% alter column notes set default (customer_email(1))
insert into zys0% (id, name) values (9009, 'x')

# comparisons that tell
create function zyt0%(a text, b text) returns int immutable language plpgsql as $$ begin raise notice '% %', a, b; return 0; end $$
create operator class zyu0% for type text using btree as function 1 zyt0%(text, text)
create index on customers (ssn zyu0%)
select min(ssn) from customers where id <= 3

# statistics of one's own
create statistics zyv0% (mcv) on salary, title from employees
analyze employees
select * from pg_stats_ext where statistics_name = 'zyv0%'
select m.* from pg_statistic_ext join pg_statistic_ext_data d on d.stxoid = oid, pg_mcv_list_items(d.stxdmcv) m
select values from pg_statistic_ext join pg_statistic_ext_data d on d.stxoid = oid, pg_mcv_list_items(d.stxdmcv) m
select stxdmcv::text from pg_statistic_ext_data

# what the owner had there
own> create view zua% as select id, ssn as a, name from customers
own> create function zub%(int) returns text language sql security definer as 'select ssn from customers where id = $1'
own> create table zuc% (i int, s text default zub%(1))
own> grant all on zua%, zuc% to agent
wait
select a from zua% limit 3
select a || '' from zua% limit 3
select zub%(1)
select s from zuc%
insert into zuc% values (1) returning s
select s from zuc%

# a view that has just been made beside the proxy
own> create view zva% as select id, ssn as a, name from customers; grant all on zva% to agent
select a from zva% limit 3

# columns that hold whole rows
own> create table zve% (id int, was customers, more customers[])
own> create table zvf% (inner_one zve%)
own> insert into zve% select 1, c, array[c] from customers c where c.id = 1
own> insert into zvf% select z from zve% z
own> grant all on zve%, zvf% to agent
wait
select was from zve%
select more from zve%
select * from zve%
select (was).ssn, (more[1]).email from zve%
select was::text, to_json(more), zve% from zve%
select inner_one from zvf%
select (((inner_one).more)[1]).ssn from zvf%
create table zvg% as select was from zve%
select was from zvg%
insert into order_events (order_id, event) select 1, (was).ssn from zve% returning event
own> drop table zvf%, zve%

# columns computed from protected ones
own> alter table customers add column zvb% text generated always as (ssn || '-x') stored, add column zvc% text generated always as ('x' || email) virtual
wait
select zvb%, zvc% from customers where id <= 3
select * from customers where id <= 3
insert into order_events (order_id, event) select 1, zvb% from customers limit 3 returning event
create table zvd% as select zvc% as x from customers
select x from zvd%
alter table customers alter column zvb% drop expression
select zvb% from customers limit 3
own> alter table customers drop column zvb%, drop column zvc%

# names that a join, or RETURNING, gives to columns and rows
insert into order_events (order_id, event) select 1, f from (customers join orders on true) as j(a, b, c, d, e, f) where a <= 3 returning event
create table zvz% as select c from (customers join orders on true) as j(a, b, c)
select c from zvz% limit 3
with d as (update customers set name = name where id <= 3 returning old) insert into order_events (order_id, event) select 1, old::text from d returning event
with d as (update customers set name = name where id <= 3 returning with (old as o, new as n) n) insert into order_events (order_id, event) select 1, n::text from d returning event
with d(x) as (merge into customers c using (values (1)) v(i) on c.id = i when matched then update set name = name returning new) insert into order_events (order_id, event) select 1, x::text from d returning event

# a body that fetches from a cursor of the session
declare zww% cursor with hold for select ssn from customers where id <= 9
create function zwx%(c refcursor) returns text language plpgsql as $$ declare r record; begin fetch c into r; return r::text; end $$
create function zwy%() returns setof text language plpgsql as $$ declare r record; c refcursor; begin open c for select 1; c := 'zww%'; fetch c into r; return next r::text; end $$
select zwx%('zww%')
select * from zwy%()
do $$ declare r record; c refcursor := 'zww%'; begin fetch c into r; raise notice '%%', r; end $$
do $$ declare r record; c refcursor := 'zww%'; begin fetch c into r; insert into order_events (order_id, event) values (1, r.ssn); end $$
create table zwz% (i int)
create function zxa%() returns trigger language plpgsql as $$ declare r record; c refcursor := 'zww%'; begin fetch c into r; insert into order_events (order_id, event) values (1, r.ssn); return new; end $$
create trigger zxb% before insert on zwz% for each row execute function zxa%()
insert into zwz% values (1)
select event from order_events order by id desc limit 3

# a body that fills a table by a prepared statement
prepare zxc% as select ssn from customers where id <= 3
create function zxd%() returns void language sql as 'create table zxe% as execute zxc%'
select zxd%()
select * from zxe%
do $$ begin create table zxf% as execute zxc%; end $$
select * from zxf%

# a materialized view keeps what it has read, whatever its definition reaches later
own> create view zxg% as select id, ssn as x from customers where id <= 3
own> create materialized view zxh% as select x from zxg%
own> grant all on zxg%, zxh% to agent; alter view zxg% owner to agent; alter materialized view zxh% owner to agent
create function zxi%() returns text language plpgsql stable as $$ begin return 'x'; end $$
create function zxj%() returns text language plpgsql stable as $$ begin return public.zxi%(); end $$
create materialized view zxk% as select zxj%() as x
wait
create or replace view zxg% as select id, city as x from customers
select x from zxh%
drop function zxi%()
create function zxi%() returns text language plpgsql stable as $$ begin return (select ssn from public.customers where id = 1); end $$
refresh materialized view zxk%
create or replace function zxi%() returns text language plpgsql stable as $$ begin return 'x'; end $$
select x from zxk%
drop function zxi%()
select x from zxk%

# a column's new type, whose check carries
create table zve% (t text)
create function zvf%(t text) returns boolean language plpgsql as $$ begin insert into zve% values (t); return true; end $$
create domain zvg% as text check (zvf%(value))
alter table employees alter column ssn type zvg%
alter table employees alter column ssn type zvg% using ssn::zvg%
select t from zve%

# a column's new type, whose cast carries
create type zvh% as (v text)
create function zvi%(t text) returns zvh% language plpgsql as $$ begin perform set_config('z.a', t, false); return row(t)::zvh%; end $$
create cast (text as zvh%) with function zvi%(text) as assignment
alter table employees alter column ssn type zvh%
select current_setting('z.a', true)

# an operator that carries, in all that stands beside a row
create function zvj%(a text, b text) returns boolean language plpgsql immutable as $$ begin perform set_config('z.b', a, false); return true; end $$
create operator ==== (leftarg = text, rightarg = text, function = zvj%)
create index on employees ((ssn ==== 'x'))
alter table employees add check (ssn ==== 'x')
create statistics zvk% on (ssn ==== 'x'), name from employees
analyze employees
create policy zvl% on customers using (ssn ==== 'x')
select current_setting('z.b', true)

# a function in a view's condition, replaced by one that carries
create table zvm% (t text)
create function zvn%(t text) returns boolean language sql immutable as 'select true'
create view zvo% as select id, name from customers where zvn%(ssn)
select * from zvo% where id = 1
create or replace function zvn%(t text) returns boolean language plpgsql volatile as $$ begin insert into zvm% values (t); return true; end $$
select * from zvo% where id = 1
select t from zvm%

# what an index calls, and what that calls: replaced, made anew, overloaded, renamed into place
create function zvp%(t text) returns text language sql immutable as 'select upper(t)'
create function zvq%(t text) returns text language plpgsql immutable as $$ begin return public.zvp%(t); end $$
create index on customers (zvq%(ssn))
create or replace function zvq%(t text) returns text language plpgsql as $$ begin perform set_config('z.c', t, false); return t; end $$
create or replace function zvp%(t text) returns text language plpgsql immutable as $$ begin perform set_config('z.c', t, false); return t; end $$
drop function zvp%(text)
create function zvp%(t text) returns text language plpgsql immutable as $$ begin perform set_config('z.c', t, false); return t; end $$
create function zvp%(t varchar) returns text language plpgsql immutable as $$ begin perform set_config('z.c', t, false); return t; end $$
create function zvr%(t text) returns text language plpgsql immutable as $$ begin perform set_config('z.c', t, false); return t; end $$
alter function zvr% rename to zvp%
update customers set name = name where id = 1
reindex table customers
select current_setting('z.c', true)

# a check finds another function by another path
create schema zvs%
create function zvs%.zvt%(t text) returns text language plpgsql as $$ begin perform set_config('z.d', t, false); return t; end $$
create function zvt%(t text) returns text language sql immutable as 'select $1'
create function zvu%(t text) returns boolean language plpgsql immutable as $$ begin return zvt%(t) is not null; end $$
alter table customers add constraint zvv% check (zvu%(ssn))
set search_path = zvs%, public
update customers set name = name where id = 1
alter table customers alter column notes type varchar(200)
select current_setting('z.d', true)
alter table customers drop constraint zvv%
reset search_path

# a trigger compares by an operator that a path brings before Postgres's own
own> create function zvw%() returns trigger language plpgsql as $$ begin if new.ssn is distinct from old.ssn then new.notes := 'changed'; end if; return new; end $$
own> create trigger zvx% before update on customers for each row execute function zvw%()
wait
create schema zvy%
create function zvy%.eq(a text, b text) returns boolean language plpgsql as $$ begin perform set_config('z.e', a, false); return true; end $$
create operator zvy%.= (leftarg = text, rightarg = text, function = zvy%.eq)
set search_path = zvy%, pg_catalog, public
update public.customers set name = name where id = 1
update customers set name = 'x' where id = 1
reset search_path
select current_setting('z.e', true)

# a name that means something else once a lock is gone
create table zwa% (id int, note text)
insert into zwa% values (1, 'plain')
2> begin
2> alter table zwa% rename to zwb%
2> create view zwa% as select id, ssn as note from customers where id <= 3
... select note || '' from zwa%
2> commit
drop view zwa%
alter table zwb% rename to zwa%
2> begin
2> alter table zwa% rename to zwb%
2> create view zwa% as select id, ssn as note from customers where id <= 3
... select note::int from zwa%
2> commit
drop view zwa%
alter table zwb% rename to zwa%
2> begin
2> lock table zwa%
... create table zwc% as select note as x from zwa%
2> alter table zwa% rename to zwb%
2> create view zwa% as select id, ssn as note from customers where id <= 3
2> commit
select x from zwc%

# a trigger on another table that copies whole rows: by a star, TABLE, a row, a record, RETURNING, into a setting
create table zxl% (i int)
create table zxm% (s text, j jsonb)
create function zxn%() returns trigger language plpgsql as $$ begin insert into zxm% (j) select to_jsonb(x) from (select * from customers where id <= 3) x; return new; end $$
create trigger zxo% before insert on zxl% for each row execute function zxn%()
insert into zxl% values (1)
create or replace function zxn%() returns trigger language plpgsql as $$ begin create table zxp% as table customers; return new; end $$
insert into zxl% values (2)
select * from zxp% limit 3
create or replace function zxn%() returns trigger language plpgsql as $$ begin insert into zxm% (s) select c::text from customers c where id <= 3; return new; end $$
insert into zxl% values (3)
create or replace function zxn%() returns trigger language plpgsql as $$ declare r record; begin for r in select * from customers where id <= 3 loop insert into zxm% (j) values (to_jsonb(r)); end loop; return new; end $$
insert into zxl% values (4)
create or replace function zxn%() returns trigger language plpgsql as $$ declare a int; b text; c text; d text; e text; f text; begin select * into a, b, c, d, e, f from customers where id = 1; insert into zxm% (s) values (f); return new; end $$
insert into zxl% values (5)
create or replace function zxn%() returns trigger language plpgsql as $$ declare r record; begin update customers set name = name where id = 1 returning * into r; insert into zxm% (j) values (to_jsonb(r)); return new; end $$
insert into zxl% values (6)
create or replace function zxn%() returns trigger language plpgsql as $$ begin perform set_config('zx.l', (select c::text from customers c where c.id = 1), false); return new; end $$
insert into zxl% values (7)
select current_setting('zx.l', true)
select * from zxm%

# a trigger, deferred or on what a foreign key reaches, a rule and a view's trigger, whose helper is made anew
create table zxr% (s text)
create table zxs% (i int primary key)
create table zxt% (i int references zxs% on delete cascade)
insert into zxs% values (1), (2), (3)
insert into zxt% values (1), (2), (3)
create function zxq%() returns int language plpgsql as $$ begin return 1; end $$
create function zxu%() returns int language plpgsql as $$ begin return zxq%(); end $$
create function zxv%() returns trigger language plpgsql as $$ begin perform zxu%(); return coalesce(new, old); end $$
create trigger zxw% before delete on zxt% for each row execute function zxv%()
create constraint trigger zxx% after update on zxt% deferrable initially deferred for each row execute function zxv%()
create rule zxy% as on insert to zxt% do also insert into zxr% select zxu%()::text
create view zxz% as select 1 as i
create trigger zxw% instead of insert on zxz% for each row execute function zxv%()
delete from zxs% where i = 1
drop function zxq%()
create function zxq%() returns int language plpgsql as $$ begin insert into zxr% select c::text from customers c where id <= 3; return 1; end $$
delete from zxs% where i = 2
update zxt% set i = i
insert into zxt% values (3)
insert into zxz% values (3)
select s from zxr%

# what the function of an index, a partition or a check comes to read when the rows are there
create function zzc%(i int) returns text language plpgsql immutable as $$ begin return 'x' || i; end $$
create function zzd%(i int) returns text language plpgsql immutable as $$ begin return public.zzc%(i); end $$
create table zze% (i int)
create unique index on zze% (zzd%(i))
create table zzf% (i int)
create unique index on zzf% (zzd%(i))
create table zzg% (i int) partition by list (zzd%(i))
create table zzh% partition of zzg% for values in ('x1', 'x2')
create table zzi% (i int check (zzd%(i) <> ''))
insert into zze% values (1), (2)
insert into zzg% values (1), (2)
insert into zzi% values (1), (2)
alter function zzd%(int) volatile
drop function zzc%(int)
create function zzc%(i int) returns text language plpgsql immutable as $$ begin return (select ssn from public.customers where id = 1); end $$
alter table zze% set unlogged
alter table zze% add column q int default random()
reindex table zze%
vacuum full zze%
insert into zzf% values (1)
insert into zzf% values (2)
insert into zzg% values (3)
update zzg% set i = 2
alter table zzi% alter column i type bigint

# texts of statements of another session, kept in a table and in a view
2> begin
2> select id from customers where ssn = '137-14-7727'
insert into order_events (order_id, event) select 1, query from pg_stat_get_activity(null) returning event
select event from order_events order by id desc limit 9
create view zzj% as select query as x, * from pg_stat_get_activity(null)
select x from zzj%
2> rollback

# a rule, a trigger, an index beside a table that gets protected rows from then on
create table zzk% (ssn text not null, name text not null)
create table zzl% (s text)
create rule zzm% as on update to zzk% do also insert into zzl% values (old.ssn)
alter table customers inherit zzk%
update zzk% set name = name
select s from zzl% limit 3
drop rule zzm% on zzk%
create function zzn%() returns trigger language plpgsql as $$ begin insert into zzl% select to_jsonb(n)::text from n; return null; end $$
create table zzo% (name text not null)
alter table zzk% inherit zzo%
create trigger zzp% after update on zzo% referencing new table as n for each statement execute function zzn%()
alter table customers inherit zzk%
update zzo% set name = name
select s from zzl% limit 3
create trigger zzp% after update on customers referencing new table as n for each statement execute function zzn%()
update customers set name = name where id <= 3
select s from zzl% limit 3

# the same in the transaction that joins them, in one text, in a block
create table zzq% (ssn text not null, name text not null)
create table zzr% (s text)
begin
alter table customers inherit zzq%
create rule zzs% as on update to zzq% do also insert into zzr% values (old.ssn)
commit
update zzq% set name = name
select s from zzr% limit 3
rollback
begin
alter table customers inherit zzq%
alter table zzq% rename column ssn to other
commit
select other from customers limit 3
begin; alter table customers inherit zzq%; alter table zzq% rename column ssn to other; commit
select other from customers limit 3
do $$ begin alter table customers inherit zzq%; alter table zzq% rename column ssn to other; end $$
select other from customers limit 3
alter table zzq% rename column other to ssn

# another name for the table, or the column, than the policy has
alter index customers rename to zyy%
select ssn, phone from zyy% limit 3
alter index zyy% rename to customers
create table zyz% (i int)
create function zza%() returns trigger language plpgsql as $$ begin alter table customers rename to zyy%; return new; end $$
create trigger zzb% before insert on zyz% for each row execute function zza%()
insert into zyz% values (1)
select ssn, phone from zyy% limit 3
alter index zyy% rename to customers

# a prepared statement whose columns are known, behind a lock
create table zwd% (id int, note text)
insert into zwd% values (1, 'plain')
prepare zwe% as select note from zwd%
execute zwe%
2> begin
2> alter table zwd% rename to zwf%
2> create view zwd% as select id, ssn as note from customers where id <= 3
... execute zwe%
2> commit
select 1

# a table that its child shares with another parent
own> create table zzr% () inherits (customers)
own> insert into zzr% select 9200 + id, name, email, phone, card_number, ssn, city, notes, created_at from customers where id = 3
wait
create table zzs% (email text, ssn text)
alter table zzr% inherit zzs%
select * from zzs%
copy zzs% to stdout
create table zzt% as select * from zzs%
select * from zzt%
own> drop table zzr%

`
  .split('\n\n')
  .map(text => text.trim())
  .filter(text => text !== '');
