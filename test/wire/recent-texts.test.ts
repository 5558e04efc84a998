import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '#proxy/wire/reader.ts';

const WORDS = [
  '',
  'a',
  'é',
  '€',
  '😀',
  '\ufeff',
  'select 1',
  'SELECT 1',
  'select €',
  'P0_1',
  'x'.repeat(300),
];

test('a text is read as it stands there, whatever was read before it', () => {
  const texts = WORDS.flatMap(a => WORDS.map(b => a + b));
  // Many have the same length and the same ends.
  for (let i = 0; i < 3000; i += 1) texts.push(`select ${i} from t where id = ${(i * 7) % 100};`);
  for (const round of [0, 1, 2])
    for (const text of texts) {
      const bytes = Buffer.from(`..${text}..`);
      assert.equal(utf8(bytes, 2, bytes.length - 2), text, `round ${round}`);
    }
});

test('bytes that are not UTF-8 are refused, also where as many characters as these were read before', () => {
  for (const bytes of [Buffer.of(0x80), Buffer.of(0x61, 0xff), Buffer.of(0xc3)]) {
    assert.equal(utf8(Buffer.from('a'.repeat(bytes.length)), 0, bytes.length), 'a'.repeat(bytes.length));
    assert.throws(() => utf8(bytes, 0, bytes.length), { code: 'encoding' });
  }
});
