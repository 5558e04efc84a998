import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startPostgres } from '#test/support/postgres.ts';

const SHOP = readFileSync(new URL('../../cli/sample/shop.sql', import.meta.url), 'utf8');

describe('the sample shop', async () => {
  const postgres = await startPostgres();
  const load = async (database: string) => {
    await postgres.createDatabase(database);
    await postgres.query(SHOP, { database });
  };
  await load('shop');
  const rows = (sql: string, database = 'shop') => postgres.query<Record<string, string>>(sql, { database });

  it('has the rows that it promises', async () => {
    const [counts] = await rows(`select
      (select count(*) from customers) customers, (select count(*) from orders) orders,
      (select count(*) from order_items) items, (select count(*) from payments) payments,
      (select count(distinct card_number) from customers) cards, (select count(distinct ssn) from customers) ssns`);
    assert.deepEqual(counts, {
      customers: '500',
      orders: '5000',
      items: '20000',
      payments: '5000',
      cards: '500',
      ssns: '500',
    });
  });

  it('is the same every time, down to the order of the rows, on a server that has the role already', async () => {
    await load('again');
    const digest = `select string_agg(md5(t::text), ',') as all from (
      select c::text t from customers c union all select p::text from products p union all select o::text from orders o
      union all select i::text from order_items i union all select p::text from payments p union all select e::text from employees e
      union all select (order_id, event, happened_at)::text from order_events) x`;
    assert.deepEqual(await rows(digest, 'again'), await rows(digest));
  });

  it('lets its agent read, write, delete and change the schema, and nothing beyond', async () => {
    const as = (sql: string) => rows(`begin; set local role agent; ${sql}; rollback`);
    for (const sql of [
      'select * from customers join orders on customer_id = customers.id limit 1',
      'select * from customer_directory, order_totals, revenue_by_month limit 1',
      'select order_total(1), with_tax(1), customer_email(1), archive_order(1), nextval($$invoice_number$$)',
      'delete from payments',
      'delete from orders',
      'alter table orders add column note text',
      'create table extra (a int)',
      'drop table payments cascade',
      'truncate order_events',
      'drop view revenue_by_month',
    ])
      await as(sql);
    for (const sql of [
      'create role other',
      "copy customers to program 'cat'",
      "select pg_read_file('/etc/passwd')",
      'select * from pg_authid',
    ])
      await assert.rejects(as(sql), { code: '42501' }, sql);
  });
});
