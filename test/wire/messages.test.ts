import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BACKEND,
  decodeCString,
  decodeFields,
  decodeParameterStatus,
  decodeRowDescription,
  encodeError,
  encodeFields,
  encodeNotice,
  encodeReady,
  field,
} from '#proxy/wire/backend.ts';
import {
  decodeBind,
  decodeExecute,
  decodeNamed,
  decodeParse,
  decodeQuery,
  formatOf,
} from '#proxy/wire/frontend.ts';
import { HoldpointError } from '#schemas/errors.ts';
import * as raw from '#test/support/raw.ts';
import { onlyOrdinaryFaults, refusalOf } from '#test/wire/support.ts';

type Decode<T> = (buffer: Buffer, start: number, end: number) => T;

/** Decodes it in the middle of other bytes: none of them may be read as its own. */
function within<T>(decode: Decode<T>, message: Buffer): T {
  const around = Buffer.concat([Buffer.alloc(3, 0x41), message, Buffer.from('AAAA\0BBBB\0')]);
  return decode(around, 3, 3 + message.length);
}

/** The message with its body cut to so many bytes and its length made to fit. */
function cutBody(message: Buffer, size: number): Buffer {
  return raw.message(message[0]!, message.subarray(5, 5 + size));
}

const FRONT: readonly [string, Decode<unknown>, Buffer][] = [
  ['Query', decodeQuery, raw.query('select 1')],
  ['Parse', decodeParse, raw.parse({ name: 'st', sql: 'select $1, $2', types: [23, 25] })],
  [
    'Bind',
    decodeBind,
    raw.bind({
      portal: 'po',
      statement: 'st',
      values: ['12', null, ''],
      formats: [0, 1, 0],
      resultFormats: [1],
    }),
  ],
  ['Describe', decodeNamed, raw.describe('statement', 'st')],
  ['Close', decodeNamed, raw.close('portal', 'po')],
  ['Execute', decodeExecute, raw.execute('po', 12)],
];

test('each message is read as it was written', () => {
  assert.equal(within(decodeQuery, raw.query("select 'ü'")), "select 'ü'");
  assert.deepEqual(within(decodeParse, raw.parse({ name: 's', sql: 'x', types: [23, 4294967295] })), {
    name: 's',
    text: 'x',
    types: [23, 4294967295],
  });
  const bind = raw.bind({
    portal: 'p',
    statement: 's',
    values: ['12', null, '', Buffer.of(0, 255)],
    formats: [0, 0, 0, 1],
    resultFormats: [0, 1],
  });
  assert.deepEqual(within(decodeBind, bind), {
    portal: 'p',
    statement: 's',
    formats: [0, 0, 0, 1],
    values: [Buffer.from('12'), null, Buffer.alloc(0), Buffer.of(0, 255)],
    resultFormats: [0, 1],
  });
  assert.deepEqual(within(decodeNamed, raw.describe('portal', 'p')), { kind: 'portal', name: 'p' });
  assert.deepEqual(within(decodeNamed, raw.close('statement', '')), { kind: 'statement', name: '' });
  assert.deepEqual(within(decodeExecute, raw.execute('p', 7)), { portal: 'p', maxRows: 7 });
});

test('every message cut at every byte of its body is refused, though more bytes follow in the buffer', () => {
  for (const [name, decode, message] of FRONT) {
    for (let size = 0; size < message.length - 5; size += 1) {
      const error = refusalOf(() => within(decode, cutBody(message, size)));
      assert.equal(error.code, 'malformed', `${name} cut at ${size}: ${error.message}`);
    }
  }
});

test('a message with a byte too many is refused', () => {
  for (const [, decode, message] of FRONT) {
    const longer = raw.message(message[0]!, Buffer.concat([message.subarray(5), Buffer.of(0)]));
    assert.equal(refusalOf(() => within(decode, longer), 'malformed').message, 'invalid message format');
  }
});

test('a second query behind the zero of the first is refused, not dropped', () => {
  refusalOf(() => within(decodeQuery, raw.query('select 1\0delete from t')), 'malformed');
  refusalOf(() => within(decodeParse, raw.parse({ sql: 'select 1\0delete from t' })), 'malformed');
});

test('text that is not UTF-8 is refused wherever it stands', () => {
  const long = 'x'.repeat(300);
  for (const bad of [
    [0xff],
    [0xc3],
    [0xc3, 0x28],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
  ]) {
    for (const before of ['', long]) {
      const text = Buffer.concat([Buffer.from(before), Buffer.from(bad)]);
      refusalOf(() => within(decodeQuery, raw.query(text)), 'encoding');
      refusalOf(() => within(decodeParse, raw.parse({ sql: text })), 'encoding');
    }
    const name = Buffer.concat([Buffer.from('S'), Buffer.from(bad), Buffer.of(0)]);
    refusalOf(() => within(decodeNamed, raw.message('D', name)), 'encoding');
  }
});

test('a byte order mark is a character of the text, as it is for the server', () => {
  assert.equal(within(decodeQuery, raw.query('\ufeffselect 1')), '\ufeffselect 1');
  assert.equal(within(decodeQuery, raw.query(`\ufeffselect '${'x'.repeat(300)}'`)).charCodeAt(0), 0xfeff);
});

test('Bind with impossible lengths, counts or formats is refused', () => {
  const head = Buffer.concat([raw.cstring(''), raw.cstring('')]);
  const bad = (...parts: Buffer[]) => raw.message('B', Buffer.concat([head, ...parts]));
  const cases: [string, Buffer][] = [
    ['value of length -2', bad(raw.int16(0, 1), raw.int32(-2), raw.int16(0))],
    ['value of the least length', bad(raw.int16(0, 1), raw.int32(-2147483648), raw.int16(0))],
    ['value longer than the message', bad(raw.int16(0, 1), raw.int32(2147483647), raw.int16(0))],
    ['value that ends in the next message', bad(raw.int16(0, 1), raw.int32(5), raw.int16(0))],
    ['more formats than bytes', bad(raw.int16(-1, 0, 0))],
    ['65,535 values and no bytes', bad(raw.int16(0, -1, 0))],
    ['more result formats than bytes', bad(raw.int16(0, 0, -1))],
    ['more values than bytes', bad(raw.int16(0, 32767, 0))],
    ['format 2', raw.bind({ values: ['1'], formats: [2] })],
    ['format -1', raw.bind({ values: ['1'], formats: [-1] })],
    ['two formats for three values', raw.bind({ values: ['1', '2', '3'], formats: [0, 1] })],
    ['two formats for one value', raw.bind({ values: ['1'], formats: [0, 1] })],
  ];
  for (const [name, message] of cases) {
    const error = refusalOf(() => within(decodeBind, message));
    assert.equal(error.code, 'malformed', name);
  }
});

test('Parse with a count that does not fit is refused', () => {
  const head = Buffer.concat([raw.cstring(''), raw.cstring('select 1')]);
  for (const count of [-1, 1, 32767])
    refusalOf(
      () => within(decodeParse, raw.message('P', Buffer.concat([head, raw.int16(count)]))),
      'malformed',
    );
});

test('Describe and Close of anything but a statement or a portal are refused', () => {
  for (const kind of ['s', 'p', 'X', '\0'])
    refusalOf(() => within(decodeNamed, raw.message('D', `${kind}name\0`)), 'malformed');
});

test('one format counts for all values, none means text', () => {
  assert.deepEqual(
    [formatOf([], 3), formatOf([1], 3), formatOf([0, 1], 1), formatOf([0, 1], 0)],
    [0, 1, 1, 0],
  );
});

test('what the proxy writes is read by an independent reader', () => {
  const [error] = raw.cutFrames(
    encodeError(new HoldpointError('denied', 'no', { detail: 'rule "r"', hint: 'ask' }), 'ERROR', 7),
  ).frames;
  assert.deepEqual(raw.fields(error!), {
    S: 'ERROR',
    V: 'ERROR',
    C: '42501',
    M: 'no',
    D: 'rule "r"',
    H: 'ask',
    P: '7',
  });
  const [notice, ready] = raw.cutFrames(
    Buffer.concat([encodeNotice('held', { hint: 'h' }), encodeReady('T')]),
  ).frames;
  assert.deepEqual(raw.fields(notice!), { S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'held', H: 'h' });
  assert.deepEqual([ready!.type, ready!.body.toString()], ['Z', 'T']);
});

test('a zero inside a field cannot end the message early', () => {
  const bytes = encodeFields(BACKEND.error, [['M', 'a\0C00000\0b']]);
  const [frame] = raw.cutFrames(bytes).frames;
  assert.deepEqual(raw.fields(frame!), { M: 'aC00000b' });
  assert.equal(field(decodeFields(bytes, 0, bytes.length), 'C'), '');
});

const COLUMN = Buffer.concat([
  raw.cstring('ssn'),
  raw.int32(16384),
  raw.int16(6),
  raw.int32(25),
  raw.int16(-1),
  raw.int32(-1),
  raw.int16(1),
]);
const BACK: readonly [string, Decode<unknown>, Buffer][] = [
  ['RowDescription', decodeRowDescription, raw.message('T', Buffer.concat([raw.int16(2), COLUMN, COLUMN]))],
  ['ErrorResponse', decodeFields, raw.message('E', 'SERROR\0C42501\0Mno\0\0')],
  ['ParameterStatus', decodeParameterStatus, raw.message('S', 'TimeZone\0UTC\0')],
];

test('the server is not trusted either: its messages cut at any byte are refused', () => {
  for (const [name, decode, message] of BACK) {
    within(decode, message);
    for (let size = 0; size < message.length - 5; size += 1)
      refusalOf(() => {
        const value = within(decode, cutBody(message, size));
        assert.fail(`${name} cut at ${size} was read as ${JSON.stringify(value)}`);
      });
  }
});

test('a RowDescription gives origin, type and format of each column', () => {
  const [column, ...others] = within(
    decodeRowDescription,
    raw.message('T', Buffer.concat([raw.int16(1), COLUMN])),
  );
  assert.deepEqual(others, []);
  assert.deepEqual(column, {
    name: 'ssn',
    tableOid: 16384,
    attnum: 6,
    typeOid: 25,
    typeSize: -1,
    typeMod: -1,
    format: 1,
  });
});

test('random bodies of every kind are decoded or refused as ordinary faults', () => {
  const decoders = [...FRONT, ...BACK].map(([, decode]) => decode);
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    // Near misses: a real body with a few bytes changed.
    fc
      .tuple(
        fc.constantFrom(...[...FRONT, ...BACK].map(([, , message]) => message.subarray(5))),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      )
      .map(([body, changes]) => {
        const bytes = Buffer.from(body);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...decoders, decodeCString), bodies, (decode, body) => {
      onlyOrdinaryFaults(() => within(decode, raw.message('B', Buffer.from(body))));
    }),
    { numRuns: 4000 },
  );
});
