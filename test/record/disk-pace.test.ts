import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskPace } from '#proxy/local/disk-pace.ts';

const SLOW = 250;
const QUICK = 0.2;

test('a disk that answers at once is waited for, until one write is slow: then not for a while', () => {
  const disk = new DiskPace();
  for (let now = 0; now < 100; now += 1) {
    assert.ok(disk.fast(now));
    disk.took(QUICK, true, now);
  }
  disk.took(SLOW, true, 100);
  assert.ok(!disk.fast(100));
  assert.ok(!disk.fast(1000));
  assert.ok(disk.fast(1101));
});

test('one slow write of the pool, or one that fails, is enough too', () => {
  const slow = new DiskPace();
  slow.took(SLOW, false, 0);
  assert.ok(!slow.fast(999));
  const failed = new DiskPace();
  failed.failed(0);
  assert.ok(!failed.fast(999));
  const quick = new DiskPace();
  quick.took(100, false, 0);
  assert.ok(quick.fast(0), 'in the pool, the work of the thread itself is part of the time');
});

test('a disk that is far away is left to the pool, and now and then a slower write is none', () => {
  const far = new DiskPace();
  let writes = 0;
  for (; far.fast(writes) && writes < 1000; writes += 1) far.took(8, true, writes);
  assert.ok(writes < 100, `${writes} writes were waited for`);
  const near = new DiskPace();
  for (let now = 0; now < 1000; now += 1) {
    assert.ok(near.fast(now));
    near.took(now % 10 === 0 ? 8 : QUICK, true, now);
  }
});

test('a disk that is slow again and again is left alone for longer and longer, and for a second again when it has behaved', () => {
  const disk = new DiskPace();
  let now = 0;
  const pauses: number[] = [];
  const pause = () => {
    const from = now;
    while (!disk.fast(now)) now += 500;
    return now - from;
  };
  for (let i = 0; i < 9; i += 1) {
    disk.took(SLOW, true, now);
    pauses.push(pause());
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  for (let i = 0; i < 1000; i += 1) disk.took(QUICK, true, now);
  disk.took(SLOW, true, now);
  assert.equal(pause(), 1000);
});

test('what else the pool finds slow meanwhile is the same incident, and ends a second after the last', () => {
  const disk = new DiskPace();
  disk.took(SLOW, true, 0);
  disk.took(5000, false, 900);
  assert.ok(!disk.fast(1899));
  assert.ok(disk.fast(1900));
  disk.took(SLOW, true, 1900);
  assert.ok(!disk.fast(3899));
  assert.ok(disk.fast(3900));
});
