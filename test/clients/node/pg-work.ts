import pg from 'pg';
import { fails, say } from './say.ts';

/** node-postgres: types, names, several statements, portals, cursors in SQL, notices, notifications, a pool, a cancelled query. */
const client = new pg.Client();
await client.connect();
const notices: string[] = [];
client.on('notice', notice => notices.push(`${notice.severity} ${notice.message}`));

const TYPES = [
  ['int4', 7],
  ['int8', 2n ** 40n],
  ['numeric', '1.50'],
  ['float8', 0.1],
  ['text', "ü 🐘 ' \\"],
  ['bytea', Buffer.of(0, 255)],
  ['bool', true],
  ['date', '2024-02-29'],
  ['timestamptz', new Date(0)],
  ['interval', '1 day 2 hours'],
  ['json', { a: [1, null] }],
  ['int4[]', [1, null, 3]],
  ['text[]', [['a'], ['b,"']]],
  ['int4range', '[1,5)'],
  ['point', '(1,2)'],
  ['uuid', '00000000-0000-0000-0000-000000000007'],
] as const;
for (const [type, value] of TYPES) {
  // What the driver cannot read in binary it hands out as it lies in memory.
  for (const binary of ['int4', 'bool', 'text'].includes(type) ? [false, true] : [false]) {
    const config = { text: `select $1::${type} as v`, values: [value], binary } as pg.QueryConfig;
    const { rows, fields } = await client.query(config);
    say(`${type} ${binary ? 'binary' : 'text'}`, rows[0].v, fields[0]!.dataTypeID, fields[0]!.format);
  }
}

await client.query(
  'drop table if exists node_pg; create table node_pg (id serial primary key, name text not null, doc jsonb)',
);
for (let i = 0; i < 5; i++) {
  const { rows } = await client.query({
    name: 'insert',
    text: 'insert into node_pg (name, doc) values ($1, $2) returning *',
    values: [`name ${i}`, { i }],
  });
  say('inserted', rows[0]);
}
const several = (await client.query(
  "select 1 as a; update node_pg set name = name || '!'; select count(*) from node_pg",
)) as unknown;
say(
  'several',
  (several as pg.QueryResult[]).map(({ command, rowCount, rows }) => [command, rowCount, rows]),
);
say(
  'array rows',
  (await client.query({ text: 'select id, name from node_pg order by id', rowMode: 'array' })).rows,
);
say(
  'in portions',
  (await client.query({ text: 'select generate_series(1, 500) g', rows: 64 } as pg.QueryConfig)).rows.length,
);
await fails('the same name for another text', () => client.query({ name: 'insert', text: 'select 1' }));
await fails('division', () => client.query('select 1/0'));
await fails('syntax', () => client.query('selct 1'));
await fails('not null', () => client.query('insert into node_pg (name) values ($1)', [null]));
await fails('unknown column', () => client.query('select nmae from node_pg'));
await fails('bad value', () => client.query('select $1::int', ['x']));
await fails('second of several', () =>
  client.query("insert into node_pg (name) values ('gone'); select 1/0"),
);
say('nothing of it', (await client.query("select count(*) from node_pg where name = 'gone'")).rows);

await client.query('begin');
await client.query('create table node_made (id int); insert into node_made values (1), (2)');
say('made here', (await client.query('select * from node_made where id > $1', [1])).rows);
await client.query('savepoint a');
await fails('in a transaction', () => client.query('select * from nowhere'));
await fails('behind it', () => client.query('select 1'));
await client.query('rollback to a');
await client.query('declare c cursor for select g from generate_series(1, 10) g');
say(
  'fetched',
  (await client.query('fetch 4 from c')).rows,
  (await client.query('fetch all from c')).rowCount,
);
await client.query('rollback');
await fails('rolled back', () => client.query('select * from node_made'));

await client.query("do $$ begin raise notice 'hello'; raise warning 'careful'; end $$");
await client.query('drop table if exists no_such_table');
say('notices', notices);
const heard = new Promise(resolve => client.once('notification', resolve));
await client.query('listen news');
await client.query("select pg_notify('news', 'payload')");
const { channel, payload, processId } = (await heard) as pg.Notification;
const { rows } = await client.query('select pg_backend_pid() as pid');
say(
  'notified',
  channel,
  payload,
  processId === rows[0].pid,
  (client as unknown as { processID: number }).processID === processId,
);

const pool = new pg.Pool({ max: 4 });
say(
  'pool',
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => (await pool.query('select $1::int as v', [i])).rows[0].v),
  ),
);
const slow = new pg.Client({ statement_timeout: 200 });
await slow.connect();
await fails('too slow', () => slow.query('select pg_sleep(60)'));
say('and lives', (await slow.query('show statement_timeout')).rows);
await slow.end();
await pool.end();
const queued = [
  client.query('select 1 as a'),
  client.query('select 1/0').catch((error: Error) => error.message),
  client.query('select 3 as a'),
];
say(
  'queued',
  (await Promise.all(queued)).map(one => (typeof one === 'string' ? one : one.rows)),
);
await client.query('drop table node_pg');
await client.end();
say('end');
