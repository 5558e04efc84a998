import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRowDescription, encode } from '#proxy/wire/backend.ts';
import { RowDescriptions } from '#proxy/wire/row-descriptions.ts';
import { cstring, int16, int32 } from '#test/support/raw/messages.ts';

/** One column of a RowDescription. */
function description(name: string, oid: number, attnum: number, format: number): Buffer {
  const column = [cstring(name), int32(oid), int16(attnum), int32(23), int16(4), int32(-1), int16(format)];
  return encode(0x54, int16(1), ...column);
}

test('a description is what it says itself, whatever came before it and wherever it lies', () => {
  const descriptions = new RowDescriptions();
  const all = [
    description('a', 16400, 1, 0),
    description('a', 16400, 1, 0),
    description('a', 16400, 1, 1),
    description('a', 16401, 1, 1),
    description('a', 16401, 2, 1),
    description('b', 16401, 2, 1),
    encode(0x54, int16(0)),
    description('n'.repeat(5000), 16400, 1, 0),
    description('n'.repeat(5000), 16400, 2, 0),
    description('a', 16400, 1, 0),
  ];
  for (const bytes of [...all, ...all.toReversed()]) {
    const memory = Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.of(4)]);
    const expected = decodeRowDescription(bytes, 0, bytes.length);
    assert.deepEqual(descriptions.read(memory, 3, memory.length - 1), expected);
    assert.deepEqual(descriptions.read(memory, 3, memory.length - 1), expected);
    // The memory of a chunk is used again.
    memory.fill(0);
  }
});

test('a description that is cut off is malformed each time', () => {
  const descriptions = new RowDescriptions();
  const bytes = description('a', 16400, 1, 0);
  descriptions.read(bytes, 0, bytes.length);
  for (const end of [bytes.length - 1, bytes.length - 2, 6])
    assert.throws(() => descriptions.read(bytes, 0, end), /insufficient|invalid|no data/);
});
