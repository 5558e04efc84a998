/**
 * Ordinary reads, as people, psql, drivers and object mappers send them. Each has to be recognised as one, and each has to run where
 * the server refuses writes. The list only grows.
 */
export const READS: readonly string[] = [
  ...String.raw`
select 1
select 1 as a, 'b'::text, null, true, 1.5, array[1, 2], row(1, 2), b'101', x'ff'
values (1, 'a'), (2, 'b')
table orders
select * from orders
select * from only orders
select o.* from orders as o
select id, status from public.orders where id = 1
select * from orders where id in (1, 2, 3) and status like 'n%' and total between 1 and 10
select * from orders where status ilike '%A%' or status similar to 'x' or status ~ '^n' or status !~* 'q'
select * from orders where tags @> array['a'] and tags && array['b'] and 'a' = any (tags) and doc ? 'k' and doc @> '{"k": 1}'
select doc -> 'k', doc ->> 'k', doc #> '{k}', doc #>> '{k}', jsonb_path_query(doc, '$.k'), doc - 'k', doc || '{"z": 1}' from orders limit 5
select count(*), sum(total), avg(total), min(placed), max(total), array_agg(id), string_agg(status, ','), bool_and(true) from orders
select status, count(*) from orders group by status having count(*) > 1 order by 2 desc nulls last limit 10 offset 1
select customer_id, status, sum(total) from orders group by rollup (customer_id, status)
select customer_id, grouping(status) from orders group by grouping sets ((customer_id), (status), ())
select count(*) filter (where status = 'paid'), count(distinct customer_id) from orders
select percentile_cont(0.5) within group (order by total), mode() within group (order by status) from orders
select id, row_number() over (partition by customer_id order by placed desc), lag(total) over w, sum(total) over (order by id rows between 1 preceding and current row) from orders window w as (order by id)
select o.id, c.name from orders o join customers c on c.id = o.customer_id left join lines l on l.order_id = o.id where false
select * from orders o join lines l on l.order_id = o.id where o.total > 5
select * from orders natural join accounts
select * from orders cross join lateral (select count(*) from lines where order_id = orders.id) s (n)
select * from orders, lines where order_id = orders.id
select * from (select id from orders) s where exists (select 1 from lines where order_id = s.id)
select (select count(*) from lines l where l.order_id = o.id) from orders o
select id from orders union select order_id from lines union all select 1 except select 2 intersect select 3
select distinct status from orders
select distinct on (customer_id) customer_id, id from orders order by customer_id, placed desc
with a as (select * from orders), b as materialized (select id from a) select * from b where id > 5
with recursive t(n) as (values (1) union all select n + 1 from t where n < 100) select sum(n) from t
with recursive t(id, path) as (select 1, array[1] union all select 2, path from t where id < 2) cycle id set is_cycle using p select * from t
with recursive t(id) as (select 1 union all select id + 1 from t where id < 3) search depth first by id set o select * from t
select generate_series(1, 10)
select * from generate_series(1, 10) with ordinality as g (v, n)
select * from generate_series(now(), now() + interval '1 day', '1 hour')
select * from unnest(array[1, 2], array['a', 'b']) as u (a, b)
select * from rows from (generate_series(1, 2), generate_series(1, 3)) as x (a, b)
select now(), current_timestamp, current_date, localtime, current_user, session_user, current_role, current_catalog, current_schema, user
select date_trunc('month', placed), extract(year from placed), placed at time zone 'UTC', age(placed), to_char(placed, 'YYYY'), placed + interval '1 day' from orders
select make_date(2024, 1, 1), '2024-01-01'::date + 1, date '2024-01-01' - date '2023-01-01', interval '1 day' * 2
select upper('a'), lower('B'), substring('abc' from 2 for 1), position('b' in 'abc'), trim(both ' ' from ' a '), overlay('abc' placing 'x' from 1), replace('a', 'a', 'b'), split_part('a,b', ',', 1), format('%s', 1), concat('a', 1), 'a' || 'b', length('x'), md5('x'), encode('x', 'hex')
select regexp_replace('a', 'b', 'c'), regexp_matches('a', 'a'), string_to_array('a,b', ','), array_to_string(array[1], ','), array_length(array[1], 1), cardinality(array[1])
select coalesce(null, 1), nullif(1, 2), greatest(1, 2), least(1, 2), case when true then 1 else 2 end, case 1 when 1 then 'a' end
select 1 + 1, 2 - 1, 3 * 4, 5 / 2, 5 % 2, 2 ^ 3, |/ 4, @ -1, 1 & 1, 1 | 2, 1 # 2, ~ 1, 1 << 2, 4 >> 1, -1
select 1 = 1, 1 <> 2, 1 is distinct from 2, null is null, true is true, not false, 1 = any (array[1]), 1 < all (array[2])
select round(1.5), ceil(1.2), floor(1.2), abs(-1), power(2, 3), sqrt(4), mod(5, 2), random(), pi(), ln(2), trunc(1.9, 0)
select 'x'::varchar(10), 1::numeric(5, 2), '{}'::jsonb, '[]'::json, '127.0.0.1'::inet, 'a'::"char", 'x'::bytea, '1 day'::interval, 'orders'::regclass, 'int'::regtype
select cast(1 as text), cast('2' as int), int '3', float8 '1.5', timestamptz '2024-01-01'
select to_json(o), row_to_json(o), to_jsonb(o) from orders o limit 1
select json_agg(o), jsonb_agg(o order by o.id), json_object_agg(id, status), jsonb_object_agg(id, total) from orders o where id < 5
select json_build_object('a', 1), jsonb_build_array(1, 'x'), jsonb_set('{}', '{a}', '1'), jsonb_typeof('1'), jsonb_pretty('{}'), jsonb_array_elements('[1]')
select json_object('a': 1), json_array(1, 2), json_value('{"a": 1}', '$.a' returning int), json_query('{"a": 1}', '$.a'), json_exists('{}', '$.a'), '{}' is json
select json_arrayagg(id), json_objectagg(id: status) from orders where id < 3
select * from json_table('[{"a": 1}]', '$[*]' columns (a int path '$.a', n for ordinality))
select * from jsonb_to_recordset('[{"a": 1}]') as x (a int, b text)
select * from jsonb_each('{"a": 1}')
select jsonb_populate_record(null::typed, '{"id": 1}')
select xmlelement(name a, xmlattributes(1 as b), 'c'), xmlforest(1 as a)
select to_tsvector('english', 'a cat'), to_tsquery('cat'), to_tsvector('a') @@ to_tsquery('a'), ts_rank(to_tsvector('a'), to_tsquery('a')), ts_headline('a', to_tsquery('a'))
select ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)
select id, status collate "C" from orders order by status collate "C"
select ctid, xmin, tableoid::regclass from orders limit 1
select * from orders order by id fetch first 5 rows only
select * from orders order by id fetch first 5 rows with ties
select * from orders tablesample bernoulli (10) repeatable (1)
select * from orders tablesample system (10)
select (array[1, 2, 3])[1:2], (array[1, 2])[1], ('{"a": 1}'::jsonb)['a']
select (o).id, (o).status from orders o
select (p).a from pairs
select orders from orders limit 1
select (t).*, t.id from (select 1 as id) t
select s.count, s.name, s.date from (select 1 as count, 'x' as name, now() as date) s
select o.id, o.status, o.placed from paid o
select * from paid where id = 1
select * from status_counts
select * from sums
select * from people
select count(*) from people
select * from events where at > '2024-07-01'
select * from events_2024
select * from base
select * from typed
select c, p, s, v, d, c = 'red', p + 1, s @> 2, 2 <@ s, c::text, 'green'::colour, 5::positive, '[1,2]'::span from typed
select * from typed where id = 1 order by c, s
select distinct c from typed
select c, count(*) from typed group by c
select enum_range(null::colour), span(1, 3)
select * from tenant
select r_total(1)
select r_default(1)
select r_atomic(1)
select r_plpgsql(3)
select * from r_table(1)
select r_fib(5)
select r_path()
select id, r_total(customer_id) from orders limit 2
select product(total) from orders where id < 3
select * from feelings
select id from pairs
select id from log
select * from ruled
select * from triggered
select count(*) from customers
select id, email from customers where id = 1
select * from customers limit 10
select * from accounts where aid = 5
select abalance from accounts where aid = $1
select * from orders where customer_id = $1 and status = $2 limit $3
select * from seq
select last_value from seq
select version(), current_database(), current_schema(), pg_backend_pid(), inet_server_port(), pg_is_in_recovery(), pg_postmaster_start_time(), txid_current_if_assigned()
select current_setting('server_version'), current_setting('search_path'), current_setting('x.y', true)
select current_schemas(true), pg_my_temp_schema(), current_query()
select pg_size_pretty(pg_total_relation_size('orders')), pg_relation_size('orders'), pg_table_size('orders'), pg_indexes_size('orders'), pg_database_size(current_database())
select gen_random_uuid(), clock_timestamp(), timeofday(), statement_timestamp(), transaction_timestamp(), random(1, 10), uuidv7()
select pg_typeof(1), pg_column_size('x'), pg_get_serial_sequence('orders', 'id'), obj_description('orders'::regclass), col_description('orders'::regclass, 1), shobj_description(1, 'pg_database')
select has_table_privilege('orders', 'select'), has_schema_privilege('public', 'usage'), has_database_privilege(current_database(), 'connect'), pg_has_role('postgres', 'member')
select to_regclass('orders'), to_regtype('int'), to_regproc('now'), format_type(23, -1), quote_ident('a b'), quote_literal('a')
select pg_input_is_valid('1', 'int4'), * from pg_input_error_info('x', 'integer')
select relname, relkind from pg_class where relnamespace = 'public'::regnamespace
select n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', '') and n.nspname !~ '^pg_toast' and pg_table_is_visible(c.oid) order by 1, 2
select a.attname, format_type(a.atttypid, a.atttypmod), (select pg_get_expr(d.adbin, d.adrelid, true) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef), a.attnotnull from pg_attribute a where a.attrelid = 'orders'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
select conname, pg_get_constraintdef(oid, true) from pg_constraint where conrelid = 'orders'::regclass
select pg_get_indexdef(indexrelid), pg_get_viewdef('paid'::regclass), pg_get_functiondef('r_fib'::regproc), pg_get_triggerdef(oid) from pg_index, pg_trigger limit 1
select p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosrc, l.lanname from pg_proc p join pg_language l on l.oid = p.prolang where p.pronamespace = 'public'::regnamespace
select t.oid, typname, typarray, typinput::regproc, typelem from pg_type t join pg_namespace ns on ns.oid = t.typnamespace left join pg_range r on r.rngtypid = t.oid where typname = any (array['hstore', 'jsonb'])
select b.oid, b.typarray from pg_catalog.pg_type a left join pg_catalog.pg_type b on b.oid = a.typelem where a.typcategory = 'A' group by b.oid, b.typarray order by b.oid
select datname, pg_encoding_to_char(encoding), datcollate, array_to_string(datacl, E'\n') from pg_database
select rolname, rolsuper, array(select b.rolname from pg_auth_members m join pg_roles b on m.roleid = b.oid where m.member = r.oid) from pg_roles r
select * from pg_settings where name = 'work_mem'
select name, setting from pg_catalog.pg_settings
select pid, state, wait_event_type, query from pg_stat_activity where datname = current_database()
select * from pg_stat_user_tables
select * from pg_stat_database
select * from pg_locks
select * from pg_indexes where tablename = 'orders'
select * from pg_tables
select * from pg_views where schemaname = 'public'
select * from pg_matviews
select * from pg_sequences
select * from pg_extension
select * from pg_available_extensions
select * from pg_timezone_names limit 1
select * from pg_enum
select * from pg_prepared_statements
select * from pg_cursors
select * from pg_replication_slots
select * from pg_publication
select * from pg_stats where tablename = 'orders'
select blocked.pid, pg_blocking_pids(blocked.pid) from pg_stat_activity blocked where cardinality(pg_blocking_pids(blocked.pid)) > 0
select table_schema, table_name, table_type from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')
select column_name, data_type, is_nullable, column_default from information_schema.columns where table_name = 'orders' order by ordinal_position
select tc.constraint_name, kcu.column_name, ccu.table_name from information_schema.table_constraints tc join information_schema.key_column_usage kcu on tc.constraint_name = kcu.constraint_name join information_schema.constraint_column_usage ccu on ccu.constraint_name = tc.constraint_name
select * from information_schema.routines where routine_schema = 'public'
select schema_name from information_schema.schemata
select * from information_schema.views
select * from information_schema.referential_constraints
select * from information_schema.key_column_usage
explain select * from orders
explain (costs off, format json) select count(*) from orders join lines on order_id = id
explain analyze select * from orders where id = 1
explain (analyze, buffers, verbose) select r_total(1)
show search_path
show all
show transaction isolation level
show time zone
begin
begin read only
begin transaction isolation level repeatable read, read only
start transaction
begin; select 1; commit
begin; select * from orders limit 1; savepoint s; select 2; rollback to s; release s; end
begin; set transaction isolation level serializable read only deferrable; select 1; rollback
begin; declare c cursor for select * from orders; commit
begin; declare c scroll cursor for select * from orders order by id; close c; commit
prepare q1 as select 1; deallocate q1
prepare q2 (int) as select * from orders where id = $1; deallocate all
deallocate all
copy orders to stdout
copy (select id from orders order by id) to stdout with (format csv, header)
select 1; select 2;
/* a comment */ select 1 -- another
select $tag$quoted 'text'$tag$, E'esc\n', U&'\0041'
select "id" as "Weird Name" from "public"."orders"
SELECT "orders"."id", "orders"."status" FROM "public"."orders" WHERE ("orders"."id" = 5 AND 1=1) ORDER BY "orders"."id" ASC LIMIT 20 OFFSET 0
SELECT t0.id AS id_1, (SELECT COUNT(*) FROM lines AS t1 WHERE t1.order_id = t0.id) AS cnt FROM orders AS t0 WHERE t0.placed >= (NOW() - INTERVAL '30 days')
SELECT COUNT(*) AS "__count" FROM "orders" WHERE "orders"."status" IN ('new', 'paid') AND NOT ("orders"."total" IS NULL)
SELECT 1 AS one FROM orders WHERE orders.status = 'x' LIMIT 1
SELECT coalesce(JSONB_AGG("__t"."data"), '[]') FROM (SELECT "t"."id" AS "data" FROM orders t) AS "__t"
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_.*' AND nspname NOT IN ('information_schema') ORDER by nspname
SELECT pg_catalog.current_schema(), pg_catalog.version()
select pg_catalog.set_bit(b'101', 1, 0), pg_catalog.lower('X') operator(pg_catalog.||) 'y'
select f_label()
select f_cfg()
select f_pathy('x')
select * from v_pathy
select * from vg
select id from bt
select f_quoted()
select * from r_unusual('2024-01-01')
select r_format(3)
select r_array(array[1, 2])
select r_json()
select r_strict(1)
select id from withdom
select * from withdom
select * from withdom where id = 1
select id from feelings where id = 1
explain (generic_plan) select * from orders where id = $1
select '5'::int, 5::int, 5.5::int, '{1}'::int[], id::int from orders where id = '4'::int
select status(o), o.status from orders o limit 1
select pg_catalog.count(*) from orders
select from orders
select json('{}'), json_scalar(1), json_serialize('{}' returning text)
select interval '1' day, interval '1 2:03' day to minute, bit varying '101', 'a'::char(3), 'x'::national character varying(3)
select collation for ('a'), 'a' is normalized, normalize('a', NFC), 'a' is not nfc normalized
select xmlparse(content '<a/>'), xmlserialize(content '<a/>'::xml as text), xmlroot('<a/>'::xml, version '1.0'), xmlconcat('<a/>'::xml), xmlpi(name x), xmlexists('/a' passing xmlparse(content '<a/>'))
select (date '2024-01-01', interval '1 day') overlaps (date '2024-01-01', date '2024-01-02')
select row(1, 2) = row(1, 2), (1, 2) < (2, 3), row(1, null) is null
select (row(1, 2)).f1
select sum(id) over (order by id groups between unbounded preceding and current row exclude ties) from orders
select extract(epoch from now()), date_part('year', now()), now()::date, now()::time, current_timestamp(3), localtimestamp
select * from unnest(array[1,2], array['a']) with ordinality
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> all ('{a,b}'::text[])
select db.oid, db.* from pg_catalog.pg_database db where datallowconn and not datistemplate
select not pg_is_in_recovery(), pg_last_wal_replay_lsn(), pg_current_wal_lsn() - '0/0'::pg_lsn
select count(*) over (), * from orders limit 1
select id from orders where (customer_id, status) in (select id, name from customers)
select id from orders where row(customer_id, status) = (select id, name from customers limit 1)
select * from orders where placed > now() - interval '1 week' and placed::date = current_date
select * from orders where doc @? '$.k' and doc @@ '$.k > 1' and doc ?| array['a'] and jsonb_path_exists(doc, '$.k')
select array_agg(distinct status order by status desc) filter (where id > 1) from orders
select max(placed) from orders group by cube (customer_id, status) having grouping(customer_id) = 0
select o.*, row_number() over () as rn from (select distinct on (customer_id) * from orders order by customer_id, id desc) o where o.total > any (select 1)
select width_bucket(1.0, 0.0, 2.0, 4), setweight(to_tsvector('a'), 'A'), websearch_to_tsquery('a b'), phraseto_tsquery('x')
select point(1, 2) <-> point(3, 4), box '((0,0),(1,1))' @> point '(0.5,0.5)', circle '((0,0),1)', lseg '[(0,0),(1,1)]', area(box '((0,0),(1,1))')
select int4range(1, 5) * int4range(2, 8), daterange('2024-01-01', '2024-02-01') @> date '2024-01-15', range_agg(int4range(1, 2)), int4multirange(int4range(1, 2)), lower(int4range(1, 2))
select inet '10.0.0.1' << inet '10.0.0.0/8', host('10.0.0.1/8'), network('10.0.0.1/8'), macaddr '08:00:2b:01:02:03'
select '1'::money + '2'::money, 1::oid, 'a'::name, '1 2'::int2vector, 'pg_class'::regclass::oid, 'lower(text)'::regprocedure
select pg_get_serial_sequence('orders', 'id'), pg_sequence_parameters('seq'::regclass), currval('seq') from orders where false
explain (format yaml, settings, wal false) select 1
explain verbose select * from paid
show server_version
show session authorization
start transaction read only; select 1; commit
begin; set transaction read only; select 1; end
begin isolation level serializable; select 1; abort
select $$a$$ || $x$b$x$
select /* c1 /* nested */ c2 */ 1
select U&'d\0061t\+000061', N'x', B'1', X'1F'
select 1;;; select 2;
select 0x1F, 0b1, 1_000
with a(x) as not materialized (select 1) select * from a
(select 1) limit 1
(select id from orders order by 1 limit 1) union all (select id from orders order by 1 desc limit 1) order by 1
select 1 from orders group by () having true
select any_value(id), bit_and(id), every(true), regr_slope(id, id), corr(id, id), stddev(id), var_pop(id), rank(1) within group (order by id) from orders
select trim_array(array[1, 2], 1), array_position(array[1], 1), array_remove(array[1], 1), array_cat(array[1], array[2]), array[1] || 2, array_to_json(array[1]), array_dims(array[1])
select * from orders where status = all (array['a']) or status <> some (array['b'])
select * from pg_catalog.pg_stat_get_activity(null::int) limit 0
`
    .split('\n')
    .filter(line => line !== ''),
];
