import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import type { Catalog } from '#proxy/catalog/load.ts';
import { CatalogLoader } from '#proxy/catalog/loader.ts';
import { rowsOf } from '#test/effects/support.ts';
import { Random } from '#test/fuzz/random.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { keysOf, pictureOf, usersOf } from './picture.ts';
import { randomChange, randomUpkeep } from './random-changes.ts';

const SEED = Number(process.env.SEED ?? 1);
const STEPS = Number(process.env.STEPS ?? 150);
const PROTECTED = [
  { schema: 'public', table: 't0', column: 'ssn', mask: 'redact' },
  { schema: 's1', table: 't1', column: 'b', mask: 'null' },
] as const;

const SETUP = `create schema s1; create schema s2; create type public.mood as enum ('sad', 'happy');
  create domain public.dom as int check (value > 0); create type public.pair as (a int, b text);
  create function public.tg() returns trigger language plpgsql as $$ begin return new; end $$;
  create function public.ev() returns event_trigger language plpgsql as $$ begin end $$;
  create function public.f0(int) returns int language sql as $$ select 1 $$;
  create table public.t0 (a int primary key, b text, c int, ssn text); create table public.t1 (a int, b text, c int);
  create table s1.t1 (a int primary key, b text); create view public.v0 as select a, ssn as other from public.t0`;

let clients: Record<'agent' | 'other' | 'own' | 'fresh', pg.Client>;

before(async () => {
  const server = await startPostgres({ settings: { autovacuum: 'off' } });
  const url = await server.createDatabase('followed');
  const [agent, other, own, fresh] = [1, 2, 3, 4].map(() => new pg.Client(url)) as [
    pg.Client,
    pg.Client,
    pg.Client,
    pg.Client,
  ];
  clients = { agent, other, own, fresh };
  for (const client of Object.values(clients)) {
    client.on('notice', () => {});
    await client.connect();
  }
  await agent.query(SETUP);
  // What waits for the other's transaction fails: it is one test that plays both.
  for (const client of [agent, other]) await client.query('set lock_timeout = 30');
});

after(() => Promise.all(Object.values(clients ?? {}).map(client => client.end())));

const loaderOf = (client: pg.Client, whole: boolean) =>
  new CatalogLoader(sql => rowsOf(client, sql), { protectedColumns: PROTECTED, whole });

test('after any changes, what follows from the catalog before is what a whole load finds, inside of transactions too', async t => {
  const random = new Random(SEED);
  const { agent, other, own, fresh } = clients;
  const [following, whole] = [loaderOf(own, false), loaderOf(fresh, true)];
  const told: string[] = [];
  let depth = 0;
  let seen: Catalog | null = null;
  let meaning: string | null = null;
  const run = async (client: pg.Client, sql: string) => {
    const who = client === agent ? 'agent' : 'other';
    const fault = await client.query(sql).then(
      () => '',
      (error: Error) => ` -- ${error.message}`,
    );
    told.push(`${who}: ${sql};${fault}`);
    return fault === '';
  };
  // Numbers of rows are seen to change but coarsely.
  const meaningOf = async (catalog: Catalog) => {
    const picture = pictureOf(catalog, usersOf(await keysOf(sql => rowsOf(own, sql))));
    return Object.values(picture)
      .join('\n')
      .replace(/"tuples":[^,}]*/g, '');
  };
  const same = async (what: string, one: Catalog | null, two: Catalog | null, client: pg.Client) => {
    const words = () => `${what}, seed ${SEED}:\n${told.slice(-40).join('\n')}`;
    // A whole load tells nothing inside a transaction where any row of initdb's is another, even one with other rights alone.
    if (two === null) return;
    if (one === null) assert.fail(words());
    const keys = usersOf(await keysOf(sql => rowsOf(client, sql)));
    const [left, right] = [pictureOf(one, keys), pictureOf(two, keys)];
    for (const part of Object.keys(right)) assert.equal(left[part], right[part], `${part}, ${words()}`);
    assert.equal(one.version, two.version, words());
  };
  for (let step = 0; step < STEPS; step++) {
    const within = depth > 0;
    const deed = random.below(100);
    if (deed < 5 && !within) {
      if (await run(agent, 'begin')) depth = 1;
    } else if (deed < 15 && within) {
      if (await run(agent, `savepoint s${depth}`)) depth++;
    } else if (deed < 25 && depth > 1) {
      await run(agent, `rollback to savepoint s${--depth}`);
    } else if (deed < 32 && within) {
      await run(agent, random.pick(['commit', 'commit', 'rollback']));
      depth = 0;
      seen = null;
    } else if (deed < 45)
      await run(other, random.below(20) === 0 ? randomUpkeep(random) : randomChange(random));
    else if (within) {
      await run(agent, 'savepoint one');
      if (!(await run(agent, randomChange(random)))) await run(agent, 'rollback to savepoint one');
      await run(agent, 'release savepoint one');
    } else await run(agent, randomChange(random));
    // Not behind each: several changes come in one.
    if (random.below(3) === 0) continue;
    if (depth > 0) {
      const look = async <T>(work: (query: (sql: string) => Promise<(string | null)[][]>) => Promise<T>) => {
        await agent.query('savepoint look; set local search_path to pg_catalog, pg_temp');
        try {
          return await work(sql => rowsOf(agent, sql));
        } finally {
          await agent.query('rollback to savepoint look; release savepoint look');
        }
      };
      const known: Catalog | null = seen;
      seen = await look(query => following.seenBy(query, known));
      await same('within', seen, await look(query => whole.seenBy(query)), agent);
    }
    const lockMs = 20;
    const unchanged = await following.isUnchanged();
    const one = await following.load({ lockMs });
    const two = await whole.load({ lockMs });
    const was: string | null = meaning;
    meaning = null;
    if (!one.complete || !two.complete) continue;
    await same('shared', one.catalog, two.catalog, own);
    meaning = await meaningOf(two.catalog);
    const words = () => `seed ${SEED}:\n${told.slice(-40).join('\n')}`;
    if (unchanged && was !== null)
      assert.deepEqual(linesWithout(meaning, was), [], `a change was not seen, ${words()}`);
    assert.equal(await following.isUnchanged(), true, `a change was seen that is none, ${words()}`);
  }
  t.diagnostic(`${STEPS} steps of seed ${SEED}`);
});

test('attack: a name that is another only while definitions are printed does not stay in them', async () => {
  const { other, own, fresh } = clients;
  await other.query(`rollback; drop table if exists public.named cascade; create table public.named (a int);
    create view public.naming as select a from public.named`);
  let turn: Promise<unknown> = Promise.resolve();
  let meanwhile = '';
  // Postgres prints with the names of now, whatever the snapshot of the one who asks.
  const loader = new CatalogLoader(
    sql => {
      const asked = turn.then(async () => {
        if (meanwhile !== '' && sql.includes('pg_get_viewdef')) await other.query(meanwhile);
        return rowsOf(own, sql);
      });
      turn = asked.catch(() => undefined);
      return asked;
    },
    { protectedColumns: PROTECTED },
  );
  await own.query('deallocate all');
  const view = (catalog: Catalog) => catalog.relationsNamed('naming')[0]?.view;
  meanwhile = 'alter table public.named rename to passing; ';
  const { catalog: passing } = await loader.load();
  assert.match(view(passing) ?? '', /passing/, 'what the test is about');
  meanwhile = '';
  await other.query('alter table public.passing rename to named');
  const { catalog } = await loader.load();
  assert.match(view(catalog) ?? '', /public\.named/);
  await fresh.query('deallocate all');
  assert.equal(catalog.version, (await loaderOf(fresh, true).load()).catalog.version);
});

/** Those of one text that the other does not have. */
function linesWithout(one: string, other: string): string[] {
  const lines = new Set(other.split('\n'));
  return one.split('\n').filter(line => !lines.has(line));
}
