/**
 * Ways of changing a database or its server: data, schema, privileges, settings, sequences, locks, files, other sessions. None of
 * them is a read. The list only grows; a text with several statements has at least one that is no read.
 */
export const WRITES: readonly string[] = String.raw`
insert into log (note) values ('x')
insert into log default values
insert into log (note) select status from orders
insert into log (note) values ('x') on conflict do nothing
insert into accounts values (1, 1, 1, '') on conflict (aid) do update set abalance = 2
insert into log (note) values ('x') returning id
insert into log (note) table mood_names
insert into writable (note) values ('x')
insert into ruled values (1, 'x')
insert into triggered values (1)
update orders set status = 'x'
update orders set status = 'x' where id = 1
update orders set status = 'x' where current of c
update orders set (status, total) = (select 'a', 1) where id = 1
update orders o set status = 'x' from customers c where c.id = o.customer_id
update only base set v = 'x'
update paid set status = 'x'
delete from orders
delete from orders where id = 1
delete from orders using customers c where c.id = customer_id
delete from lines where order_id = 1 returning *
delete from writable
merge into accounts a using (values (1)) v (id) on a.aid = v.id when matched then update set abalance = 1
merge into accounts a using (values (1)) v (id) on a.aid = v.id when not matched then insert values (v.id, 1, 1, '')
merge into accounts a using orders o on a.aid = o.id when matched then delete
truncate log
truncate only base restart identity
truncate orders, customers cascade
with d as (delete from log returning *) select * from d
with u as (update accounts set abalance = 1 returning aid) select count(*) from u
with i as (insert into log (note) values ('x') returning *) table i
with recursive r as (select 1 as n union all select n + 1 from r where n < 3), d as (delete from log returning 1) select * from r
with m as (merge into accounts a using (values (1)) v (id) on a.aid = v.id when matched then delete returning a.aid) select * from m
with a as (with b as (select 1) select * from b), d as (delete from log) select 1
select (with x as (select 1) select count(*) from x) from orders for update
select * into backup from orders
select 1 as a into temp scratch
select 1 as a into unlogged scratch
create table backup as select * from orders
create temp table scratch as select 1
create table backup as table orders with no data
create table backup as execute p
create materialized view mv as select 1
create table if not exists orders as select 1
select * from orders for update
select * from orders for no key update
select * from orders for share
select * from orders for key share
select * from orders for update skip locked limit 1
select * from (select * from orders for update) s
select * from paid for update
table orders for update
explain analyze insert into log (note) values ('x')
explain (analyze) delete from log
explain (analyze on, buffers) update accounts set abalance = 1
explain (analyze 1) delete from log
explain (analyze true, format json) with d as (delete from log returning *) select * from d
explain analyze create table backup as select 1
explain analyze select w_plpgsql(1)
explain analyze execute p
explain select w_immutable(1)
explain analyze declare c cursor for select w_plpgsql(1)
prepare p as delete from log
prepare p (int) as update accounts set abalance = $1
prepare p as select w_plpgsql(1)
declare c cursor for select w_plpgsql(1)
declare c cursor with hold for select nextval('seq')
declare c cursor for select * from orders for update
execute p
fetch c
move all in c
copy log from stdin
copy log (note) from '/tmp/x'
copy log from program 'echo x'
copy orders to '/tmp/x'
copy orders to program 'cat > /tmp/x'
copy (select 1) to '/tmp/x'
copy (select 1) to program 'sh'
copy (delete from log returning *) to stdout
copy (insert into log (note) values ('x') returning id) to stdout
copy (select w_plpgsql(1)) to stdout
copy (select nextval('seq')) to stdout
do $$ begin delete from log; end $$
do $$ begin perform w_plpgsql(1); end $$
do $$ begin execute 'delete from log'; end $$
do language plpgsql 'begin delete from log; end'
do $$ begin null; end $$
do language plpython3u $$ pass $$
call w_proc(1)
call w_commit()
select w_plpgsql(1)
select w_immutable(1)
select w_immutable(id) from orders
select w_stable(1)
select w_sql(1)
select w_atomic(1)
select w_return(1)
select w_nested(1)
select w_dynamic('delete from log')
select w_dynamic_for('delete from log returning 1')
select w_open('select w_plpgsql(1)')
select w_default(1)
select w_default(1, 2), w_default(a => 3)
select w_set()
select w_set2()
select w_record()
select w_assign()
select w_exception()
select w_raise()
select w_definer(1)
select * from w_table()
select w_variadic(1, 2, 3)
select w_variadic(variadic array[1])
select w_mutual_a(5)
select w_mutual_b(5)
select w_case(1)
select w_into()
select w_for()
select w_reads()
select w_internal('seq', 5)
select public.w_plpgsql(1)
select "w_plpgsql"(1)
select W_PLPGSQL(1)
select U&"w_pl\0070gsql"(1)
select w_lower('x')
select w_plpgsql(x := 1)
select w_plpgsql(x => 1)
select * from w_plpgsql(1)
select * from rows from (w_plpgsql(1), generate_series(1, 2))
select * from orders, lateral w_plpgsql(orders.id)
select * from orders where w_plpgsql(id) > 0
select 1 from orders group by w_plpgsql(id)
select 1 from orders having w_plpgsql(1) > 0
select 1 from orders order by w_plpgsql(id)
select 1 limit w_plpgsql(1)
select 1 offset w_plpgsql(1)
select count(*) filter (where w_plpgsql(id) > 0) from orders
select sum(id) over (order by w_plpgsql(id)) from orders
select sum(id) over w from orders window w as (partition by w_plpgsql(id))
select array_agg(id order by w_plpgsql(id)) from orders
select percentile_disc(0.5) within group (order by w_plpgsql(id)) from orders
select distinct on (w_plpgsql(id)) id from orders
select case when w_plpgsql(1) = 1 then 1 end
select coalesce(null, w_plpgsql(1))
select array[w_plpgsql(1)]
select row(w_plpgsql(1))
select (array[1, 2])[w_plpgsql(1)]
select exists (select w_plpgsql(1))
select 1 where 1 in (select w_plpgsql(1))
select 1 where 1 = any (select w_plpgsql(1))
select w_plpgsql(1) union select 2
select 1 union all (select 2 except select w_plpgsql(3))
values (w_plpgsql(1))
select * from (values (w_plpgsql(1))) v
select * from orders o join customers c on w_plpgsql(o.id) = c.id
select * from orders tablesample bernoulli (w_plpgsql(1))
select * from orders tablesample system (1) repeatable (w_plpgsql(1))
select json_object('a': w_plpgsql(1))
select json_array(w_plpgsql(1))
select json_arrayagg(w_plpgsql(1))
select * from json_table('[1]', '$[*]' passing w_plpgsql(1) as x columns (a int path '$'))
select json_value('{}', '$.a' default w_plpgsql(1) on empty)
select xmlelement(name a, w_plpgsql(1))
select * from xmltable('/a' passing xmlparse(document w_lower('<a/>')) columns b int path 'b')
select cast(w_plpgsql(1) as text)
select w_plpgsql(1)::text collate "C"
select not w_plpgsql(1) = 1
select greatest(1, w_plpgsql(1))
select nullif(1, w_plpgsql(1))
select 1 @@@ 2
select 1 operator(public.@@@) 2
select !!! 1
select id from orders where id @@@ 5
select 1 where 1 @@@ any (array[1, 2])
select 1 operator(ops.=) 1
select * from orders order by id using operator(ops.=)
select (row(1, 'a')::pair)::text
select p::text from pairs
select cast(p as text) from pairs
select (p).boxed from pairs
select boxed(p) from pairs
select touched(o) from orders o
select o.touched from orders o
select orders.touched from orders
select public.orders.touched from orders
select (o).touched from orders o
select (o.*).touched from orders o
select s.touched from (select * from orders) o, lateral (select o as x) s2, lateral (select o.*) s(touched2)
select o.setof_row from orders o
select ('seq'::regclass).nextval
select (1.5).pg_sleep
select x.nextval from unnest(array['seq'::regclass]) x
select x.w_lower from unnest(array['a']) x
select 5::d_trap
select cast(5 as d_trap)
select d_trap '5'
select 'x'::d_trap_text
select '{5}'::d_trap[]
select array[5]::d_trap[]
select row(5)::trap_row
select '(5)'::trap_row
select null::trap_row
select jsonb_populate_record(null::trap_row, '{"a": 5}')
select * from jsonb_to_record('{"a": 5}') as x (a d_trap)
select * from json_to_recordset('[]') as x (a d_trap)
select json_value('5', '$' returning d_trap)
select * from json_table('[1]', '$[*]' columns (a d_trap path '$'))
select * from xmltable('/a' passing '<a/>' columns b d_trap path 'b')
select pg_input_is_valid('5', 'd_trap')
select * from pg_input_error_info('5', 'd_trap')
select xmlserialize(content '<a/>' as d_trap_text)
prepare p (d_trap) as select $1
select agg_trap(id) from orders
select agg_final(id) from orders
select agg_trap(id) over () from orders
select agg_trap(distinct id order by id) from orders
select m << 'sad' from feelings
select m + 1 from feelings
select m::int from feelings
select abs(m) from feelings
select * from trap_view
select id from trap_view
select * from trap_view2
select * from trap_op
select count(*) from trap_view
select * from walled
select count(*) from walled
with trap_view as (select * from trap_view) select * from trap_view
with a as (select * from trap_view) select 1 from a
select * from folded where id = 1
refresh materialized view sums
refresh materialized view concurrently sums
select nextval('seq')
select nextval('seq'::regclass)
select pg_catalog.nextval('seq')
select setval('seq', 1)
select setval('seq', 1, false)
select nextval(s) from (values ('seq'::regclass)) v (s)
alter sequence seq restart
select lo_create(0)
select lo_creat(-1)
select lo_unlink(1)
select lo_put(1, 0, 'x')
select lo_from_bytea(0, 'x')
select lo_import('/etc/passwd')
select lo_export(1, '/tmp/x')
select lowrite(0, 'x')
select lo_open(1, 131072)
select lo_truncate(0, 0)
select lo_truncate64(0, 0)
select pg_advisory_lock(1)
select pg_advisory_lock(1, 2)
select pg_advisory_lock_shared(1)
select pg_try_advisory_lock(1)
select pg_try_advisory_lock_shared(1)
select pg_advisory_xact_lock(1)
select pg_advisory_xact_lock_shared(1)
select pg_try_advisory_xact_lock(1)
select pg_try_advisory_xact_lock_shared(1, 2)
select pg_advisory_unlock(1)
select pg_advisory_unlock_shared(1)
select pg_advisory_unlock_all()
select pg_notify('c', 'x')
notify c
notify c, 'x'
listen c
unlisten c
unlisten *
select set_config('search_path', 'x', false)
select set_config('role', 'postgres', true)
select set_config(n, 'x', false) from (values ('work_mem')) v (n)
set work_mem = '1MB'
set local work_mem = '1MB'
set session work_mem = '1MB'
set search_path to public
set schema 'public'
set role postgres
reset role
set session authorization default
set time zone 'UTC'
set names 'utf8'
set xml option document
set transaction read write
set session characteristics as transaction read write
set default_transaction_read_only = off
set transaction_read_only = off
reset all
reset search_path
discard all
discard temp
discard plans
discard sequences
lock orders
lock table orders in access exclusive mode nowait
vacuum
vacuum full orders
vacuum (analyze) orders
analyze
analyze orders
reindex table orders
reindex (concurrently) index orders_pkey
cluster
cluster orders using orders_pkey
checkpoint
load 'auto_explain'
create table t (a int)
create temp table t (a int)
create table t (like orders including all)
create table t partition of events for values from ('2030-01-01') to ('2031-01-01')
alter table orders add column x int
alter table orders disable trigger all
alter table orders enable row level security
alter table orders owner to postgres
alter table orders alter column total type text using w_lower(total::text)
drop table orders
drop table if exists orders cascade
create index on orders (status)
create unique index concurrently i on orders (id)
drop index orders_pkey
create view v as select 1
create or replace view paid as select * from orders
create recursive view v (n) as select 1
alter view paid rename to p2
drop view paid
create sequence s2
drop sequence seq
create schema s
create schema s create table t (a int)
drop schema public cascade
create function f() returns int language sql as 'select 1'
create or replace function r_fib(n int) returns int language sql as 'select 1'
alter function r_fib(int) volatile
drop function r_fib(int)
create procedure p() language sql as 'select 1'
create aggregate a (int) (sfunc = int4pl, stype = int)
create operator public.=== (leftarg = int, rightarg = int, function = int4eq)
create cast (text as pair) with inout
create type t as (a int)
create type t as enum ('a')
alter type colour add value 'blue'
create domain d as int
alter domain positive drop constraint positive_check
create trigger t2 before insert on log for each row execute function tg()
drop trigger t on triggered
create rule r as on insert to log do instead nothing
create policy p on orders using (true)
alter policy mine on tenant using (true)
create extension citext
drop extension plpgsql
create language plpython3u
create publication pub for all tables
create subscription sub connection 'host=x' publication pub
create server s foreign data wrapper f
create foreign data wrapper f
create user mapping for postgres server s
import foreign schema x from server s into public
create event trigger e on ddl_command_start execute function tg()
create statistics st on status, total from orders
create collation c (locale = 'C')
create text search configuration c (copy = simple)
create conversion c for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1
create access method am type table handler heap_tableam_handler
create tablespace ts location '/tmp'
create database d
alter database postgres set work_mem = '1MB'
alter database postgres rename to x
drop database d
create role r
create user u password 'x'
alter role postgres nologin
alter role postgres set search_path = x
drop role r
grant select on orders to public
grant postgres to public
revoke all on orders from public
alter default privileges grant select on tables to public
reassign owned by postgres to public
drop owned by postgres
alter system set work_mem = '1MB'
alter system reset all
comment on table orders is 'x'
comment on database postgres is null
security label on table orders is 'x'
prepare transaction 'x'
commit prepared 'x'
rollback prepared 'x'
select pg_terminate_backend(1)
select pg_cancel_backend(1)
select pg_reload_conf()
select pg_rotate_logfile()
select pg_promote()
select pg_switch_wal()
select pg_create_restore_point('x')
select pg_backup_start('x')
select pg_backup_stop()
select pg_wal_replay_pause()
select pg_wal_replay_resume()
select pg_log_backend_memory_contexts(1)
select pg_log_standby_snapshot()
select pg_stat_reset()
select pg_stat_reset_shared('io')
select pg_stat_reset_single_table_counters(1)
select pg_stat_reset_slru('all')
select pg_stat_reset_replication_slot(null)
select pg_stat_clear_snapshot()
select pg_stat_force_next_flush()
select pg_create_physical_replication_slot('x')
select pg_create_logical_replication_slot('x', 'pgoutput')
select pg_copy_physical_replication_slot('x', 'y')
select pg_drop_replication_slot('x')
select pg_replication_slot_advance('x', '0/0')
select pg_logical_slot_get_changes('x', null, null)
select pg_logical_slot_peek_changes('x', null, null)
select pg_sync_replication_slots()
select pg_replication_origin_create('x')
select pg_replication_origin_drop('x')
select pg_replication_origin_advance('x', '0/0')
select pg_replication_origin_session_setup('x')
select pg_logical_emit_message(false, 'a', 'b')
select pg_export_snapshot()
select txid_current()
select pg_current_xact_id()
select pg_import_system_collations('public')
select pg_restore_relation_stats('schemaname', 'public', 'relname', 'orders')
select pg_clear_relation_stats('public', 'orders')
select pg_clear_attribute_stats('public', 'orders', 'id', false)
select pg_extension_config_dump('orders', '')
select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
select brin_summarize_new_values('orders_pkey')
select gin_clean_pending_list('orders_pkey')
select binary_upgrade_set_next_pg_type_oid(1)
select setseed(0.5)
select pg_sleep(0)
select pg_sleep_for('0 s')
select pg_sleep_until(now())
select pg_read_file('/etc/passwd')
select pg_read_binary_file('/etc/passwd')
select pg_ls_dir('/')
select pg_stat_file('/')
select * from pg_ls_waldir()
select * from pg_hba_file_rules
select pg_current_logfile()
select query_to_xml('delete from log', true, true, '')
select query_to_xml_and_xmlschema('delete from log', true, true, '')
select query_to_xmlschema('select w_immutable(1)', true, true, '')
select table_to_xml('trap_view', true, true, '')
select schema_to_xml('public', true, true, '')
select database_to_xml(true, true, '')
select cursor_to_xml('c', 1, true, true, '')
select * from ts_stat('select w_plpgsql(1)::text::tsvector')
select ts_rewrite('a', 'select w_plpgsql(1)::text::tsquery, null::tsquery')
select domain_in('5', 'd_trap'::regtype, -1)
select record_in('(5)', 'trap_row'::regtype, -1)
select array_in('{5}', 'd_trap'::regtype, -1)
select plpgsql_validator(1)
select dblink_exec('x', 'delete from log')
select nonexistent(1)
select * from nonexistent
select 1::nonexistent
select 1 <=====> 2
select * from foreign_thing tablesample own (1)
begin; delete from log; commit
select 1; delete from log
set search_path to ops; select 1 = 1
create function lower(int) returns int language sql as 'select 1'; select lower(1)
begin; set local search_path to ops, pg_catalog; select 1 = 1; commit
delete from pg_class
update pg_catalog.pg_proc set provolatile = 'i'
insert into pg_catalog.pg_authid default values
select poly(m) from feelings
select agg_dom(id) from orders
select not (1 =#= 2)
select 1 =#= 2
select ?? 'seq'::regclass
select 5::int8::bool
select d from v_domain
select * from v_nextval
select * from v_lock
select f_lock()
select f_rettype(1)
select f_argtype(1)
select f_var(1)
select f_rowtype()
select f_coltype()
select f_alias()
select f_curs()
select f_notify()
select f_perform()
select f_setlocal()
select f_scs()
select f_pathset('X')
select b from bt
select '1'::base_t
select f_if(1)
select f_while()
select f_fetchdyn()
select f_copy()
select f_ddl()
select f_rw()
select f_xml()
select f_sleep()
select f_case2('b')
select "quo te"()
select jsonb_populate_record(w, '{"d": 5}') from withdom w
select sum(id) over (order by id rows between w_plpgsql(1) preceding and current row) from orders
select trig_cfg()
select array(select w_plpgsql(1))
select set_config('standard_conforming_strings', 'off', false)
set client_encoding to latin1
alter role postgres set client_encoding = latin1
reset client_encoding
select 'x'::text::int
select note::int from log
select cast(note as int) from log
select 'x'::text::pair
select f_asg('x')
select (note::text)::int from log
select array['1'::text]::int[]
select upper('x')::int
select (array(select note from log))::int[]
select f_recdef_w()
select f_recdef_o()
`
  .split('\n')
  .filter(line => line !== '');
