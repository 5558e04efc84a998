/** The database of the corpora: ordinary tables, protected columns, and every kind of object that can hide a call. */
export const SETUP = `
create table customers (id serial primary key, email text unique, ssn text, card text, phone text, name text, born date);
create table orders (id serial primary key, customer_id int references customers (id), status text default 'new',
  total numeric(10, 2), placed timestamptz default now(), tags text[], doc jsonb);
create table lines (order_id int references orders (id) on delete cascade, pos int, sku text, qty int, primary key (order_id, pos));
create table log (id serial, note text);
create table accounts (aid int primary key, bid int, abalance int, filler char(84));
create table events (id bigint, at date, what text, ssn text) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table base (id int, v text);
create table derived (extra text) inherits (base);
insert into customers (email, ssn, card, phone, name, born)
  select 'c' || i || '@example.com', 'zq-' || i, 'zq4000' || i, '555' || i, 'Name ' || i, date '1980-01-01' + i from generate_series(1, 200) i;
insert into orders (customer_id, status, total, tags, doc)
  select i % 200 + 1, (array['new', 'paid', 'sent'])[i % 3 + 1], i, array['a', 'b'], jsonb_build_object('k', i) from generate_series(1, 1000) i;
insert into lines select o, p, 'sku' || p, p from generate_series(1, 500) o, generate_series(1, 3) p;
insert into accounts select i, 1, 0, '' from generate_series(1, 1000) i;
insert into events select i, date '2024-06-01' + i, 'x', 'zq-' || i from generate_series(1, 300) i;
insert into base values (1, 'a'); insert into derived values (2, 'b', 'c');
create sequence seq;
create index on orders (customer_id);
create materialized view sums as select customer_id, sum(total) as total from orders group by 1;
create view paid as select * from orders where status = 'paid';
create view people as select id, name, ssn as number, upper(ssn) as shout, 1 as one, count(*) over () as n from customers;

-- functions that write, each in its own way
create function w_plpgsql(x int) returns int language plpgsql as $$ begin insert into log (note) values (x::text); return x; end $$;
create function w_immutable(x int) returns int immutable language plpgsql as $$ begin insert into log (note) values (x::text); return x; end $$;
create function w_stable(x int) returns int stable language plpgsql as $$ begin perform w_plpgsql(x); return x; end $$;
create function w_sql(x int) returns int language sql as $$ insert into log (note) values ('a') returning 1 $$;
create function w_atomic(x int) returns int language sql begin atomic insert into log (note) values ('a'); select x; end;
create function w_return(x int) returns int language sql return w_plpgsql(x);
create function w_dynamic(q text) returns void language plpgsql as $$ begin execute q; end $$;
create function w_dynamic_for(q text) returns int language plpgsql as $$ declare r record; begin for r in execute q loop null; end loop; return 1; end $$;
create function w_open(q text) returns int language plpgsql as $$ declare c refcursor; r record; begin open c for execute q; fetch c into r; close c; return 1; end $$;
create function w_default(a int, b int default w_plpgsql(1)) returns int language sql immutable as $$ select a $$;
create function w_set() returns int language plpgsql as $$ begin perform set_config('search_path', 'x', false); return 1; end $$;
create function w_set2() returns int language plpgsql as $$ begin set session statement_timeout = 0; return 1; end $$;
create function w_record() returns int language plpgsql as $$ declare r record := w_plpgsql(3); begin return 1; end $$;
create function w_assign() returns int language plpgsql as $$ declare a int[]; begin a[w_plpgsql(1)] := 2; return 1; end $$;
create function w_exception() returns int language plpgsql as $$ begin perform 1 / 0; return 1; exception when others then delete from log; return 2; end $$;
create function w_raise() returns int language plpgsql as $$ begin raise notice 'x' using hint = w_plpgsql(3)::text; return 1; end $$;
create function w_nested(x int) returns int language plpgsql as $$ begin return w_return(x); end $$;
create function w_definer(x int) returns int security definer language plpgsql set search_path = public as $$ begin update accounts set abalance = 1 where aid = x; return x; end $$;
create function w_table() returns table (a int) language plpgsql as $$ begin return query insert into log (note) values ('q') returning id; end $$;
create function w_variadic(variadic xs int[]) returns int language plpgsql as $$ begin delete from log; return 1; end $$;
create function w_mutual_a(n int) returns int language plpgsql as $$ begin if n > 0 then return w_mutual_b(n - 1); end if; return 0; end $$;
create function w_mutual_b(n int) returns int language plpgsql as $$ begin insert into log (note) values ('m'); return w_mutual_a(n - 1); end $$;
create function w_case(n int) returns int language plpgsql as $$ begin case n when 1 then perform w_plpgsql(1); else null; end case; return 1; end $$;
create function w_into() returns int language plpgsql as $$ declare x int; begin update accounts set abalance = 1 where aid = 1 returning aid into x; return x; end $$;
create function w_for() returns int language plpgsql as $$ declare r record; begin for r in delete from log returning * loop null; end loop; return 1; end $$;
create function w_internal(text, bigint) returns bigint language internal as 'setval_oid';
create function w_lower(t text) returns text language plpgsql as $$ begin insert into log (note) values (t); return t; end $$;
create procedure w_proc(x int) language plpgsql as $$ begin insert into log (note) values ('p'); end $$;
create procedure w_commit() language plpgsql as $$ begin delete from log; commit; end $$;
create function w_text(x text) returns boolean language plpgsql as $$ begin insert into log (note) values (x); return true; end $$;
create function w_bool(a int, b int) returns boolean language plpgsql as $$ begin insert into log (note) values ('op'); return true; end $$;
create function w_reads() returns int language plpgsql as $$ declare n int; begin select count(*) into n from trap_view; return n; end $$;

-- operators, casts, aggregates, types, domains that call them
create operator public.@@@ (leftarg = int, rightarg = int, function = w_bool);
create operator public.!!! (rightarg = int, function = w_plpgsql);
create schema ops;
create operator ops.= (leftarg = int, rightarg = int, function = w_bool);
create type pair as (a int, b text);
create function pair_text(p pair) returns text language plpgsql as $$ begin insert into log (note) values ('cast'); return 'x'; end $$;
create cast (pair as text) with function pair_text(pair);
create function boxed(p pair) returns int language plpgsql as $$ begin insert into log (note) values ('field'); return 1; end $$;
create function touched(o orders) returns int language plpgsql as $$ begin insert into log (note) values ('row'); return 1; end $$;
create function setof_row(o orders) returns setof int language plpgsql as $$ begin delete from log; return next 1; end $$;
create table pairs (id int, p pair);
insert into pairs values (1, (1, 'a'));
create domain d_trap as int check (w_plpgsql(value) > 0);
create domain d_trap_text as text check (w_text(value));
create type trap_row as (a d_trap);
create function w_sum(a int, b int) returns int language plpgsql as $$ begin insert into log (note) values ('agg'); return a + b; end $$;
create aggregate agg_trap (int) (sfunc = w_sum, stype = int, initcond = '0');
create aggregate agg_final (int) (sfunc = int4pl, stype = int, initcond = '0', finalfunc = w_plpgsql);
create type mood as enum ('sad', 'ok');
create function mood_less(a mood, b mood) returns boolean language plpgsql as $$ begin insert into log (note) values ('<'); return a::text < b::text; end $$;
create operator public.<< (leftarg = mood, rightarg = mood, function = mood_less);
create table feelings (id int, m mood); insert into feelings values (1, 'ok');
create function mood_int(m mood) returns int immutable language plpgsql as $$ begin insert into log (note) values ('i'); return 1; end $$;
create cast (mood as int) with function mood_int(mood) as implicit;

-- views, rules, policies, triggers, generated and index expressions
create view trap_view as select id, w_plpgsql(id) as x from orders;
create view trap_view2 as select * from trap_view;
create view trap_op as select id from orders where id @@@ 3;
create materialized view trap_mat as select id from orders with no data;
create table walled (id int, t text); insert into walled values (1, 'a');
alter table walled enable row level security; alter table walled force row level security;
create policy trap on walled using (w_plpgsql(id) > 0);
create table ruled (id int, t text);
create rule r_ins as on insert to ruled do also delete from log;
create view writable as select id, note from log;
create function tg() returns trigger language plpgsql as $$ begin insert into accounts values (new.id + 5000, 1, 0, ''); return new; end $$;
create table triggered (id int); create trigger t after insert on triggered for each row execute function tg();
create table folded (id int, check (id > 0 or w_immutable(1) > 0));

-- harmless ones
create function r_total(c int) returns numeric stable language sql as $$ select sum(total) from orders where customer_id = c $$;
create function r_default(c int) returns bigint language sql as $$ select count(*) from orders where customer_id = c $$;
create function r_atomic(c int) returns bigint stable language sql begin atomic select count(*) from lines where order_id = c; end;
create function r_plpgsql(n int) returns int language plpgsql immutable as $$
  declare total int := 0; parts text[]; r record;
  begin
    for i in 1..n loop total := total + i; continue when i > 100; end loop;
    for r in select id, status from orders limit 3 loop total := total + r.id; end loop;
    if total > 10 then raise notice 'big %', total; elsif total = 3 then total := 4; end if;
    select count(*) into total from orders where status = 'new';
    parts[1] := 'x'; parts := array_append(parts, 'y');
    case total when 1 then return 1; else null; end case;
    begin perform 1; exception when division_by_zero then return 0; end;
    return total;
  end $$;
create function r_table(c int) returns table (id int, total numeric) stable language plpgsql as $$ begin return query select o.id, o.total from orders o where o.customer_id = c; end $$;
create function r_fib(n int) returns int language sql immutable as $$ select case when n < 2 then n else r_fib(n - 1) + r_fib(n - 2) end $$;
create function r_path() returns bigint stable language sql set search_path = public as $$ select count(*) from orders $$;
create domain positive as int check (value > 0);
create type colour as enum ('red', 'green');
create type span as range (subtype = int);
create table typed (id int primary key, c colour, p positive, s span, j jsonb, a int[], u uuid default gen_random_uuid(), ts tsvector, v int generated always as (id * 2) virtual, d int generated always as (id + 1) stored);
insert into typed (id, c, p, s, a) values (1, 'red', 3, '[1,4]', '{1,2}');
create aggregate product (numeric) (sfunc = numeric_mul, stype = numeric);
create view status_counts as select status, count(*) as n from orders group by status;
create function is_mine(x int) returns boolean stable language sql as $$ select x > 0 $$;
create table tenant (id int, t text); alter table tenant enable row level security; create policy mine on tenant using (is_mine(id));
-- reads protected
create function s_ssn(c int) returns text stable security definer language sql as $$ select ssn from customers where id = c $$;
create function s_count() returns bigint stable language sql as $$ select count(*) from customers $$;
create view s_view as select * from customers;
create materialized view s_mat as select id, ssn, upper(card) as c from customers;
create view s_renamed (a, secret) as select id, ssn from s_view;
create view s_union as select id as a, ssn as b from customers union select 0, 'x';
create view s_agg as select max(ssn) as v, count(*) as n from customers;
create view through as select s_ssn(id) as x, id from orders;

insert into customers (email, ssn) values ('lonely@example.com', 'zq-lonely');

-- what an adversary would think of next
create function poly(x anyelement) returns boolean language sql as $$ select x << x $$;
create function int4_dom(a d_trap, b int) returns d_trap language sql immutable as $$ select a $$; create aggregate agg_dom(int) (sfunc = int4_dom, stype = d_trap, initcond = '5');
create function ok_op(a int, b int) returns boolean language sql immutable as $$ select a = b $$;
create operator public.=#= (leftarg=int, rightarg=int, function=ok_op, negator = !#!, commutator = =#=);
create operator public.!#! (leftarg=int, rightarg=int, function=w_bool);
create operator public.?? (rightarg=regclass, function=nextval);
create cast (int8 as bool) with function pg_try_advisory_lock(bigint);
create function seqtrap() returns trigger language plpgsql as $$ begin return new; end $$;
create table withdom(id int, d d_trap);
create view v_domain as select id::d_trap as d from orders;
create view v_nextval as select nextval('seq') as n;
create view v_lock as select id from orders for update;
create function f_lock() returns int language plpgsql as $$ begin perform 1 from orders for update; return 1; end $$;
create function f_rettype(x int) returns d_trap language sql as $$ select x $$;
create function f_argtype(x d_trap) returns int language sql as $$ select 1 $$;
create function f_var(x int) returns int language plpgsql as $$ declare v d_trap := x; begin return 1; end $$;
create function f_rowtype() returns int language plpgsql as $$ declare v withdom%rowtype; begin v.d := 5; return 1; end $$;
create function f_coltype() returns int language plpgsql as $$ declare v withdom.d%type; begin v := 5; return 1; end $$;
create function f_alias() returns int language plpgsql as $$ declare c cursor for delete from log returning id; r record; begin open c; fetch c into r; return 1; end $$;
create function f_curs() returns int language plpgsql as $$ declare c cursor (k int) for select w_plpgsql(k); r record; begin for r in c(3) loop null; end loop; return 1; end $$;
create function f_notify() returns int language plpgsql as $$ begin notify x, 'y'; return 1; end $$;
create function f_perform() returns int language plpgsql as $$ begin perform nextval('seq'); return 1; end $$;
create function f_setlocal() returns int language plpgsql as $$ begin set local work_mem = '1MB'; return 1; end $$;
create function f_label() returns int language plpgsql as $$ <<outer>> declare x int := 1; begin <<inner>> loop exit inner when x > 3; x := x + 1; continue inner when false; end loop; return outer.x; end $$;
create function f_cfg() returns text language sql set work_mem = '2MB' as $$ select 'x' $$;
create function f_scs() returns text language sql set standard_conforming_strings = off as $$ select 'x\\ty' $$;
create schema evil; create function evil.lower(text) returns text language plpgsql as $$ begin insert into public.log(note) values ('l'); return $1; end $$;
create function evil.count(int) returns int language plpgsql as $$ begin insert into public.log(note) values ('l'); return $1; end $$;
create function f_pathy(x text) returns text language sql as $$ select lower(x) $$;
create function f_pathset(x text) returns text language sql set search_path = evil, pg_catalog as $$ select lower(x) $$;
create view v_pathy as select f_pathy(status) as s from orders;
create table vg (id int, x int generated always as (id * 2) virtual);
create type base_t; create function base_in(cstring) returns base_t language internal immutable strict as 'int4in'; create function base_out(base_t) returns cstring language internal immutable strict as 'int4out'; create type base_t (input = base_in, output = base_out, like = int4);
create table bt(id int, b base_t);
create function trig_cfg() returns int language sql as $$ select set_config('a.b', 'c', false)::text::int $$;
create function f_if(x int) returns int language plpgsql as $$ begin if x > 0 then return 1; elsif w_plpgsql(1) > 0 then return 2; else return 3; end if; end $$;
create function f_while() returns int language plpgsql as $$ begin while w_plpgsql(1) > 3 loop null; end loop; return 1; end $$;
create function f_fetchdyn() returns refcursor language plpgsql as $$ declare c refcursor := 'cc'; begin open c for select w_plpgsql(1); return c; end $$;
create function f_copy() returns int language plpgsql as $$ begin copy orders to '/tmp/x'; return 1; end $$;
create function f_ddl() returns int language plpgsql as $$ begin create temp table zz(a int); return 1; end $$;
create function f_rw() returns int language sql stable as $$ with d as (delete from log returning 1) select 1 $$;
create procedure p_ro() language plpgsql as $$ begin perform 1; end $$;
create function f_xml() returns xml language sql as $$ select query_to_xml('select w_plpgsql(1)', true, true, '') $$;
create function f_sleep() returns void language sql as $$ select pg_sleep(0) $$;
create function f_quoted() returns int language plpgsql as $$ declare "Odd Name" int := 1; begin "Odd Name" := "Odd Name" + 1; return "Odd Name"; end $$;
create function f_case2(x text) returns int language plpgsql as $$ begin case when x = 'a' then return 1; when x = 'b' then perform w_plpgsql(2); return 2; end case; return 0; end $$;
create function "quo te"() returns int language plpgsql as $$ begin perform "w_plpgsql"(1); return 1; end $$;
create function r_unusual(p_from date, p_to date default current_date, out n bigint, out total numeric) language plpgsql stable as $$ declare v record; begin select count(*), sum(o.total) into n, total from orders o where o.placed between p_from and p_to; for v in select * from lines loop exit when v.qty > 1; end loop; get diagnostics n = row_count; exception when others then raise exception 'failed: %', sqlerrm using errcode = 'P0001', detail = 'x'; end $$;
create function r_setof(p text) returns setof orders language plpgsql stable as $$ declare r orders%rowtype; begin for r in select * from orders where status = p loop if r.total > 10 then return next r; end if; end loop; return; end $$;
create function r_format(p int) returns text language plpgsql immutable strict parallel safe as $function$ begin return format('%s-%s', p, to_char(p, 'FM000')); end $function$;
create function r_array(ids int[]) returns int language plpgsql as $$ declare i int; s int := 0; begin foreach i in array ids loop s := s + i; end loop; for i in reverse 10..1 by 2 loop s := s - i; end loop; assert s is not null, 'no'; return s; end $$;
create function r_json() returns jsonb language sql stable as $$ select jsonb_build_object('orders', (select jsonb_agg(o) from orders o where o.id < 3)) $$;
create function r_strict(k int) returns text language plpgsql stable as $$ declare v text; begin select status into strict v from orders where id = k; return coalesce(v, 'none'); exception when no_data_found then return null; when too_many_rows then raise; end $$;
create function txt_int(text) returns int language plpgsql as $$ begin insert into log(note) values ('c'); return 1; end $$;
create cast (text as int) with function txt_int(text);
create function txt_pair(text) returns pair language plpgsql as $$ begin insert into log(note) values ('c'); return row(1,'a')::pair; end $$;
create cast (text as pair) with function txt_pair(text) as assignment;
create function f_asg(x text) returns int language plpgsql as $$ declare p pair; begin p := x; return 1; end $$;
create type boxrow as (a int, b text);
create function f_recdef() returns int language plpgsql as $$ declare v colour := 'red'; w boxrow := row(1, 'a'); c positive := 5; begin return 1; end $$;
create function f_recdef_w() returns int language plpgsql as $$ declare n int; v positive := 3; p pair default row(w_plpgsql(1), 'a'); begin return 1; end $$;
create function f_recdef_o() returns int language plpgsql as $$ begin declare p pair = row(!!! 4, 'b'); begin null; end; return 1; end $$;
analyze;
`;

export const PROTECTED = [
  { schema: 'public', table: 'customers', column: 'ssn', mask: 'redact' },
  { schema: 'public', table: 'customers', column: 'card', mask: 'partial' },
  { schema: 'public', table: 'events', column: 'ssn', mask: 'hash' },
] as const;
