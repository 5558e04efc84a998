import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import { OwnConnection } from '#proxy/upstream/query.ts';
import { ReadBuffers } from '#proxy/upstream/read-buffers.ts';
import { SLAB } from '#proxy/wire/slabs.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { optionsFor, SECRET } from './support.ts';

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
});

test("the proxy's own connection holds nothing of what it has read, however much and often it asks", async () => {
  await server.query(`create role app login password '${SECRET}'`);
  const options = optionsFor(server.port, { database: 'postgres' });
  const upstream = await connectUpstream(options);
  after(() => upstream.socket.destroy());
  const { reads } = upstream;
  assert.ok(reads !== null);
  const connection = new OwnConnection(upstream);
  for (let i = 0; i < 5; i++) {
    const rows = await connection.query(
      `select g, repeat('x', 1 + g * 7919 % 90000) from generate_series(1, 100) g`,
    );
    assert.deepEqual(
      rows.map(([g, x]) => [g, x?.length]),
      Array.from({ length: 100 }, (_, at) => [`${at + 1}`, 1 + (((at + 1) * 7919) % 90_000)]),
    );
    assert.ok(rows.every(([, x]) => /^x+$/.test(x ?? '')));
    assert.ok(reads.held <= SLAB, `${reads.held} bytes are held`);
  }
});

test('what small reads hold for a slow reader is at most twice their bytes, but for one buffer', () => {
  const reads = new ReadBuffers();
  let bytes = 0;
  for (let i = 0; i < 20_000; i++) {
    const size = Math.min(1 + ((i * 31) % 97), reads.next().length);
    reads.filled(size);
    bytes += size;
    assert.ok(reads.held <= 2 * bytes + SLAB, `${reads.held} held for ${bytes}`);
  }
  reads.unneeded = () => true;
  reads.next();
  assert.equal(reads.held, 0);
});

test('a buffer that is still needed is not given twice', () => {
  const reads = new ReadBuffers();
  const given = new Map<ArrayBufferLike, [number, number][]>();
  for (let i = 0; i < 2_000; i++) {
    const room = reads.next();
    const size = Math.min(room.length, i % 7 === 0 ? SLAB : 1 + ((i * 131) % 5_000));
    const [from, to] = [room.byteOffset, room.byteOffset + size];
    const ranges = given.get(room.buffer) ?? [];
    assert.ok(ranges.every(([a, b]) => to <= a || from >= b));
    given.set(room.buffer, [...ranges, [from, to]]);
    reads.filled(size);
  }
});
