-- The sample shop: what `holdpoint dev` serves when no --target is given.
-- Loaded by a superuser into a fresh database. The same rows every time: numbers come from formulas, never from random().
-- The agent's database role is `agent`; whoever loads this file gives it its password. It owns the shop's tables, so that DDL
-- which a human has approved works; Holdpoint, not the database's own privileges, is what stands before it here.
begin;
set local client_min_messages = warning;

do $$
begin
  if not exists (select from pg_roles where rolname = 'agent') then
    create role agent login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  end if;
end
$$;

create type order_status as enum ('new', 'paid', 'shipped', 'returned');
create domain price as numeric(10, 2) check (value >= 0);
create sequence invoice_number start 100001;

create table customers (
  id integer primary key,
  name text not null,
  email text not null unique,
  phone text not null,
  card_number text not null check (card_number ~ '^[0-9]{16}$'),
  ssn text not null check (ssn ~ '^[0-9]{3}-[0-9]{2}-[0-9]{4}$'),
  city text not null,
  notes text,
  created_at timestamptz not null
);
create table products (
  id integer primary key,
  name text not null unique,
  category text not null,
  unit_price price not null,
  in_stock integer not null check (in_stock >= 0)
);
create table orders (
  id integer primary key,
  customer_id integer not null references customers,
  status order_status not null default 'new',
  ordered_at timestamptz not null,
  shipped_at timestamptz
);
create table order_items (
  order_id integer not null references orders on delete cascade,
  line integer not null,
  product_id integer not null references products,
  quantity integer not null check (quantity > 0),
  unit_price price not null,
  primary key (order_id, line)
);
create table payments (
  id integer primary key,
  order_id integer not null references orders on delete cascade,
  amount price not null,
  method text not null,
  paid_at timestamptz not null
);
create table employees (
  id integer primary key,
  name text not null,
  title text not null,
  manager_id integer references employees,
  salary integer not null,
  ssn text not null,
  hired_on date not null
);
create table order_events (
  id bigint generated always as identity primary key,
  order_id integer not null,
  event text not null,
  happened_at timestamptz not null default now()
);

-- Names from short lists whose lengths share no factor, so that pairs repeat late.
create temporary table first_names on commit drop as
  select n, i - 1 as i from unnest(array['Ada', 'Ben', 'Carla', 'David', 'Elif', 'Farid', 'Grace', 'Hugo', 'Ines', 'Jonas',
    'Kira', 'Liam', 'Mara', 'Nils', 'Olga', 'Pavel', 'Quinn', 'Rosa', 'Samir', 'Tessa', 'Uma', 'Victor', 'Wanda']) with ordinality as t (n, i);
create temporary table last_names on commit drop as
  select n, i - 1 as i from unnest(array['Adler', 'Becker', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Ivanova',
    'Jansen', 'Keller', 'Lopez', 'Meyer', 'Novak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Silva', 'Tanaka', 'Ulrich', 'Vargas',
    'Weber', 'Young', 'Zhang']) with ordinality as t (n, i);
create temporary table cities on commit drop as
  select n, i - 1 as i from unnest(array['Berlin', 'Lisbon', 'Oslo', 'Warsaw', 'Turin', 'Ghent', 'Lyon']) with ordinality as t (n, i);

insert into customers
select g,
  f.n || ' ' || l.n,
  lower(f.n || '.' || l.n) || g || '@example.net',
  format('+49 30 %s %s', lpad((g * 7919 % 1000)::text, 3, '0'), lpad((g * 104729 % 10000)::text, 4, '0')),
  format('4%s%s', lpad((g * 48271 % 10000000)::text, 7, '0'), lpad((g::bigint * 69621 % 100000000)::text, 8, '0')),
  format('%s-%s-%s', lpad((100 + g * 37 % 800)::text, 3, '0'), lpad((1 + g * 13 % 99)::text, 2, '0'), lpad((g * 7727 % 10000)::text, 4, '0')),
  c.n,
  case g % 9 when 0 then 'prefers delivery after six' when 4 then 'asked for an invoice on paper' end,
  timestamptz '2023-01-02 08:00:00+00' + g * interval '31 hours 7 minutes'
from generate_series(1, 500) g
join first_names f on f.i = g % 23
join last_names l on l.i = g * 3 % 25
join cities c on c.i = g % 7
order by g;

insert into products
select g,
  a.n || ' ' || b.n,
  (array['kitchen', 'garden', 'office', 'travel'])[1 + g % 4],
  (4 + g * 271 % 9000 / 100.0)::numeric(10, 2),
  g * 53 % 400
from generate_series(1, 60) g
join unnest(array['Oak', 'Steel', 'Linen', 'Clay', 'Cork', 'Glass']) with ordinality as a (n, i) on a.i - 1 = g % 6
join unnest(array['Bowl', 'Lamp', 'Chair', 'Bottle', 'Tray', 'Basket', 'Clock', 'Stool', 'Vase', 'Shelf']) with ordinality as b (n, i) on b.i - 1 = g / 6 % 10
order by g;

insert into orders
select g,
  1 + g * 17 % 500,
  (array['new', 'paid', 'shipped', 'shipped', 'shipped', 'returned'])[1 + g % 6]::order_status,
  timestamptz '2024-01-01 06:00:00+00' + g * interval '3 hours 11 minutes',
  case when g % 6 in (2, 3, 4, 5) then timestamptz '2024-01-02 09:00:00+00' + g * interval '3 hours 11 minutes' end
from generate_series(1, 5000) g;

insert into order_items
select o.id, line, p.id, 1 + (o.id + line) % 3, p.unit_price
from orders o
cross join generate_series(1, 4) line
join products p on p.id = 1 + (o.id * 7 + line * 11) % 60
order by o.id, line;

insert into payments
select i.order_id,
  i.order_id,
  sum(i.quantity * i.unit_price),
  (array['card', 'transfer', 'wallet'])[1 + i.order_id % 3],
  o.ordered_at + interval '20 minutes'
from order_items i join orders o on o.id = i.order_id
group by i.order_id, o.ordered_at
order by i.order_id;

insert into employees
select g, f.n || ' ' || l.n, case when g = 1 then 'Managing director' when g <= 6 then 'Team lead' else 'Clerk' end,
  case when g = 1 then null when g <= 6 then 1 else 2 + g % 5 end,
  case when g = 1 then 148000 when g <= 6 then 78000 + g * 1500 else 39000 + g * 733 % 14000 end,
  format('%s-%s-%s', lpad((200 + g * 29 % 700)::text, 3, '0'), lpad((1 + g * 17 % 99)::text, 2, '0'), lpad((g * 6151 % 10000)::text, 4, '0')),
  date '2015-03-01' + g * 61
from generate_series(1, 40) g
join first_names f on f.i = g * 5 % 23
join last_names l on l.i = g * 7 % 25
order by g;

insert into order_events (order_id, event, happened_at)
select id, 'ordered', ordered_at from orders where id > 4000 order by id;

create index orders_by_customer on orders (customer_id);
create index orders_by_day on orders (ordered_at);
create index payments_by_order on payments (order_id);

create view customer_directory as
  select id, name, email, city from customers;
create view order_totals as
  select o.id as order_id, o.customer_id, o.status, sum(i.quantity * i.unit_price) as total
  from orders o join order_items i on i.order_id = o.id
  group by o.id;
create view revenue_by_month as
  select date_trunc('month', paid_at, 'UTC')::date as month, count(*) as payments, sum(amount) as revenue
  from payments group by 1;

-- Reads through and through.
create function with_tax(net numeric) returns numeric
  language sql immutable parallel safe
  return round(net * 1.19, 2);
create function order_total(wanted integer) returns numeric
  language sql stable
  as $$ select sum(quantity * unit_price) from order_items where order_id = wanted $$;
-- Reads a protected column with its owner's rights.
create function customer_email(wanted integer) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select email from public.customers where id = wanted $$;
-- Looks like a read where it is called, and writes.
create function archive_order(wanted integer) returns boolean
  language plpgsql
  as $$
begin
  update orders set status = 'shipped', shipped_at = coalesce(shipped_at, now()) where id = wanted;
  if not found then
    return false;
  end if;
  insert into order_events (order_id, event) values (wanted, 'archived');
  return true;
end
$$;

do $$
declare
  thing record;
begin
  for thing in select format('%I.%I', n.nspname, c.relname) as name, c.relkind as kind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and (c.relkind in ('r', 'v') or c.oid = 'invoice_number'::regclass)
  loop
    execute format('alter %s %s owner to agent', case thing.kind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, thing.name);
  end loop;
end
$$;
alter type order_status owner to agent;
alter domain price owner to agent;
alter function with_tax(numeric) owner to agent;
alter function order_total(integer) owner to agent;
alter function archive_order(integer) owner to agent;
-- customer_email stays with whoever loaded the file: SECURITY DEFINER is what makes it worth having here.
revoke execute on function customer_email(integer) from public;
grant execute on function customer_email(integer) to agent;
grant create, usage on schema public to agent;
commit;

analyze;
