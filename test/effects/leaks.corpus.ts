/** Ways to get a protected value out of a statement: each is refused, or its value stands in a column that is masked. */
export const LEAKS: readonly string[] = `
select ssn from customers
select ssn as name from customers
select c.ssn from customers c
select * from customers
table customers
select c.* from customers c
select c from customers c
select customers from customers
select (c).ssn from customers c
select ssn(c) from customers c
select c.ssn::text from customers c
select ssn || '' from customers
select upper(ssn), substr(ssn, 1, 3), reverse(ssn), md5(ssn), encode(ssn::bytea, 'hex') from customers
select case when ssn like 'zq%' then ssn end from customers
select coalesce(ssn, 'x'), nullif(ssn, 'x'), greatest(ssn, 'a') from customers
select max(ssn), min(ssn), string_agg(ssn, ','), array_agg(ssn) from customers
select row_to_json(c), to_jsonb(c), json_agg(c) from customers c group by c.*
select json_build_object('a', ssn), row(ssn), array[ssn] from customers
select json_object('a': ssn), json_arrayagg(ssn) from customers group by ssn
select xmlelement(name a, ssn) from customers
select * from (select ssn as x from customers) s
select x from (select upper(ssn) as x from customers) s
select (select ssn from customers limit 1)
select array(select ssn from customers)
select exists (select 1 from customers where ssn like 'zq%')
with a as (select ssn from customers) select * from a
with recursive a(x) as (select min(ssn) from customers union select ssn from customers, a where ssn > x) select x from a
select ssn from customers union select 'x'
select 'x' union all select ssn from customers
(select ssn from customers) except select 'x'
values ((select ssn from customers limit 1))
select t.x from customers c, lateral (select c.ssn as x) t
select x from customers cross join lateral unnest(array[ssn]) x
select s.ssn from orders o join customers s on s.id = o.customer_id
select ssn from customers natural join accounts
select ssn from customers join events using (ssn)
select first_value(ssn) over (), lag(ssn) over (order by id) from customers
select distinct ssn from customers
select ssn from customers group by ssn
select ssn from customers order by 1 limit 1
select number, shout, one, n from people
select * from people
select p from people p
select x from through
select * from through
select ssn from events
select ssn from events_2024
select * from events_2025
select ssn from only events_2024
select * from s_view
select * from s_mat
select secret from s_renamed
select a, b from s_union
select v from s_agg
select s_ssn(1)
select * from s_ssn(1)
select s_count()
select most_common_vals, histogram_bounds from pg_stats where tablename = 'customers'
select most_common_vals::text from pg_stats
select * from pg_stats
select * from pg_statistic
select stavalues1 from pg_statistic
select query from pg_stat_activity
select upper(query) from pg_stat_activity
select * from pg_stat_activity
select * from pg_stat_get_activity(null)
select table_to_xml('customers', true, true, '')
select query_to_xml('select ssn from customers', true, true, '')
select pg_read_file('postgresql.auto.conf')
copy customers to stdout
copy customers (id) to stdout
copy (select ssn from customers) to stdout
copy (select * from people) to stdout
copy events_2024 to stdout
insert into log (note) select ssn from customers
insert into log (note) select upper(ssn) from customers
insert into log (note) select x from (select ssn as x from customers) s
insert into log (note) select c::text from customers c
insert into log (note) select to_json(c)::text from customers c
insert into log (note) values ((select ssn from customers limit 1))
insert into log (note) select number from people
insert into log (note) with a as (select ssn as x from customers) select x from a
with a as (select ssn as x from customers) insert into log (note) select x from a
with a as (select * from customers) insert into log (note) select name from a
insert into log (note) values ('x') on conflict (id) do update set note = (select ssn from customers limit 1)
insert into log (note) select d from (select * from customers) as t (a, b, c, d)
insert into log (note) select c from customers as t (a, b, c)
insert into log (note) select case when exists (select 1 from customers where ssn like 'a%') then 'y' end
update log set note = (select ssn from customers limit 1)
update log set note = c.ssn from customers c where c.id = log.id
update log set (id, note) = (select id, ssn from customers limit 1)
update customers set name = ssn
update customers set name = card where id = 1
update customers set name = customers::text
merge into log l using customers c on l.id = c.id when matched then update set note = c.ssn
merge into log l using customers c on l.id = c.id when not matched then insert (note) values (c.ssn)
merge into log l using (select id, ssn as x from customers) c on l.id = c.id when matched then update set note = c.x
create table copied as select * from customers
create table copied as table customers
create materialized view copied as select ssn from customers
select * into copied from customers
select ssn as x into temp copied from customers
create table copied as with d as (delete from customers returning ssn) select * from d
with d as (delete from customers returning ssn) insert into log (note) select ssn from d
with d as (delete from customers returning ssn as x) insert into log (note) select x from d
update customers set name = 'x' returning ssn
update customers set name = 'x' where id = 1 returning *
delete from customers where id = 201 returning ssn
delete from customers where id = 201 returning upper(ssn)
insert into customers (ssn) values ('zq-new') returning ssn
insert into customers (ssn) values ('zq-new2') returning *, upper(ssn)
update customers set name = 'x' where id = 3 returning old.ssn, new.ssn
with d as (update customers set name = 'x' where id = 4 returning ssn as y) select y from d
select set_config('a.b', ssn, false) from customers
select pg_notify('c', ssn) from customers
select pg_advisory_lock(length(ssn)) from customers
select lo_from_bytea(0, ssn::bytea) from customers
select setval('seq', length(ssn)) from customers
select w_lower(ssn) from customers
select pg_logical_emit_message(true, 'x', ssn) from customers
do $$ declare v text; begin select ssn into v from customers limit 1; insert into log (note) values (v); end $$
do $$ declare v text; begin select ssn into v from customers limit 1; perform pg_notify('c', v); end $$
do $$ declare v text; begin select ssn into v from customers limit 1; perform set_config('a.b', v, false); end $$
declare c cursor for select upper(ssn) from customers
explain analyze select * from customers where ssn like 'zq%'
prepare q as select upper(ssn) from customers
alter table customers add column copy text generated always as (ssn) stored
alter table customers alter column name type text using ssn
alter table customers alter column name type text using upper(customers.ssn)
alter table customers rename column ssn to harmless
alter table customers rename to harmless
alter table customers set schema evil
alter schema public rename to harmless
alter table events detach partition events_2024
explain (analyze, verbose) select upper(ssn) from customers
select lo_get(o) from (select lo_from_bytea(0, ssn::bytea) as o from customers limit 1) s
with x as (select * from customers) select x from x
select (x).ssn from (select c as x from customers c) s
select s.* from customers c, lateral (values (c.ssn)) s (v)
select * from json_to_recordset((select json_agg(c) from customers c)) as x (ssn text)
select * from jsonb_each_text((select to_jsonb(c) from customers c limit 1))
select * from xmltable('/a' passing (select xmlelement(name a, ssn) from customers limit 1) columns b text path '.')
select * from json_table((select json_agg(ssn) from customers), '$[*]' columns (a text path '$'))
select string_agg(note, '') from (select ssn as note from customers union select note from log) s
`
  .split('\n')
  .filter(line => line !== '');
