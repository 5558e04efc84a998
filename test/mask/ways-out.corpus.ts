/**
 * Ways to get a protected value of the sample shop out with one statement. Each is refused, or what comes back holds no such value:
 * not in rows, errors, notices, tags, nor in any transformed form.
 */
export const WAYS_OUT: readonly string[] = String.raw`
select ssn from customers where id <= 3
select card_number as city from customers where id <= 3
select * from customers where id <= 3
select c.*, 1 from customers c where id <= 3
select c from customers c where id <= 3
select (c).ssn from customers c where id <= 3
select ssn(c) from customers c where id <= 3
select c::text from customers c where id <= 3
select row(c.*) from customers c where id <= 3
select row(c.ssn, 1) from customers c where id <= 3
select (row(c.ssn, 1)).f1 from customers c where id <= 3
select array[c.ssn] from customers c where id <= 3
select array(select ssn from customers limit 3)
select (array_agg(ssn))[1] from customers
select string_agg(ssn, ',') from customers where id <= 3
select jsonb_agg(c) from customers c where id <= 3
select json_object_agg(id, ssn) from customers where id <= 3
select jsonb_object_agg(ssn, id) from customers where id <= 3
select to_jsonb(c) -> 'ssn' from customers c where id <= 3
select to_jsonb(c) ->> 'ssn' from customers c where id <= 3
select to_jsonb(c) #>> '{ssn}' from customers c where id <= 3
select jsonb_path_query(to_jsonb(c), '$.ssn') from customers c where id <= 3
select value from customers c, jsonb_each_text(to_jsonb(c)) where c.id <= 3
select * from customers c, jsonb_to_record(to_jsonb(c)) as x (ssn text) where c.id <= 3
select x.* from customers c, jsonb_populate_record(null::customers, to_jsonb(c)) x where c.id <= 3
select (jsonb_populate_record(null::employees, to_jsonb(e))).salary from employees e where id <= 3
select json_query(to_json(c), '$.ssn') from customers c where id <= 3
select json_value(to_json(c), '$.ssn') from customers c where id <= 3
select json_serialize(to_json(c)) from customers c where id <= 3
select json_array(ssn) from customers where id <= 3
select json_scalar(ssn) from customers where id <= 3
select jt.* from customers c, json_table(to_jsonb(c), '$' columns (s text path '$.ssn')) jt where c.id <= 3
select xmlelement(name x, ssn) from customers where id <= 3
select xmlforest(ssn, phone) from customers where id <= 3
select xmlagg(xmlelement(name x, ssn)) from customers where id <= 3
select table_to_xml('customers', true, false, '')
select query_to_xml('select ssn from customers limit 3', true, false, '')
select cursor_to_xml('c', 3, true, false, '')
select schema_to_xml('public', true, false, '')
select database_to_xml(true, false, '')
select format('%s', ssn) from customers where id <= 3
select format('%s', c) from customers c where id <= 3
select concat(ssn, '') from customers where id <= 3
select concat_ws('-', id, ssn) from customers where id <= 3
select quote_literal(ssn), quote_ident(ssn), quote_nullable(ssn) from customers where id <= 3
select md5(ssn) from customers where id <= 3
select encode(sha256(ssn::bytea), 'hex') from customers where id <= 3
select sha512(ssn::bytea) from customers where id <= 3
select encode(ssn::bytea, 'base64') from customers where id <= 3
select encode(convert_to(ssn, 'UTF8'), 'hex') from customers where id <= 3
select ssn::bytea from customers where id <= 3
select ssn::name from customers where id <= 3
select ssn::varchar(20) from customers where id <= 3
select ssn::"char" from customers where id <= 3
select cast(ssn as char(20)) from customers where id <= 3
select ssn collate "C" from customers where id <= 3
select substr(ssn, 1, 7), substring(ssn from 4), left(ssn, 7), right(ssn, 7) from customers where id <= 3
select reverse(ssn) from customers where id <= 3
select translate(ssn, '-', '') from customers where id <= 3
select overlay(ssn placing 'x' from 1 for 1) from customers where id <= 3
select regexp_replace(ssn, '-', ''), regexp_matches(ssn, '.*') from customers where id <= 3
select regexp_split_to_table(card_number, '') from customers where id <= 1
select regexp_substr(ssn, '.*') from customers where id <= 3
select split_part(email, '@', 1) from customers where id <= 3
select upper(email), initcap(email) from customers where id <= 3
select lpad(ssn, 20), rpad(ssn, 20), btrim(ssn), trim(ssn) from customers where id <= 3
select repeat(ssn, 2) from customers where id <= 3
select ssn || '' from customers where id <= 3
select to_tsvector('simple', email) from customers where id <= 3
select ts_headline(email, to_tsquery('simple', 'a')) from customers where id <= 3
select plainto_tsquery('simple', ssn) from customers where id <= 3
select normalize(ssn) from customers where id <= 3
select string_to_array(ssn, '-') from customers where id <= 3
select string_to_table(email, '@') from customers where id <= 3
select ascii(ssn), chr(ascii(ssn)) from customers where id <= 3
select salary + 0 from employees where id <= 3
select salary::text from employees where id <= 3
select salary::numeric, salary::float8 from employees where id <= 3
select -salary from employees where id <= 3
select to_char(salary, '999999') from employees where id <= 3
select to_hex(salary) from employees where id <= 3
select sum(salary), avg(salary), max(salary), min(salary) from employees where id = 1
select array_agg(salary) from employees where id <= 3
select percentile_disc(0.5) within group (order by salary) from employees
select mode() within group (order by ssn) from employees
select any_value(ssn) from employees
select corr(salary, salary), stddev(salary) from employees
select bit_and(salary), bit_or(salary) from employees where id = 1
select range_agg(int4range(salary, salary + 1)) from employees where id <= 3
select int4range(salary, null) from employees where id <= 3
select make_interval(secs => salary) from employees where id <= 3
select to_timestamp(salary) from employees where id <= 3
select date '2000-01-01' + salary from employees where id <= 3
select point(salary, salary) from employees where id <= 3
select salary::bit(32) from employees where id <= 3
select salary::oid from employees where id <= 3
select salary::regclass from employees where id <= 3
select money(salary) from employees where id <= 3
select generate_series(salary, salary) from employees where id <= 3
select count(*) from employees e, generate_series(1, e.salary) where e.id = 2
select count(*) from employees e cross join lateral generate_series(1, e.salary) g where e.id = 2
select row_number() over () from employees e, generate_series(1, e.salary) where e.id = 2 offset 70000
select 1 from generate_series(1, 200000) limit (select salary from employees where id = 2)
with q as (select salary as n from employees where id = 2) select 1 from generate_series(1, (select n from q))
with q as (select salary as n from employees where id = 2) select 1 from generate_series(1, 200000) limit (select n from q)
select generate_series(1, salary) from employees where id = 2
with recursive r(n) as (select 1 union all select n + 1 from r where n < (select salary from employees where id = 1)) select n from r
with recursive r(s) as (select salary from employees where id = 1 union all select s - 1 from r where s > 0) select 1 from r
with recursive r(s, n) as (select salary, 1 from employees where id = 1 union select s, n + 1 from r join generate_series(1, 1) g on s > n) select count(*) from r
select v from xmltable('/r/a' passing xml('<r>' || repeat('<a/>', (select salary from employees where id = 1)) || '</r>') columns v for ordinality)
select v from json_table(('[' || repeat('1,', (select salary from employees where id = 1)) || '1]')::json, '$[*]' columns (v for ordinality))
select 1 from generate_series(1, (select salary from employees where id = 2))
select 1 from (select salary as n from employees where id = 2) q, generate_series(1, q.n)
select 1 from unnest(array_fill(1, array[(select e from employees as t(a, b, c, d, e) where a = 2)]))
select 1 from regexp_split_to_table(repeat('x,', (select salary - 1 from employees where id = 2)), ',')
select count(*) from generate_series(1, 200000) g where g <= (select salary from employees where id = 2)
select count(*) from generate_series(1, 200000) g, employees e where e.id = 2 and int4le(g, e.salary)
select count(*) from employees e join generate_series(1, 200000) g on e.salary - g >= 0 where e.id = 2
select count(*) from generate_series(1, 200000) g where exists (select from employees e where e.id = 2 and g <= e.salary)
select count(*) from generate_series(1, 200000) g where g between 1 and (select salary from employees where id = 2)
select count(*) from (select g <= e.salary as b from generate_series(1, 200000) g, employees e where e.id = 2) q where b
select count(*) from orders a, orders b where (a.id - 1) * 5000 + b.id <= (select salary from employees where id = 2) and a.id <= 40
select count(*) from orders a, orders b, (select salary as id from employees e where e.id = 2) q where (a.id - 1) * 5000 + b.id <= q.id and a.id <= 40
with recursive r (n) as (select 1 union all select n + 1 from r, employees e where e.id = 2 and n < e.salary) select count(*) from r
with q as (select salary as id from employees e where e.id = 2) select 1 from orders a, orders b where a.id <= 40 limit (select id from q)
with q (id) as (select salary from employees e where e.id = 2) select 1 from orders a, q, generate_series(1, q.id) where a.id = 1
select 1 from generate_series(1, 200000) g where g <= (select salary from employees where id = 2)
select string_to_table(repeat('x', salary), null) from employees where id = 2
select 1 from (select unnest(array_fill(1, array[salary])) from employees where id = 2) q
select 1 from orders a cross join orders b tablesample bernoulli ((select salary / 10000.0 from employees where id = 2)) repeatable (1)
select g from generate_series(1, 200000) g offset (select salary from employees where id = 2) limit 1
select g from generate_series(1, 200000) g offset (select salary from employees where id = 2) - 1 limit 1
select g from generate_series(1, 200000) g fetch first (select salary from employees where id = 2) rows with ties
select repeat('x', salary) from employees where id = 2
select length(repeat('x', salary)) from employees where id = 2
select case when true then ssn end from customers where id <= 3
select case id when 1 then ssn else phone end from customers where id <= 3
select coalesce(null, ssn), nullif(ssn, ''), greatest(ssn, ''), least(ssn, 'z') from customers where id <= 3
select t.x from (select ssn as x from customers where id <= 3) t
select t.x from (select upper(email) as x from customers where id <= 3) t
select t.* from (select ssn, phone from customers where id <= 3) t (city, name)
select t from (select ssn from customers where id <= 3) t
select (t).ssn from (select c.* from customers c where id <= 3) t
select (select ssn from customers where id = 1)
select (select c from customers c where id = 1)
select ((select c from customers c where id = 1)).ssn
with a as (select ssn from customers where id <= 3) select * from a
with a (city) as (select ssn from customers where id <= 3) select city from a
with a as materialized (select ssn from customers where id <= 3) select ssn || '' from a
with recursive a (i, s) as (select 1, ssn from customers where id = 1 union all select i + 1, s from a where i < 3) select s from a
with a as (select c from customers c where id <= 3) select (c).ssn from a
with a as (update customers set notes = 'x' where id = 1 returning ssn) select * from a
with a as (delete from customers where id = 499 returning *) select to_jsonb(a) from a
select name from customers where id <= 3 union select ssn from customers where id <= 3
select ssn from customers where id <= 3 union all select name from products where false
select name from products where false union all select ssn from customers where id <= 3
select ssn from customers where id <= 3 intersect select ssn from customers
select ssn from customers where id <= 3 except select 'x'
values ((select ssn from customers where id = 1)), ('x')
select * from (values ((select ssn from customers where id = 1))) v (name)
table customers limit 3
select lag(ssn) over (order by id), lead(ssn) over (order by id), first_value(ssn) over (order by id), nth_value(ssn, 2) over (order by id) from customers where id <= 3
select ntile(2) over (order by ssn), max(ssn) over () from customers where id <= 3
select ssn, count(*) from customers where id <= 3 group by ssn
select ssn, count(*) from customers where id <= 3 group by grouping sets ((ssn), ())
select ssn, phone from customers where id <= 3 group by cube (ssn, phone)
select distinct ssn from customers where id <= 3
select distinct on (ssn) ssn from customers where id <= 3
select ssn from customers tablesample bernoulli (100) where id <= 3
select ssn from customers where id <= 3 for update
select ssn from customers where id <= 3 order by ssn using <
select x from customers c, lateral (select c.ssn) l (x) where c.id <= 3
select x from customers c, lateral unnest(array[c.ssn, c.phone]) x where c.id <= 3
select x from customers c, lateral (values (c.ssn)) v (x) where c.id <= 3
select f from customers c, concat(c.ssn) f where c.id <= 3
select * from rows from (concat((select ssn from customers where id = 1)), generate_series(1, 2)) r (a, b)
select z.ssn from orders o join customers z on z.id = o.customer_id limit 3
select j.ssn from (orders o join customers c on c.id = o.customer_id) j limit 3
select j.s from (orders o join customers c on c.id = o.customer_id) as j (a, b, cc, d, e, f, g, h, i, s) limit 3
select ssn from customers full join employees using (ssn) limit 3
select x.ssn from customers join employees using (ssn) as x limit 3
select ssn from customers natural full join employees limit 3
select * from customer_directory where id <= 3
select email || '' from customer_directory where id <= 3
select d from customer_directory d where id <= 3
select to_jsonb(d) from customer_directory d where id <= 3
select customer_email(1)
select * from customer_email(1)
select customer_email(id) from customers where id <= 3
select (select customer_email(1))
select id from customers where customer_email(id) = name
select U&"s\0073n" from customers where id <= 3
select "ssn" from "public"."customers" where id <= 3
select U&"!0073sn" uescape '!' from U&"c\0075stomers" where id <= 3
select shop.public.customers.ssn from shop.public.customers where id <= 3
select ssn from only customers where id <= 3
select ssn "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" from customers where id <= 3
select ctid, xmin, tableoid, ssn from customers where id <= 3
select /* */ ssn from customers where id <= 3 -- x
select pg_typeof(ssn), ssn::text::xid8::text from customers where id <= 3
select ssn::int from customers where id <= 3
select ssn::date from customers where id <= 3
select phone::inet from customers where id <= 3
select email::uuid from customers where id <= 3
select ssn::json from customers where id <= 3
select ssn::jsonb from customers where id <= 3
select ssn::xml from customers where id <= 3
select ssn::regclass from customers where id <= 3
select ssn::regprocedure from customers where id <= 3
select ssn::regtype from customers where id <= 3
select ssn::order_status from customers where id <= 3
select ssn::price from customers where id <= 3
select ssn::boolean from customers where id <= 3
select email::tsquery, ssn::int4range from customers where id <= 3
select to_date(ssn, 'YYYY'), to_number(email, '9') from customers where id <= 3
select email::timestamptz from customers where id <= 3
select ssn::point from customers where id <= 3
select ssn::ltree from customers where id <= 3
select 1 / (length(ssn) - 11) from customers where id <= 3
select name from customers where ssn::int = 1
select name from customers order by ssn::int
select name from customers limit (select ssn::int from customers where id = 1)
select name from customers where id = (select ssn from customers)::int
select count(*) from customers group by ssn::int
select setting from pg_settings where name = (select ssn from customers where id = 1)::int::text
select current_setting(ssn) from customers where id <= 3
select set_config('x.y', ssn, false) from customers where id <= 3
select set_config('application_name', ssn, false) from customers where id = 1
select pg_notify('x', ssn) from customers where id <= 3
select pg_notify(ssn, '') from customers where id <= 3
select nextval(ssn) from customers where id <= 3
select nextval(ssn::regclass) from customers where id <= 3
select setval('invoice_number', salary) from employees where id = 1
select pg_advisory_lock(salary) from employees where id = 1
select pg_try_advisory_lock_shared(salary) from employees where id = 1
select lo_from_bytea(0, ssn::bytea) from customers where id <= 1
select lo_put(1, 0, ssn::bytea) from customers where id <= 1
select lo_create(salary) from employees where id = 1
select pg_logical_emit_message(false, ssn, ssn) from customers where id <= 1
select pg_cancel_backend(salary) from employees where id = 1
select pg_sleep(0.000001 * salary) from employees where id = 1
select setseed(1.0 / salary), random() from employees where id = 1
select to_regclass(ssn), to_regproc(email) from customers where id <= 3
select pg_input_error_info(ssn, 'integer') from customers where id <= 3
select message, detail from customers c, pg_input_error_info(c.ssn, 'integer') where c.id <= 3
select pg_input_is_valid(ssn, 'integer') from customers where id <= 3
select parse_ident(email) from customers where id <= 3
select has_table_privilege(ssn, 'select') from customers where id <= 3
select ts_stat(format('select %L::tsvector', email)) from customers where id = 1
select * from ts_stat('select to_tsvector(''simple'', email) from customers limit 5')
select ts_rewrite('a'::tsquery, 'select ssn::tsquery, ssn::tsquery from customers where id = 1')
select obj_description(salary) from employees where id = 1
select pg_get_viewdef('customer_directory'::regclass)
select most_common_vals from pg_stats where tablename = 'employees'
select histogram_bounds from pg_stats where tablename = 'employees' and attname = 'salary'
select histogram_bounds::text from pg_stats where tablename = 'customers' and attname = 'ssn'
select array_to_string(histogram_bounds, ',') from pg_stats where tablename = 'customers'
select unnest(histogram_bounds::text::text[]) from pg_stats where tablename = 'customers'
select s from pg_stats s where tablename = 'customers'
select to_jsonb(s) from pg_stats s where tablename = 'employees'
select stavalues1, stavalues2 from pg_statistic
select pg_stats.* from pg_stats where tablename = 'employees'
select * from pg_stats_ext
select * from pg_stats_ext_exprs
select * from pg_statistic_ext_data
select * from pg_largeobject
select * from pg_stat_activity
select query from pg_stat_activity
select pg_stat_get_backend_activity(1)
select * from pg_stat_get_activity(null)
select * from pg_prepared_statements
select * from pg_cursors
select * from pg_locks where locktype = 'advisory'
select * from pg_stat_statements
select column_default from information_schema.columns where table_name = 'customers'
select * from pg_ls_dir('.')
select pg_read_file('PG_VERSION')
select pg_read_binary_file('base/1/1259')
copy customers to stdout
copy customers (ssn) to stdout with (format binary)
copy customers (name) to stdout
copy (select ssn from customers where id <= 3) to stdout csv header
copy (select * from customer_directory) to stdout
copy (select upper(email) from customers where id <= 3) to stdout
copy (update customers set notes = 'x' where id = 1 returning ssn) to stdout
copy (with a as (select ssn from customers where id <= 3) select * from a) to stdout
copy (select customer_email(1)) to stdout
copy pg_stats to stdout
copy (select * from pg_stats) to stdout
copy pg_statistic to stdout
copy customers to program 'cat'
copy customers to '/tmp/out'
explain select * from customers where ssn = (select ssn from customers where id = 1)
explain (analyze, verbose, costs off) select ssn || '' from customers where id <= 3
explain (analyze, format json) select * from customers where id <= 3
explain select * from customers where email = (select customer_email(1))
explain (generic_plan) select * from customers where ssn = $1
explain analyze update customers set notes = ssn where id = 1
explain (analyze, serialize) select ssn from customers where id <= 3
explain select * from employees where salary < 50000
explain (verbose) select customer_email(1)
update customers set notes = 'x' where id = 1 returning ssn
update customers set notes = 'x' where id = 1 returning *
update customers set notes = 'x' where id = 1 returning old.ssn, new.ssn
update customers set notes = 'x' where id = 1 returning with (old as o, new as n) o, n, o.ssn
update customers set notes = 'x' where id = 1 returning upper(email)
update customers c set notes = 'x' from employees e where c.id = 1 and e.id = 1 returning e.ssn, e.salary + 0
update customers set notes = ssn where id = 1
update customers set notes = left(ssn, 7) where id = 1
update customers set name = card_number where id = 1
update customers set (name, notes) = (ssn, phone) where id = 1
update customers set (name, notes) = (select ssn, phone from customers where id = 1) where id = 1
update customers set (name, notes) = row(ssn, phone) where id = 1
update orders set status = 'new' where id = (select salary from employees where id = 1) returning id
update orders o set id = e.salary * 100 from employees e where o.id = 5000 and e.id = 1 returning o.id
update products set name = (select string_agg(ssn, ',') from customers where id <= 3) where id = 1
update products p set name = c.ssn from customers c where c.id = p.id and p.id = 1
update products p set name = x.s from (select id, ssn s from customers) x where x.id = p.id and p.id = 1
update products p set name = x.s from (select id, ssn from customers) x (id, s) where x.id = p.id and p.id = 1
update products p set name = x::text from customers x where x.id = p.id and p.id = 1
update products p set in_stock = length(c.ssn) from customers c where c.id = p.id and p.id = 1
update products p set name = customer_email(1) where p.id = 1
update products p set name = d.email from customer_directory d where d.id = p.id and p.id = 1
delete from customers where id = 498 returning *
delete from customers where id = 498 returning ssn || ''
delete from orders using employees e where orders.id = 1 and e.id = 1 returning e.ssn
insert into customers values (9001, 'n', 'zz@example.net', '+49 30 111 2222', '4111111111111111', '111-22-3333', 'c', null, now()) returning ssn || '', customers
insert into customers select id + 10000, name, 'q' || email, phone, card_number, ssn, city, ssn, created_at from customers where id <= 3
insert into customers select 9002, name, email, phone, card_number, ssn, city, notes, created_at from customers where id = 1
insert into customers select 9003, name, email, phone, ssn, card_number, city, notes, created_at from customers where id = 1
insert into order_events (order_id, event) select id, ssn from customers where id <= 3 returning event
insert into order_events (order_id, event) select salary, 'x' from employees where id <= 3 returning order_id
insert into order_events (order_id, event) values ((select salary from employees where id = 1), 'x') returning order_id
insert into order_events (order_id, event) select 1, 'x' from employees e, generate_series(1, e.salary) where e.id = 2
insert into order_events (order_id, event) select id, d.email from customer_directory d where id <= 3 returning event
insert into order_events (order_id, event) select 1, customer_email(1) returning event
insert into order_events (order_id, event) select 1, c::text from customers c where id <= 3 returning event
insert into order_events (order_id, event) select 1, (select ssn from customers where id = 1) returning event
insert into order_events (order_id, event) with a as (select ssn s from customers where id <= 3) select 1, s from a returning event
with a as (select ssn s from customers where id <= 3) insert into order_events (order_id, event) select 1, s from a returning event
insert into products as p values (1, 'x', 'x', 1, 1) on conflict (id) do update set name = (select ssn from customers where id = 1) returning name
insert into products as p select id, ssn, city, 1, 1 from customers where id = 1 on conflict (id) do update set name = excluded.name returning name
merge into products p using customers c on p.id = c.id and c.id = 1 when matched then update set name = c.ssn returning p.name
merge into products p using customers c on p.id = c.id and c.id = 1 when matched then update set category = 'x' returning c.ssn, merge_action()
merge into products p using (select id, ssn s from customers) c on p.id = c.id and c.id = 1 when matched then update set name = c.s returning *
merge into customers c using products p on p.id = c.id and c.id = 1 when matched then update set notes = c.ssn returning c.notes
merge into customers c using products p on p.id = c.id and c.id = 1 when matched then do nothing
merge into products p using customers c on c.ssn::int = p.id when matched then do nothing
create table t_a as select ssn from customers
create temp table t_b as select upper(email) x from customers
create unlogged table t_c as table customers
select ssn s into t_d from customers
select ssn s into temp t_e from customers
create materialized view t_f as select ssn s from customers
create table t_g as execute nothing
create table t_h (like customers including all)
comment on table products is 'x'
do $$ begin raise notice '%', (select ssn from customers where id = 1); end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; raise exception '%', s; end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; raise exception using errcode = 'AB' || substr(s, 1, 3), message = s, detail = s, hint = s, column = s, constraint = s, datatype = s, table = s, schema = s; end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; assert false, s; end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; perform s::int; end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; perform pg_notify('x', s); end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; perform set_config('x.y', s, false); end $$
do $$ declare s text; begin select ssn into s from customers where id = 1; insert into order_events (order_id, event) values (1, s); end $$
do $$ declare r record; begin for r in select * from customers where id <= 3 loop insert into order_events (order_id, event) values (1, r.ssn); end loop; end $$
do $$ begin execute 'raise notice ''x'''; end $$
do $$ declare s text; begin s := customer_email(1); raise notice '%', s; end $$
do $$ declare c customers; begin select * into c from customers where id = 1; raise notice '%', c; end $$
do language plpgsql 'begin raise notice ''%'', (select phone from public.customers where id = 2); end'
alter table customers alter column ssn type integer using ssn::integer
alter table customers alter column ssn type integer using replace(ssn, 'q', '')::integer
alter table customers alter column name type text using ssn
alter table customers alter column name type text using upper(email)
alter table customers add column leak text generated always as (ssn) stored
alter table customers add column leak2 text generated always as (upper(email)) virtual
alter table customers rename column ssn to s
alter table customers rename to c2
alter table customers set schema pg_temp
alter table customers add constraint k1 check (ssn::int > 0)
alter table customers add constraint k2 exclude (city with =)
alter table employees add constraint k3 unique (ssn, salary)
alter table employees add constraint k4 exclude ((salary / 20000) with =)
create unique index on employees ((salary / 20000))
create unique index on customers (substr(ssn, 1, 7))
create unique index on customers ((left(card_number, 7)))
create index on customers ((ssn::int))
create index on customers ((1 / (length(ssn) - 11)))
create index on employees (id) where ssn::int > 0
create statistics st1 on (upper(email)), (lower(ssn)) from customers
cluster customers using customers_email_key
vacuum verbose customers
analyze verbose customers
reindex table customers
alter table customers alter column email set default 'x'
lock table customers in access share mode
truncate customers
fetch all in nothing
execute nothing
declare c cursor with hold for select ssn || '' from customers
listen x
notify x, 'y'
`
  .split('\n')
  .filter(line => line !== '');
