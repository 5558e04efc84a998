import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import { fails, say } from './say.ts';

/** postgres.js: its types asked at connect, pipelines, transactions and savepoints, cursors, COPY, listen, describe, a cancelled query. */
const sql = postgres({ max: 3, onnotice: notice => say('notice', notice.severity, notice.message) });

await sql`drop table if exists node_js`;
await sql`create table node_js (id serial primary key, name text, tags text[], doc jsonb, at timestamptz)`;
const rows = [1, 2, 3].map(i => ({
  name: `name ${i}`,
  tags: ['a', `${i}`],
  doc: sql.json({ i }),
  at: new Date(i),
}));
say('inserted', [...(await sql`insert into node_js ${sql(rows as never)} returning *`)]);
say('updated', (await sql`update node_js set ${sql({ name: 'ü' })} where id in ${sql([1, 2])}`).count);
say('read', [
  ...(await sql`select ${sql(['id', 'name', 'tags', 'doc'])} from ${sql('node_js')} order by id`),
]);
say('types', [
  ...(await sql`select ${1}::int a, ${'x'} b, ${true}::bool c, ${sql.array([1, 2])}::int[] d, ${null} e, ${Buffer.of(1, 2)}::bytea f`),
]);
say(
  'many',
  (await Promise.all(Array.from({ length: 60 }, (_, i) => sql`select ${i}::int as v`))).map(
    ([row]) => row?.v,
  ),
);
await fails('division', () => sql`select 1/0`);
await fails('no table', () => sql`select * from nowhere`);
await fails('bad value', () => sql`select ${'x'}::int`);
await fails('twice', () => sql`insert into node_js (id) values (1)`);

const result = await sql.begin('isolation level serializable', async tx => {
  await tx`create table node_js_made (id int)`;
  await tx`insert into node_js_made values (1), (2)`;
  await tx
    .savepoint(async point => {
      await point`insert into node_js_made values (3)`;
      await point`select 1/0`;
    })
    .catch((error: Error) => say('savepoint', error.message));
  const made = [...(await tx`select * from node_js_made order by id`)];
  await tx`drop table node_js_made`;
  return made;
});
say('transaction', result);
await fails('rolled back', () =>
  sql.begin(tx => [tx`insert into node_js (name) values ('gone')`, tx`select 1/0`]),
);
say(
  'pipelined',
  (await sql.begin(tx => [tx`select 1 as a`, tx`select ${2}::int as a`])).map(one => [...one]),
);
say('left', [...(await sql`select count(*) from node_js`)]);

const sizes: number[] = [];
await sql`select g from generate_series(1, 100) g`.cursor(30, chunk => void sizes.push(chunk.length));
say('cursor', sizes);
let sum = 0;
for await (const [row] of sql`select g from generate_series(1, 50) g`.cursor()) {
  sum += row!.g as number;
  if (row!.g === 10) break;
}
say('left early', sum);
const streamed: unknown[] = [];
await sql`select g from generate_series(1, 3) g`.forEach(row => void streamed.push(row.g));
say('for each', streamed);
say('values', await sql`select id, name from node_js order by id`.values());
say('raw', await sql`select id, name from node_js order by id`.raw());
say(
  'simple',
  (await sql`select 1 as a; select 2 as b`.simple()).map(one => [...(one as unknown as Iterable<unknown>)]),
);
say('unsafe', [...(await sql.unsafe('select $1::text as v', ['x'], { prepare: true }))]);
const described = await sql`select id, name, $1::int as n from node_js`.describe();
say(
  'described',
  described.types,
  described.columns.map(column => [column.name, column.type]),
);

await pipeline(
  Readable.from(['100\tcopied\n', '101\t\\N\n']),
  await sql`copy node_js (id, name) from stdin`.writable(),
);
const out: Buffer[] = [];
for await (const chunk of await sql`copy (select id, name from node_js where id >= 100 order by id) to stdout`.readable())
  out.push(chunk as Buffer);
say('copied', Buffer.concat(out).toString());

const heard = Promise.withResolvers<string>();
const { unlisten } = await sql.listen('js_news', payload => heard.resolve(payload));
await sql.notify('js_news', 'payload');
say('heard', await heard.promise);
await unlisten();
const slow = sql`select pg_sleep(60)`;
const failed = slow.catch((error: { code: string; message: string }) =>
  say('cancelled', error.code, error.message),
);
// It is sent when it is awaited; a cancel before that would only take it from the queue.
for (let running = 0; running === 0; )
  running = Number((await sql`select count(*) from pg_stat_activity where wait_event = 'PgSleep'`)[0]!.count);
slow.cancel();
await failed;
await sql`do $$ begin raise notice 'hello'; end $$`;
const reserved = await sql.reserve();
await reserved`set search_path = pg_catalog`;
say('reserved', [...(await reserved`show search_path`)]);
reserved.release();
await sql`drop table node_js`;
await sql.end({ timeout: 5 });
say('end');
