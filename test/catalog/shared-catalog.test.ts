import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { SharedCatalog } from '#proxy/catalogs.ts';
import { connectUpstream, type UpstreamConnection } from '#proxy/upstream/connect.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { waitFor } from '#test/support/wait-for.ts';

let server: TestPostgres;
let agent: pg.Client;
let other: pg.Client;

before(async () => {
  server = await startPostgres();
  const url = await server.createDatabase('shared');
  [agent, other] = [new pg.Client(url), new pg.Client(url)];
  await Promise.all([agent.connect(), other.connect()]);
  await agent.query(`create table secrets (id int primary key, ssn text, n int default 3 check (n > 0));
    create table plain (id int); create view seen as select id from secrets; create view open as select id from plain;
    create function helper() returns int language sql return 1; create table counted (id int)`);
});

after(() => Promise.all([agent?.end(), other?.end()]));

function connect(): Promise<UpstreamConnection> {
  return connectUpstream({
    host: '127.0.0.1',
    port: server.port,
    tls: 'disable',
    user: server.superuser,
    password: server.superPassword,
    weakAuth: [],
    database: 'shared',
    parameters: new Map([
      ['client_encoding', 'UTF8'],
      ['application_name', 'catalog under test'],
    ]),
    deadlineMs: 5_000,
  });
}

function shared(options: Partial<ConstructorParameters<typeof SharedCatalog>[0]> = {}): SharedCatalog {
  const columns = [{ schema: 'public', table: 'secrets', column: 'ssn', mask: 'redact' }] as const;
  const catalog = new SharedCatalog({
    connect,
    columns,
    warn: () => undefined,
    pollMs: 3_600_000,
    ...options,
  });
  after(() => catalog.close());
  return catalog;
}

const fresh = (catalog: SharedCatalog): Promise<HoldpointError | null> =>
  new Promise(resolve => catalog.whenFresh(resolve));

test('a change that was committed before a load is never missed, however the two meet', async () => {
  const catalog = shared();
  assert.equal(await fresh(catalog), null);
  for (let i = 0; i < 60; i++) {
    await agent.query(`create table made${i} (id int)`);
    catalog.invalidate();
    assert.equal(catalog.current === null, true);
    const first = fresh(catalog);
    if (i % 3 === 0) await new Promise(setImmediate);
    await other.query(`alter table made${i} add column b int`);
    catalog.invalidate();
    assert.deepEqual(await Promise.all([first, fresh(catalog)]), [null, null]);
    const [made] = catalog.current?.relationsNamed(`made${i}`) ?? [];
    assert.deepEqual([...(made?.columns.keys() ?? [])], ['id', 'b']);
  }
});

test('what does not change the catalog leaves the very same one', async () => {
  const catalog = shared();
  await fresh(catalog);
  const { current } = catalog;
  catalog.invalidate();
  await fresh(catalog);
  assert.equal(catalog.current, current);
});

test('a table that an open transaction has locked leaves what reads it unknown, and all else as it is', async () => {
  const catalog = shared({ pollMs: 50 });
  await fresh(catalog);
  await agent.query('begin; alter table secrets add column more int');
  try {
    const one = (name: string) => catalog.current?.relationsNamed(name)[0];
    await other.query('create table meanwhile (id int)');
    catalog.invalidate();
    assert.equal(await fresh(catalog), null);
    assert.equal(one('meanwhile')?.columns.size, 1);
    assert.match(one('seen')?.view ?? '', /^ SELECT/, 'what need not be asked again meets no lock');
    await other.query('alter table counted rename id to number');
    catalog.invalidate();
    assert.equal(await fresh(catalog), null);
    assert.deepEqual([...(one('counted')?.columns.keys() ?? [])], ['number']);
    assert.match(one('seen')?.view ?? '', /^ SELECT/, 'it cannot name that column');
    // A name that definitions may be printed with.
    await other.query('alter table meanwhile rename to meantime');
    catalog.invalidate();
    assert.equal(await fresh(catalog), null);
    assert.equal(one('meantime')?.columns.size, 1);
    assert.equal(one('open')?.view?.includes('plain'), true);
    assert.match(one('seen')?.view ?? '', /^\(locked by another transaction: .*secrets/);
    assert.equal(one('secrets')?.onWrite.length, 2);
    for (const text of one('secrets')?.onWrite ?? []) assert.match(text, /^\(locked by/);
    assert.deepEqual([...(one('secrets')?.masked ?? [])], ['ssn']);
    catalog.invalidate();
    assert.equal(await fresh(catalog), null);
  } finally {
    await agent.query('rollback');
  }
  await waitFor(() => catalog.current?.relationsNamed('seen')[0]?.view?.startsWith(' SELECT') === true, {
    what: 'the definition is read again',
  });
});

test('a first load that meets a lock leaves what is locked unknown, with every word that it could have, until the lock is gone', async () => {
  await agent.query('begin; lock table secrets');
  const catalog = shared({ pollMs: 50 });
  try {
    assert.equal(await fresh(catalog), null);
    const one = (name: string) => catalog.current?.relationsNamed(name)[0];
    assert.equal(one('open')?.view?.includes('plain'), true);
    assert.match(one('seen')?.view ?? '', /^\(locked by another transaction: .*"secrets"/);
    assert.equal(one('seen')?.reachesProtected, true);
    assert.equal(one('secrets')?.onWrite.length, 2);
    for (const text of one('secrets')?.onWrite ?? [])
      assert.match(text, /^\(locked by .*"counted" "helper".*\bssn\b/);
    assert.deepEqual([...(one('secrets')?.masked ?? [])], ['ssn']);
  } finally {
    await agent.query('rollback');
  }
  await waitFor(() => catalog.current?.relationsNamed('seen')[0]?.view?.startsWith(' SELECT') === true, {
    what: 'the definition is read again',
  });
});

test('a server that stops answering is given up at the deadline, and a new connection loads', async () => {
  const connections: UpstreamConnection[] = [];
  const catalog = shared({
    connect: async () => {
      const connection = await connect();
      connections.push(connection);
      return connection;
    },
    deadlineMs: 3_000,
  });
  // The deadline holds for every load, and a busy machine may need longer than it once.
  const loads = () => waitFor(async () => (await fresh(catalog)) === null, { what: 'the catalog is loaded' });
  await loads();
  catalog.invalidate();
  const silent = connections.at(-1);
  silent?.socket.pause();
  assert.equal((await fresh(catalog))?.code, 'catalog_unavailable');
  assert.equal(catalog.current, null);
  await loads();
  assert.notEqual(connections.at(-1), silent);
  assert.equal(silent?.socket.destroyed, true);
});

test('a connection that comes too late is closed, and one that cannot be had refuses', async () => {
  let give: (connection: UpstreamConnection) => void = () => undefined;
  const late = new Promise<UpstreamConnection>(resolve => {
    give = resolve;
  });
  let mode: 'late' | 'refuse' | 'work' = 'late';
  const catalog = shared({
    connect: () => {
      if (mode === 'late') return late;
      return mode === 'work' ? connect() : Promise.reject(new Error('no route'));
    },
    deadlineMs: 3_000,
  });
  assert.equal((await fresh(catalog))?.code, 'catalog_unavailable');
  mode = 'refuse';
  assert.equal((await fresh(catalog))?.code, 'catalog_unavailable');
  const connection = await connect();
  give(connection);
  await waitFor(() => connection.socket.destroyed, { what: 'the late connection is closed' });
  mode = 'work';
  // The deadline holds for this one too, and a busy machine may need longer than it once.
  await waitFor(async () => (await fresh(catalog)) === null, { what: 'the catalog can be had' });
});

test('a connection that the server ends is opened again', async () => {
  const catalog = shared();
  await fresh(catalog);
  await agent.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'catalog under test'`,
  );
  await agent.query('create table later (id int)');
  catalog.invalidate();
  assert.equal(await fresh(catalog), null);
  assert.equal(catalog.current?.relationsNamed('later').length, 1);
});

test('its connection goes with the last session and comes back with the next, and nothing is missed between them', async () => {
  let open = 0;
  const catalog = shared({
    lingerMs: 0,
    connect: async () => {
      const connection = await connect();
      open++;
      connection.socket.on('close', () => open--);
      return connection;
    },
  });
  const [one, two] = [new PassThrough(), new PassThrough()];
  for (const session of [one, two]) catalog.usedBy(session);
  await fresh(catalog);
  one.destroy();
  await new Promise(resolve => setTimeout(resolve, 50));
  assert.equal(open, 1, 'a session is left');
  assert.notEqual(catalog.current, null);
  two.destroy();
  await waitFor(() => open === 0, { what: 'the end of the connection' });
  assert.equal(catalog.current === null, true);
  await other.query('create table unwatched (id int)');
  const next = new PassThrough();
  catalog.usedBy(next);
  await fresh(catalog);
  assert.equal(catalog.current?.relationsNamed('unwatched').length, 1);
  assert.equal(open, 1);
  next.destroy();
});

test('a session that ends while the catalog is loaded for another takes nothing from it', async () => {
  const catalog = shared({ lingerMs: 0 });
  for (let i = 0; i < 10; i++) {
    const [one, two] = [new PassThrough(), new PassThrough()];
    catalog.usedBy(one);
    const loading = fresh(catalog);
    one.destroy();
    await new Promise(resolve => setTimeout(resolve, i * 3));
    catalog.usedBy(two);
    assert.equal(await loading, null);
    assert.equal(await fresh(catalog), null);
    assert.notEqual(catalog.current, null);
    two.destroy();
    await new Promise(setImmediate);
  }
});

test('the poll finds what somebody else has changed', async () => {
  const catalog = shared({ pollMs: 30 });
  await fresh(catalog);
  await other.query('create table elsewhere (id int)');
  await waitFor(() => catalog.current?.relationsNamed('elsewhere').length === 1, { what: 'the table' });
  await other.query('alter table elsewhere add column b int');
  await waitFor(() => catalog.current?.relationsNamed('elsewhere')[0]?.columns.size === 2, {
    what: 'its column',
  });
});

test('whoever asks for certainty has what was committed before, and what is the same stays the very same', async () => {
  const catalog = shared();
  await fresh(catalog);
  for (let i = 0; i < 5; i++) {
    await other.query(`create table sure${i} (id int)`);
    await Promise.all([catalog.confirm(), catalog.confirm(), catalog.confirm()]);
    assert.equal(catalog.current?.relationsNamed(`sure${i}`).length, 1, `change ${i}`);
    const { current } = catalog;
    const meanwhile = catalog.confirm();
    assert.equal(catalog.current, current, 'others go on with it');
    await meanwhile;
    assert.equal(catalog.current, current);
  }
  catalog.close();
  await assert.rejects(catalog.confirm(), { code: 'catalog_unavailable' });
});

test('a catalog that was closed refuses whoever waits', async () => {
  const catalog = shared();
  const waiting = fresh(catalog);
  catalog.close();
  assert.equal((await waiting)?.code, 'catalog_unavailable');
  assert.equal((await fresh(catalog))?.code, 'catalog_unavailable');
});
