/** Reads of the sample shop that show nothing protected: they come back as they are, in both protocols and formats. */
export const ORDINARY: readonly string[] = `
select id, name, city, notes, created_at from customers order by id limit 20
select name as ssn from customers order by id limit 3
select city as email, id as salary from customers order by id limit 3
select name from customers where email like 'a%' order by id limit 5
select id from customers where ssn = '137-14-7727'
select count(*) from customers
select count(*) from customers where ssn like '1%'
select id from customers order by id limit (select count(*) / 100 from customers)
with m as (select count(*) as n from customers) select name from customers order by id offset (select n / 2 from m) limit 2
select c.id, c.name from customers c, generate_series(1, least(c.id, 2)) order by c.id limit 5
select 1, 'x', now() is not null from products limit 1
select name, title, hired_on from employees order by id
select c.name, o.id, o.status from customers c join orders o on o.customer_id = c.id order by o.id limit 10
select o.*, c.city from orders o join customers c on c.id = o.customer_id order by o.id limit 5
select id, name, city from customer_directory order by id limit 5
select * from products order by id
select name || ' ' || category, upper(name), unit_price * 2 from products order by id limit 10
select to_jsonb(p) from products p order by id limit 5
select row_to_json(o) from orders o order by id limit 3
select p from products p order by id limit 3
select array_agg(name order by id), string_agg(category, ',' order by id) from products
select status, count(*), min(ordered_at), max(ordered_at) from orders group by status order by status
select sum(amount), avg(amount)::numeric(10, 2), max(method) from payments
select * from order_totals order by order_id limit 10
select * from revenue_by_month order by month
select order_total(1), with_tax(10)
select coalesce(shipped_at::text, 'not yet') from orders order by id limit 8
select case when in_stock = 0 then 'out' else 'in' end from products order by id
select distinct category from products order by 1
select name from products union select status::text from orders order by 1
with a as (select category, sum(in_stock) s from products group by 1) select * from a order by 1
select rank() over (order by unit_price desc), name from products order by 1, 2 limit 5
select lag(amount) over (order by id), amount from payments order by id limit 5
select * from generate_series(1, 3) g
select o.id, o.status from orders o where o.customer_id in (select id from customers where email like 'a%') order by o.id limit 5
select count(*) from orders o where o.customer_id in (select id from customers where ssn like '1%')
select c.id, c.name, o.id from customers c join orders o on o.customer_id = c.id where c.email <> 'x' and o.id < 20 order by o.id
select count(*) from customers c join orders o on o.customer_id = c.id where c.phone like '+49%' and o.id < 100
select e.name, m.name from employees e join employees m on m.id = e.manager_id where e.salary > 50000 order by e.id
select count(*) from orders, generate_series(1, 2)
select x from unnest(array['a', 'b']) x
select * from (values (1, 'a'), (2, 'b')) v (n, s)
table order_items limit 5
select md5('x'), length('abc'), 1 + 1, now() is null
select relname, relkind from pg_class where relname in ('customers', 'orders') order by 1
select attname, atttypid::regtype from pg_attribute where attrelid = 'customers'::regclass and attnum > 0 order by attnum
select table_name, column_name, data_type from information_schema.columns where table_schema = 'public' order by 1, 2
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'customers'::regclass order by 1
select indexname, indexdef from pg_indexes where tablename = 'customers' order by 1
select null_frac, n_distinct, attname from pg_stats where tablename = 'products' order by attname
select name, setting from pg_settings where name = 'work_mem'
select nspname from pg_namespace order by 1
select pg_get_viewdef('customer_directory'::regclass)
show server_version
explain (costs off) select * from products where id = 1
`
  .split('\n')
  .filter(line => line !== '');

/** Work that meets protected tables and has to go on; each line succeeds. `= ` goes before the one row that the line before it gives. */
export const ORDINARY_WORK: readonly string[] = `
# a migration of the protected table, in one transaction
begin
alter table customers add column loyalty integer not null default 0
create index on customers (loyalty)
update customers set loyalty = 3 where id = 7
select loyalty, name from customers where id = 7
= ["3","Hugo Vargas"]
alter table customers drop column loyalty
commit

# protected values in other case, and where there are none
update customers set email = lower(email), phone = coalesce(phone, '0') where id = 1
update customers c set email = pg_catalog.lower(c.email), ssn = c.ssn where c.id < 3

# a temporary table in a transaction
begin
create temp table wanted on commit drop as select id, name from customers where id <= 2
select name from wanted where id = 1
= ["Ben Dubois"]
commit

# a table, filled and read before it is committed
begin
create table work_a (id integer primary key, what text)
insert into work_a values (1, 'one')
select what from work_a
= ["one"]
commit
drop table work_a

# a trigger that keeps a time
create table work_b (n integer)
alter table customers add column touched_at timestamptz
create function work_touch() returns trigger language plpgsql as $$ begin new.touched_at := now(); return new; end $$
create trigger work_touched before update on customers for each row execute function work_touch()
update customers set city = city where id = 1
select touched_at is not null from customers where id = 1
drop trigger work_touched on customers
drop function work_touch()
drop table work_b
alter table customers drop column touched_at

# triggers that ask whether a row is another one, and give back whichever there is
alter table customers add column touched_at timestamptz
create table work_k (id integer, what text)
create function work_k() returns trigger language plpgsql as $$ begin if row(new.*) is distinct from row(old.*) or new is distinct from old then new.touched_at := now(); end if; return new; end $$
create trigger work_k before update on customers for each row execute function work_k()
create function work_l() returns trigger language plpgsql as $$ begin insert into work_k values (coalesce(new.id, old.id), tg_op); return coalesce(new, old); end $$
create trigger work_l after insert or update or delete on customers for each row when (pg_trigger_depth() = 0) execute function work_l()
update customers set city = 'Rome' where id = 1
update customers set city = 'Lisbon' where id = 1
select count(*) from work_k
= ["2"]
drop function work_k() cascade
drop function work_l() cascade
drop table work_k
alter table customers drop column touched_at

# a view gets one more column
create view work_v as select id, name, email from customers
create or replace view work_v as select id, name, email, city from customers
select id, name, city from work_v where id = 1
= ["1","Ben Dubois","Lisbon"]
drop view work_v

# a function replaced by another harmless one
create function work_f(integer) returns integer language sql immutable as 'select $1'
create or replace function work_f(integer) returns integer language sql immutable as 'select $1 + 1'
select work_f(1)
= ["2"]
drop function work_f(integer)

# an index, a check and a view by functions, and what they call replaced by what only computes
create function work_g(text) returns text language plpgsql immutable as $$ begin return upper($1); end $$
create index work_i on customers (work_g(name))
alter table customers add constraint work_c check (length(work_g(name)) > 0)
create view work_w as select id, name from customers where work_g(name) <> ''
create or replace function work_g(text) returns text language plpgsql immutable as $$ begin return upper(trim($1)); end $$
update customers set name = name where id = 1
reindex index work_i
select name from work_w where id = 1
= ["Ben Dubois"]
drop view work_w
alter table customers drop constraint work_c
drop index work_i
drop function work_g(text)
alter table employees alter column title type varchar(200) using title::varchar
alter table employees alter column title type text

# triggers that look a customer up
create table work_h (id integer, what text)
create function work_h() returns trigger language plpgsql as $$ declare c customers; begin select * into c from customers where id = new.id; new.what := c.name || c.city; return new; end $$
create trigger work_h before insert on work_h for each row execute function work_h()
insert into work_h values (1, '') returning what
= ["Ben DuboisLisbon"]
create or replace function work_h() returns trigger language plpgsql as $$ declare r record; begin for r in select c.*, o.status from customers c join orders o on o.customer_id = c.id where c.id = new.id order by o.id limit 1 loop new.what := r.status || r.name; end loop; return new; end $$
insert into work_h values (1, '')
create or replace function work_h() returns trigger language plpgsql as $$ begin if not exists (select from customers where id = new.id) then raise exception 'nobody'; end if; perform * from customers where id = new.id; return new; end $$
insert into work_h values (1, '')
drop table work_h
drop function work_h()

# changes of protected values themselves
update customers set phone = '+49 30 111 2222' where id = 3
update employees set salary = 50000 where id = 9
insert into customers values (9100, 'New', 'new@example.net', '+49 30 1', '4111111111111111', '111-22-3333', 'Oslo', null, now())
delete from customers where id = 9100 returning name
= ["New"]

# rows by what a protected column is, and an upsert that writes only what is new
create table work_j (id integer, customer integer, what text)
insert into work_j values (1, (select id from customers where ssn = '137-14-7727'), 'x') returning customer is not null
= [null]
insert into work_j select 2, (select id from customers where email = 'nobody'), 'y'
update work_j set customer = (select c.id from customers c where c.phone = 'none'), what = (select name from customers where id = 1) where id = 1
select what from work_j where id = 1
= ["Ben Dubois"]
insert into customers as c values (1, 'Ben Dubois', 'x', 'x', '4111111111111111', '111-22-3333', 'Oslo', null, now()) on conflict (id) do update set name = excluded.name, city = coalesce(excluded.city, c.city) where c.name is distinct from excluded.name
drop table work_j

# recursion over and beside protected columns
with recursive chain (id, depth) as (select id, 1 from employees where manager_id is null union all select e.id, c.depth + 1 from employees e join chain c on e.manager_id = c.id) select id, depth from chain
with recursive chain as (select id, manager_id, salary from employees where id = 5 union all select e.id, e.manager_id, e.salary from employees e join chain c on e.id = c.manager_id) select id, salary from chain
with recursive days (n) as (select 1 union all select n + 1 from days where n < 5) select n, c.name from days join customers c on c.id = n
`
  .split('\n\n')
  .map(text => text.trim())
  .filter(text => text !== '');
