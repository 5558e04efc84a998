import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { VIEW_TREES, VIEWS } from '#proxy/catalog/sql.ts';
import { SETUP } from '#test/effects/database.ts';
import { rowsOf } from '#test/effects/support.ts';
import { startPostgres } from '#test/support/postgres.ts';

let client: pg.Client;

before(async () => {
  const server = await startPostgres();
  client = new pg.Client(await server.createDatabase('views'));
  await client.connect();
  await client.query(SETUP);
});

after(() => client?.end());

/** Names and constants that look like the fields of a stored tree. */
const DISGUISED = `
  create function plus(int) returns int language sql as 'select $1 + 1';
  create aggregate total (int) (sfunc = int4pl, stype = int);
  create operator === (leftarg = int, rightarg = int, function = same);
  create table ":relid" (":relid 16999" int, "funcid 16999" int, "fnoid " int, "}) :relid 17000 {" text);
  create view ":relid 16998" as select plus(":relid 16999") as ":funcid 16997", "fnoid " as ":relid" from ":relid" as ":relid";
  create view "funcid" as select ':relid 16996 :funcid 16995' as "funcid", "}) :relid 17000 {" as "a\\ :relid 16994"
    from ":relid" as "funcid" where "funcid 16999" === 3;
  create view "x:opfuncid" as select total("fnoid ") as ":aggfnoid", sum(plus("funcid 16999")) over () as "winfnoid 5"
    from ":relid" as ":aggfnoid " group by "funcid 16999";
  create view deep as with "c:relid" as (select * from ":relid 16998") select "c:relid".*, tablename, (select count(*) from "funcid"), exists (select from pg_class)
    from "c:relid" join pg_stats on tablename = ":relid"::text;
  create view none as select 1 as one;
  create materialized view stored as select count from deep;
`;

test('of each view, what it mentions is what the fields of its tree say, whatever its names look like', async () => {
  await client.query(`create function same(int, int) returns boolean language sql as 'select $1 = $2'`);
  await client.query(DISGUISED);
  const found = await rowsOf(client, VIEWS);
  const trees = new Map(await rowsOf(client, VIEW_TREES(found.map(([oid]) => Number(oid)))).then(pairs));
  assert.ok(found.length >= 6);
  let mentioned = 0;
  for (const [oid = null, , relations = null, functions = null] of found) {
    const tree = trees.get(oid ?? '') ?? '';
    const called = numbers(tree, /:(?:funcid|aggfnoid|winfnoid|opfuncid) (\d+)/g).filter(fn => fn >= 16384);
    mentioned += called.length;
    assert.deepEqual(parsed(relations), numbers(tree, /:relid (\d+)/g));
    assert.deepEqual(parsed(functions), called);
  }
  assert.ok(mentioned >= 5, 'functions, aggregates, windows and operators of users');
});

function pairs(rows: (string | null)[][]): [string, string][] {
  return rows.map(([oid, tree]) => [oid ?? '', tree ?? '']);
}

function numbers(tree: string, pattern: RegExp): number[] {
  return [...new Set([...tree.matchAll(pattern)].map(([, oid]) => Number(oid)))].sort((a, b) => a - b);
}

function parsed(json: string | null): number[] {
  return (JSON.parse(json ?? '[]') as number[]).sort((a, b) => a - b);
}
