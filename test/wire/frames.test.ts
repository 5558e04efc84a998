import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frames, show } from '#proxy/wire/frames.ts';
import * as raw from '#test/support/raw.ts';
import { chunksOf, cut, onlyOrdinaryFaults, pieceOf, refusalOf, rules } from '#test/wire/support.ts';

const MESSAGES: readonly Buffer[] = [
  raw.query('select 1'),
  raw.parse({ name: 'statement', sql: 'select $1, $2', types: [23, 0] }),
  raw.bind({ portal: 'p', statement: 's', values: ['12', null, Buffer.of(0, 255)], formats: [0, 0, 1] }),
  raw.describe('portal', 'p'),
  raw.execute('p', 7),
  raw.close('statement', 's'),
  raw.flush(),
  raw.sync(),
  raw.copyData(Buffer.alloc(40, 'x')),
  raw.copyDone(),
  raw.copyFail('no'),
  raw.terminate(),
];
const ALL = Buffer.concat(MESSAGES);

test('two messages in one chunk come out as two, without a copy', () => {
  const chunk = Buffer.concat([raw.query('select 1'), raw.sync()]);
  const frames = new Frames(rules());
  frames.push(chunk);
  assert.equal(frames.next(), true);
  assert.equal(frames.type, 'Q'.charCodeAt(0));
  assert.equal(frames.buffer, chunk);
  assert.equal(frames.next(), true);
  assert.equal(frames.type, 'S'.charCodeAt(0));
  assert.equal(frames.buffer, chunk);
  assert.deepEqual([frames.start, frames.end], [chunk.length - 5, chunk.length]);
  assert.equal(frames.next(), false);
  assert.equal(frames.buffered, 0);
});

test('every message split at every byte comes out whole and once', () => {
  for (const message of MESSAGES) {
    for (let at = 0; at <= message.length; at += 1) {
      const [piece, ...others] = cut([message.subarray(0, at), message.subarray(at)]);
      assert.deepEqual(piece?.bytes, message, `split at ${at}`);
      assert.deepEqual([piece.first, piece.last, others], [true, true, []]);
    }
  }
});

test('a whole conversation split at every byte, and byte by byte, stays the same messages', () => {
  for (let at = 0; at <= ALL.length; at += 1) {
    const pieces = cut([ALL.subarray(0, at), ALL.subarray(at)]);
    assert.deepEqual(
      pieces.map(piece => piece.bytes),
      MESSAGES,
      `split at ${at}`,
    );
  }
  assert.deepEqual(
    cut(chunksOf(ALL, [1])).map(piece => piece.bytes),
    MESSAGES,
  );
});

test('messages around 1, 2 and 4 times the chunk size come out whole', () => {
  const size = 256;
  for (const times of [1, 2, 4]) {
    for (const off of [-6, -5, -4, -1, 0, 1, 4, 5, 6]) {
      const body = Buffer.alloc(size * times + off - 5, 'y');
      const wanted = [raw.message('d', body), raw.sync()];
      const pieces = cut(chunksOf(Buffer.concat(wanted), [size]));
      assert.deepEqual(
        pieces.map(piece => piece.bytes),
        wanted,
        `${times} × ${size} ${off}`,
      );
    }
  }
});

test('a message in many chunks is not looked at before it is whole', () => {
  const message = raw.query(`select '${'z'.repeat(1000)}'`);
  const frames = new Frames(rules());
  for (const chunk of chunksOf(message.subarray(0, -1), [100])) {
    frames.push(chunk);
    assert.equal(frames.next(), false);
  }
  assert.equal(frames.buffered, message.length - 1);
  frames.push(message.subarray(-1));
  assert.equal(frames.next(), true);
  assert.deepEqual(pieceOf(frames).bytes, message);
});

test('lengths that no message can have are refused from the header alone', () => {
  for (const length of [3, 2, 1, 0, -1, -2, -2147483648]) {
    const header = raw.message('Q', '', length);
    assert.match(refusalOf(() => cut([header]), 'protocol').message, /at least 4/);
    assert.match(refusalOf(() => cut(chunksOf(header, [1])), 'protocol').message, /at least 4/);
  }
});

test('a message above its limit is refused from the header, before a byte of it is kept', () => {
  const limit = (type: number) => (type === 0x51 ? 100 : 10);
  const at = (length: number) => cut([raw.message('Q', Buffer.alloc(length - 4, 'q'))], { limit });
  assert.equal(at(100).length, 1);
  refusalOf(() => at(101), 'message_too_long');
  refusalOf(() => cut([raw.message('Q', '', 101)], { limit }), 'message_too_long');
  refusalOf(() => cut([raw.message('Q', '', 0x7fffffff)], { limit }), 'message_too_long');
  refusalOf(() => cut([raw.message('d', '', 11)], { limit }), 'message_too_long');
});

test('a message that the rules drop is given without its bytes, however it is cut, and what is behind it whole', () => {
  const long = raw.message('Q', Buffer.alloc(5_000, 'q'));
  const data = Buffer.concat([raw.sync(), long, raw.flush(), long, long, raw.sync()]);
  for (const size of [1, 2, 5, 7, 1_000, 4_096, data.length]) {
    const frames = new Frames(rules({ limit: () => 100, drop: type => type === 0x51 }));
    const seen: [string, number, number][] = [];
    let most = 0;
    for (const chunk of chunksOf(data, [size])) {
      frames.push(chunk);
      while (frames.next())
        seen.push([String.fromCharCode(frames.type), frames.dropped, frames.end - frames.start]);
      most = Math.max(most, frames.buffered);
      frames.keep();
    }
    const dropped = ['Q', 5_004, 0];
    assert.deepEqual(seen, [['S', 0, 5], dropped, ['H', 0, 5], dropped, dropped, ['S', 0, 5]], `${size}`);
    assert.ok(most < 5, `${most} bytes of it were kept`);
  }
  refusalOf(
    () => cut([raw.message('P', Buffer.alloc(200))], { limit: () => 100, drop: type => type === 0x51 }),
    'message_too_long',
  );
});

test('an interrupted body gives nothing', () => {
  const message = raw.bind({ values: ['1'] });
  for (let at = 0; at < message.length; at += 1)
    assert.deepEqual(cut([message.subarray(0, at)]), [], `${at}`);
});

test('a streamed message comes in pieces that say which is first and last, and makes the whole', () => {
  const stream = (type: number) => type === 0x64;
  const data = raw.copyData(Buffer.from('0123456789'.repeat(20)));
  const whole = Buffer.concat([raw.query('a'), data, raw.sync(), data]);
  for (const size of [1, 2, 4, 5, 6, 64, 203, 204, 205, 206, 207, 1000]) {
    const pieces = cut(chunksOf(whole, [size]), { stream });
    assert.deepEqual(Buffer.concat(pieces.map(piece => piece.bytes)), whole, `chunks of ${size}`);
    const firsts = pieces.filter(piece => piece.first);
    assert.deepEqual(
      firsts.map(piece => String.fromCharCode(piece.type)),
      ['Q', 'd', 'S', 'd'],
    );
    assert.equal(pieces.filter(piece => piece.last).length, 4);
    for (const [index, piece] of pieces.entries()) {
      assert.equal(piece.first, index === 0 || pieces[index - 1]!.last, 'a first follows a last');
      assert.ok(piece.bytes.length > 0, 'no empty piece');
    }
  }
});

test('a streamed message larger than any buffer is never kept', () => {
  const frames = new Frames(rules({ limit: () => 0x3fffffff, stream: () => true }));
  frames.push(raw.message('d', Buffer.alloc(1000), 100_000_004));
  let seen = 0;
  for (;;) {
    while (frames.next()) seen += frames.end - frames.start;
    assert.equal(frames.buffered, 0);
    if (seen >= 100_000_005) break;
    frames.push(Buffer.alloc(Math.min(1_000_000, 100_000_005 - seen)));
  }
  assert.deepEqual([seen, frames.last], [100_000_005, true]);
});

test('ahead shows the whole messages behind the current one and stops where it is told', () => {
  const frames = new Frames(rules());
  frames.push(ALL);
  const types = MESSAGES.map(message => String.fromCharCode(message[0]!));
  for (let index = 0; index < MESSAGES.length; index += 1) {
    assert.equal(frames.next(), true);
    const seen: string[] = [];
    frames.ahead((type, buffer, start, end) => {
      assert.deepEqual(buffer.subarray(start, end), MESSAGES[index + 1 + seen.length]);
      seen.push(String.fromCharCode(type));
      return true;
    });
    assert.deepEqual(seen, types.slice(index + 1));
    const some: number[] = [];
    frames.ahead(type => some.push(type) < 2);
    assert.equal(some.length, Math.min(2, seen.length));
  }
});

test('ahead shows nothing that is not whole, and nothing behind a length that cannot be', () => {
  const visited = (tail: Buffer) => {
    const frames = new Frames(rules());
    frames.push(Buffer.concat([raw.flush(), tail]));
    assert.equal(frames.next(), true);
    const seen: number[] = [];
    frames.ahead(type => seen.push(type) > 0);
    return seen.length;
  };
  const message = raw.query('select 1');
  for (let at = 0; at < message.length; at += 1) assert.equal(visited(message.subarray(0, at)), 0);
  assert.equal(visited(message), 1);
  for (const length of [-2147483648, -6, -5, -1, 0, 3])
    assert.equal(visited(Buffer.concat([raw.sync(), raw.message('Q', 'x', length)])), 1, `${length}`);
});

test('random bytes in random chunks end in messages, in waiting or in an ordinary fault', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), sizes, fc.boolean(), (bytes, list, stream) => {
      onlyOrdinaryFaults(() => {
        const pieces = cut(chunksOf(Buffer.from(bytes), list), { stream: () => stream });
        const out = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
        assert.ok(out <= bytes.length);
        assert.deepEqual(
          Buffer.concat(pieces.map(piece => piece.bytes)),
          Buffer.from(bytes).subarray(0, out),
        );
      });
    }),
    { numRuns: 2000 },
  );
});

test('any messages in any chunks come out as they went in', () => {
  const message = fc
    .tuple(fc.integer({ min: 1, max: 255 }), fc.uint8Array({ maxLength: 60 }))
    .map(([type, body]) => raw.message(type, Buffer.from(body)));
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), sizes, (messages, list) => {
      const pieces = cut(chunksOf(Buffer.concat(messages), list));
      assert.deepEqual(
        pieces.map(piece => piece.bytes),
        messages,
      );
    }),
    { numRuns: 1000 },
  );
});

test('a type byte is shown as its letter, or as hex where it has none', () => {
  assert.deepEqual([show(0x51), show(0), show(32), show(255)], ["'Q'", '0x00', '0x20', '0xff']);
});
