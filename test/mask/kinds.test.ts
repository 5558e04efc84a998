import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { email, LONGEST_MASKED, partial, type Replacement, replacement } from '#proxy/mask/kinds.ts';
import { type MaskKind, maskKind } from '#schemas/policy.ts';
import { KEY, TYPE } from '#test/mask/support.ts';

/** The masked value, as latin1 text; null for NULL. */
function masked(
  mask: MaskKind,
  value: string | Buffer,
  typeOid: number = TYPE.text,
  format: 0 | 1 = 0,
): string | null {
  const { replacement: r } = replacement(mask, typeOid, format, KEY);
  const source = Buffer.concat([Buffer.from('before'), Buffer.from(value as string), Buffer.from('after')]);
  const bytes = r.kind === 'constant' ? r.bytes : written(r, source, 6, source.length - 5);
  return bytes === null ? null : bytes.toString('utf8');
}

/** What a computed mask writes; it may not touch anything beside. */
function written(mask: Replacement & { kind: 'computed' }, source: Buffer, start: number, end: number) {
  const target = Buffer.alloc(LONGEST_MASKED + 20, 0xee);
  const after = mask.write(source, start, end, target, 10);
  assert.ok(after >= 10 && after <= 10 + LONGEST_MASKED);
  assert.ok([...target.subarray(0, 10), ...target.subarray(10 + LONGEST_MASKED)].every(b => b === 0xee));
  return target.subarray(10, after);
}

test('redact tells nothing of text, whatever it is', () => {
  for (const value of ['', 'x', '***', '123-45-6789', 'ü'.repeat(5000)])
    assert.equal(masked('redact', value), '***');
});

test('partial keeps four characters at most, never more than a third, and nothing of eight or fewer', () => {
  assert.equal(partial('4111111111111111'), '***1111');
  assert.equal(partial('123456789012'), '***9012');
  assert.equal(partial('123-45-6789'), '***789');
  assert.equal(partial('123456789'), '***789');
  for (const value of ['', '1', '12345678']) assert.equal(partial(value), '***');
  assert.equal(partial(`${'😀'.repeat(8)}`), '***');
  assert.equal(partial('😀'.repeat(40)), '***😀😀😀😀');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), value => {
      const kept = Array.from(partial(value)).length - 3;
      assert.ok(kept <= 4 && kept * 3 <= Array.from(value).length);
      assert.ok(value.endsWith(partial(value).slice(3)) && partial(value).isWellFormed());
    }),
  );
});

test('email keeps the first character of a longer name and the top-level domain, and redacts what is no address', () => {
  assert.equal(email('jane@example.com'), 'j***@***.com');
  assert.equal(email('jane.doe+shop@mail.example.co.uk'), 'j***@***.uk');
  assert.equal(email('jo@example.org'), '***@***.org');
  assert.equal(email('émile@example.org'), 'é***@***.org');
  assert.equal(email('-jane@example.org'), '***@***.org');
  for (const value of [
    '',
    '@',
    'jane',
    'a@b',
    'jane@localhost',
    'my secret is jane@example.com',
    'a@b@c.com',
    '"j@x"@c.com',
  ])
    assert.equal(email(value), '***');
  // What a person would call an address that has not been hidden.
  assert.doesNotMatch(email('someone.else@example.com'), /[a-z0-9._]{2,}@/);
});

test('hash is joinable by key, and only by it', () => {
  const hash = masked('hash', 'jane@example.com');
  assert.match(hash ?? '', /^[0-9a-f]{32}$/);
  assert.equal(hash, masked('hash', 'jane@example.com', TYPE.varchar, 1));
  assert.notEqual(hash, masked('hash', 'jane@example.com '));
  const other = replacement('hash', TYPE.text, 0, Buffer.alloc(32, 8)).replacement;
  const value = Buffer.from('jane@example.com');
  assert.ok(other.kind === 'computed' && written(other, value, 0, value.length).toString() !== hash);
  assert.throws(() => replacement('hash', TYPE.text, 0, Buffer.alloc(15)), TypeError);
  assert.throws(() => replacement('hash', TYPE.jsonb, 1, Buffer.alloc(0)), TypeError);
});

test('null is NULL for every type', () => {
  for (const type of Object.values(TYPE)) assert.equal(masked('null', 'x', type), null);
});

test('a type that is not text becomes NULL whatever the kind, so that every driver can read it', () => {
  const { text, varchar, bpchar, name, unknown, char, json, jsonb, ...others } = TYPE;
  for (const type of Object.values(others))
    for (const kind of maskKind.options)
      for (const format of [0, 1] as const) {
        assert.equal(masked(kind, Buffer.from([0, 0, 0, 1]), type, format), null);
        assert.equal(replacement(kind, type, format, KEY).applied, 'null');
      }
  for (const type of [text, varchar, bpchar, name, unknown]) assert.equal(masked('redact', 'x', type), '***');
  assert.equal(masked('hash', 'x', char, 1), '*');
  assert.equal(masked('redact', '{}', json), '"***"');
  assert.equal(masked('redact', '{}', jsonb), '"***"');
});

test('json stays json, and binary jsonb keeps its version byte and hashes like its text', () => {
  for (const kind of ['redact', 'partial', 'email'] as const) {
    assert.equal(JSON.parse(masked(kind, '{"ssn": "123-45-6789"}', TYPE.json) ?? ''), '***');
    assert.equal(masked(kind, '\u0001{"ssn": "123-45-6789"}', TYPE.jsonb, 1), '\u0001"***"');
    assert.equal(replacement(kind, TYPE.jsonb, 1, KEY).applied, 'redact');
  }
  const text = masked('hash', '{"a": 1}', TYPE.jsonb, 0) ?? '';
  assert.match(JSON.parse(text), /^[0-9a-f]{32}$/);
  assert.equal(masked('hash', '\u0001{"a": 1}', TYPE.jsonb, 1), `\u0001${text}`);
  assert.equal(masked('hash', '', TYPE.jsonb, 1)?.length, 35);
});

test('bytes that are not UTF-8, and values of any length, are masked all the same', () => {
  for (const kind of ['redact', 'partial', 'email'] as const) {
    assert.equal(
      masked(kind, Buffer.from([0xff, 0xfe, 0x40, 0xc3, 0x28, 0x2e, 0x63, 0x6f, 0x6d, 0x80, 0x80, 0x80])),
      '***',
    );
    assert.equal(masked(kind, 'x'.repeat(10_000)), '***');
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...maskKind.options), (value, kind) => {
      const out = masked(kind, Buffer.from(value));
      assert.ok(out === null || (out.length <= 32 && !out.includes('\ufffd')));
    }),
  );
});

test('what is written byte by byte is what the rules on characters say', () => {
  const part = fc.string({ unit: fc.constantFrom(...'aZ09.-_@ \t,;:<>"+é'), maxLength: 12 });
  const label = fc.string({ unit: fc.constantFrom(...'aZ09.-_'), maxLength: 8 });
  const address = fc.tuple(
    label,
    label,
    fc.constantFrom('', 'c', 'com', 'museum', 'toolong', 'c0m', 'co.uk'),
  );
  const value = fc.oneof(
    address.map(([local, domain, top]) => `${local}@${domain}.${top}`),
    fc.array(part, { maxLength: 3 }).map(parts => parts.join('@')),
    fc.string({ unit: 'binary-ascii', maxLength: 90 }),
    fc
      .tuple(fc.integer({ min: 60, max: 70 }), fc.integer({ min: 250, max: 260 }))
      .map(([local, domain]) => `${'l'.repeat(local)}@${'d'.repeat(domain)}.com`),
    fc.string({ unit: 'grapheme', maxLength: 70 }),
  );
  fc.assert(
    fc.property(value, text => {
      // It may stand for bytes that are not UTF-8.
      const broken = text.includes('\ufffd') ? '***' : null;
      assert.equal(masked('email', text), broken ?? email(text));
      assert.equal(masked('partial', text), broken ?? partial(text));
    }),
    { numRuns: 3_000 },
  );
});

test('hash is HMAC-SHA-256, whatever the lengths of key and value', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 150 }),
      fc.uint8Array({ maxLength: 200 }),
      (key, value) => {
        const { replacement: r } = replacement('hash', TYPE.text, 0, key);
        assert.ok(r.kind === 'computed');
        const expected = createHmac('sha256', key).update(value).digest('hex').slice(0, 32);
        assert.equal(written(r, Buffer.from(value), 0, value.length).toString(), expected);
      },
    ),
  );
});
