import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFirstPacket,
  firstPacketLength,
  isBeforeProtocol3,
  MAX_STARTUP_PACKET,
} from '#proxy/wire/startup.ts';
import * as raw from '#test/support/raw.ts';
import { onlyOrdinaryFaults, refusalOf } from '#test/wire/support.ts';

const PACKET = raw.startup({ user: 'agent', database: 'shop', application_name: 'prüfung' });

/** Untyped packet of protocol 3.0 with this body behind the version. */
function body(...parts: Buffer[]): Buffer {
  return raw.untyped(Buffer.concat([raw.int32(0x0003_0000), ...parts]));
}

test('a start-up packet gives version and parameters', () => {
  const packet = decodeFirstPacket(PACKET);
  assert.ok(packet?.kind === 'startup');
  assert.equal(packet.minor, 0);
  assert.deepEqual(
    [...packet.parameters],
    [
      ['user', 'agent'],
      ['database', 'shop'],
      ['application_name', 'prüfung'],
    ],
  );
  const newer = decodeFirstPacket(raw.startup({ user: 'a' }, 0x0003_0002));
  assert.ok(newer?.kind === 'startup');
  assert.equal(newer.minor, 2);
});

test('requests for encryption and cancel requests are told apart', () => {
  assert.deepEqual(decodeFirstPacket(raw.sslRequest()), { kind: 'ssl' });
  assert.deepEqual(decodeFirstPacket(raw.gssEncRequest()), { kind: 'gss' });
  for (const size of [4, 32, 256]) {
    const secretKey = Buffer.alloc(size, 7);
    assert.deepEqual(decodeFirstPacket(raw.cancelRequest(4711, secretKey)), {
      kind: 'cancel',
      processId: 4711,
      secretKey,
    });
  }
  for (const size of [0, 1, 3, 257, 1000])
    assert.equal(decodeFirstPacket(raw.cancelRequest(4711, Buffer.alloc(size))), null);
  assert.equal(decodeFirstPacket(raw.untyped(Buffer.concat([raw.int32(80877102), Buffer.of(0)]))), null);
  for (const code of [80877103, 80877104])
    refusalOf(
      () => decodeFirstPacket(raw.untyped(Buffer.concat([raw.int32(code), Buffer.of(0)]))),
      'malformed',
    );
});

test('a length is known from four bytes on, and at once where it cannot be one', () => {
  for (let at = 0; at < 4; at += 1) assert.equal(firstPacketLength(PACKET.subarray(0, at)), null);
  assert.equal(firstPacketLength(PACKET.subarray(0, 4)), PACKET.length);
  assert.equal(firstPacketLength(raw.int32(8)), 8);
  assert.equal(firstPacketLength(raw.int32(MAX_STARTUP_PACKET)), 10_004);
  for (const length of [7, 4, 0, -1, -2147483648, 10_005, 0x7fffffff, 0x47455420])
    assert.equal(firstPacketLength(raw.int32(length)), 'none');
});

test('a start-up packet cut at any byte is refused', () => {
  for (let at = 8; at < PACKET.length; at += 1) {
    const cut = Buffer.from(PACKET.subarray(0, at));
    cut.writeInt32BE(at, 0);
    refusalOf(() => decodeFirstPacket(cut), 'protocol');
  }
});

test('of a parameter given twice the last one counts, and stands where it was given last', () => {
  const twice = ['user', 'a', 'database', 'shop', 'x', '1', 'database', 'other', 'user', 'b'].map(
    raw.cstring,
  );
  const packet = decodeFirstPacket(body(...twice, Buffer.of(0)));
  assert.ok(packet?.kind === 'startup');
  assert.deepEqual(
    [...packet.parameters],
    [
      ['x', '1'],
      ['database', 'other'],
      ['user', 'b'],
    ],
  );
});

test('a packet of protocol 1 or 2 is known by its version', () => {
  for (const [version, before] of [
    [0x0001_0000, true],
    [0x0002_0000, true],
    [0x0003_0000, false],
    [80877103, false],
  ] as const)
    assert.equal(isBeforeProtocol3(raw.untyped(raw.int32(version))), before);
});

test('bytes behind the end of the parameters are refused', () => {
  const packet = body(raw.cstring('user'), raw.cstring('a'), Buffer.of(0), raw.cstring('database'));
  assert.match(refusalOf(() => decodeFirstPacket(packet), 'protocol').message, /expected terminator/);
});

test('names and values that are not UTF-8 are refused', () => {
  for (const bytes of [
    Buffer.of(0xff),
    Buffer.of(0xc3),
    Buffer.of(0xc0, 0xaf),
    Buffer.of(0xed, 0xa0, 0x80),
  ]) {
    refusalOf(
      () => decodeFirstPacket(body(raw.cstring('user'), raw.cstring(bytes), Buffer.of(0))),
      'protocol',
    );
    refusalOf(() => decodeFirstPacket(body(raw.cstring(bytes), raw.cstring('x'), Buffer.of(0))), 'protocol');
  }
});

test('random first packets are decoded or refused as ordinary faults', () => {
  const codes = fc.constantFrom(0x0003_0000, 0x0003_0002, 80877102, 80877103, 80877104, 0x0002_0000);
  fc.assert(
    fc.property(codes, fc.uint8Array({ maxLength: 300 }), (code, bytes) => {
      onlyOrdinaryFaults(() =>
        decodeFirstPacket(raw.untyped(Buffer.concat([raw.int32(code), Buffer.from(bytes)]))),
      );
      onlyOrdinaryFaults(() => firstPacketLength(Buffer.from(bytes)));
    }),
    { numRuns: 2000 },
  );
});
