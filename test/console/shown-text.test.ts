import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { loadModule, scanSync } from 'libpg-query';
import { bindValue } from '#functions/console/page/binds.ts';
import { countdown, further, httpsUrl, title, warnings } from '#functions/console/page/describe.ts';
import { tokens } from '#functions/console/page/sql.ts';
import { oddCount, pieces, plain } from '#functions/console/page/visible.ts';
import { heldApproval } from './fake-book.ts';

/** Fragments at which lexers differ; random texts are made of them. */
const FRAGMENTS = [
  ...[
    "'",
    "''",
    '"',
    "E'",
    "e'",
    "U&'",
    'U&"',
    "B'",
    "X'",
    "N'",
    '\\',
    "\\'",
    '$',
    '$$',
    '$a$',
    '$A$',
    '$1',
    '$1a',
  ],
  ...[
    '--',
    '-',
    '/*',
    '*/',
    '/',
    '*',
    '\n',
    '\r',
    '\r\n',
    '\t',
    ' ',
    '\f',
    '\v',
    ';',
    ',',
    '(',
    ')',
    '::',
    '@',
  ],
  ...[
    'SELECT',
    'DROP',
    'a',
    'ab',
    'x',
    '_',
    '1',
    '2.5',
    '1e9',
    '.5',
    '0x1F',
    'é',
    'р',
    '\u00a0',
    '\u202e',
    '日本',
    '😀',
  ],
];
const text = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 24 }).map(parts => parts.join(''));

describe('how the page shows text', () => {
  before(() => loadModule());

  test('colouring keeps every character of every text', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), fc.boolean(), (sql, backslashes) => {
        assert.equal(
          tokens(sql, backslashes)
            .map(token => token.text)
            .join(''),
          sql,
        );
      }),
      { numRuns: 3000 },
    );
  });

  test('what is coloured as comment or string is one for Postgres’s own lexer, and the reverse', () => {
    let compared = 0;
    // libpg-query cuts out comments as tokens, and so ends a string that Postgres continues across one: not comparable.
    const acrossComment = /'(?:\s|--[^\n\r]*[\n\r])*--[^\n\r]*[\n\r](?:\s|--[^\n\r]*[\n\r])*'/;
    const compare = (sql: string) => {
      if (acrossComment.test(sql)) return;
      let scanned: ReturnType<typeof scanSync>;
      try {
        scanned = scanSync(sql);
      } catch {
        return; // what Postgres cannot scan it will not run either
      }
      compared++;
      const bytes = Buffer.from(sql, 'utf8');
      const theirs = scanned.tokens
        .filter(token => /COMMENT$|^(SCONST|USCONST|BCONST|XCONST)$/.test(nameOf(token, bytes)))
        .map(token => bytes.subarray(token.start, token.end).toString('utf8'));
      const ours = tokens(sql)
        .filter(token => token.kind === 'comment' || token.kind === 'string')
        .map(token => token.text.replace(/^[nN]'/, "'")); // N'…' is a word and a string for Postgres
      assert.deepEqual(ours, theirs, JSON.stringify(sql));
    };
    for (const sql of [
      'SELECT 1 -- note\rDROP TABLE t',
      '/* a /* b */ still */ DROP TABLE t',
      "SELECT 'it''s' , E'a\\'b' , 'a\\' , 1",
      "SELECT E'a'\n'b\\'c' , 1",
      'SELECT $a$ $b$ -- $a$ , foo$$bar, $1',
      'SELECT a+--b\n1 */* c */ 2',
      'SELECT "a--b", U&"x/*", $é$ -- $é$',
    ])
      compare(sql);
    const fixed = compared;
    fc.assert(fc.property(text, compare), { numRuns: 6000 });
    assert.equal(fixed, 7);
    assert.ok(compared > 1000, `only ${compared} texts could be compared`);
  });

  test('a string goes on across a comment and a line end, in the mode in which it began', () => {
    const sql = String.raw`SELECT E'a' -- c${'\n'} 'b\' -- ' , 1`;
    const strings = tokens(sql).flatMap(one => (one.kind === 'string' ? [one.text] : []));
    assert.deepEqual(strings, [String.raw`E'a' -- c${'\n'} 'b\' -- '`]);
  });

  test('with standard_conforming_strings off, a backslash keeps a plain string open', () => {
    const sql = String.raw`SELECT 'a\' -- ', 1`;
    const strings = (off: boolean) =>
      tokens(sql, off).flatMap(one => (one.kind === 'string' ? [one.text] : []));
    assert.deepEqual(strings(false), [String.raw`'a\'`]);
    assert.deepEqual(strings(true), [String.raw`'a\' -- '`]);
  });

  test('every character that hides, moves or overlays others is marked, and nothing is lost', () => {
    const odd =
      '\u0000\u0007\u001b\u007f\u0085\u00a0\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029' +
      '\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u2800\u3000\u3164\ufe0f\ufeff\uffa0\u0336\u20dd\ue000';
    assert.equal(oddCount(odd), odd.length);
    for (const one of ['\ud800', '\u{e0041}', '\u{f0000}']) assert.equal(oddCount(one), 1);
    assert.equal(oddCount("SELECT 'naïve Größe 日本 שלום 😀'\r\n\tFROM t;"), 0);
    assert.equal(oddCount('a\rb'), 1, 'a lone carriage return');
    assert.equal(plain('a\u202eb\n'), 'a[U+202E RLO]b[U+000A LF]');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (any, oneLine) => {
        assert.equal(
          pieces(any, oneLine)
            .map(piece => piece.text)
            .join(''),
          any,
        );
      }),
    );
  });

  test('bind values are read by their type, and never guessed', () => {
    const binary = (type: number, hex: string) =>
      bindValue({ format: 'binary', type, value: Buffer.from(hex, 'hex').toString('base64') });
    assert.deepEqual(bindValue({ format: 'text', type: 25, value: null }), {
      type: 'text',
      kind: 'null',
      text: 'NULL',
    });
    assert.deepEqual(bindValue({ format: 'text', type: 25, value: 'NULL' }).kind, 'text');
    assert.deepEqual(bindValue({ format: 'text', type: 0, value: '42' }).type, 'type left to the server');
    assert.equal(bindValue({ format: 'text', type: 16999, value: 'x' }).type, 'type 16999');
    assert.equal(binary(20, '7fffffffffffffff').text, '9223372036854775807');
    assert.equal(binary(23, 'ffffffff').text, '-1');
    assert.equal(binary(26, 'ffffffff').text, '4294967295');
    assert.equal(binary(21, '8000').text, '-32768');
    assert.equal(binary(16, '01').text, 'true');
    assert.equal(binary(701, '3ff8000000000000').text, '1.5');
    assert.equal(
      binary(2950, '00112233445566778899aabbccddeeff').text,
      '00112233-4455-6677-8899-aabbccddeeff',
    );
    assert.equal(binary(25, 'c3a9').text, 'é');
    assert.equal(binary(3802, '017b7d').text, '{}');
    assert.equal(bindValue({ format: 'binary', type: 25, value: '' }).text, '');
    for (const [type, hex] of [
      [23, 'ff'],
      [16, '02'],
      [25, 'ff'],
      [3802, '027b7d'],
      [2950, '00'],
      [0, '0000002a'],
      [1700, '0001'],
    ] as const)
      assert.deepEqual(binary(type, hex).text, `\\x${hex}`, `${type} ${hex}`);
  });

  test('a title names all that changes something, and the warnings what must not be missed', () => {
    const named = (
      commands: ('insert' | 'delete' | 'select' | 'ddl')[],
      writes: string[],
      reads: string[] = [],
    ) => title(heldApproval('t', { effects: [{ commands, writes, reads }] }));
    assert.equal(
      named(['insert', 'delete', 'select'], ['public.a', 'public.b']),
      'INSERT, DELETE on public.a, public.b',
    );
    assert.equal(named(['select'], [], ['a.a', 'a.b', 'a.c']), 'SELECT from a.a and 2 more');
    assert.equal(named(['ddl'], ['public.a']), 'Schema change on public.a');
    assert.match(title(heldApproval('t', { effects: [{}, {}, {}] })), /, and 2 more statements$/);
    assert.deepEqual(warnings(heldApproval('t')), []);
    const homoglyph = heldApproval('t', { statement: { text: 'DELETE FROM оrders' } });
    assert.match(warnings(homoglyph).join(), /letters outside ASCII/);
    assert.deepEqual(warnings(heldApproval('t', { statement: { text: "SELECT 'Größe' -- ü" } })), []);
  });

  test('an overtaken answer never undoes a newer state', () => {
    const held = heldApproval('f');
    const approved = { ...held, state: 'approved' as const };
    const executed = { ...held, state: 'executed' as const };
    const withdrawn = { ...held, state: 'withdrawn' as const };
    for (const [older, newer] of [
      [held, approved],
      [approved, executed],
      [executed, withdrawn],
      [held, withdrawn],
    ] as const) {
      assert.equal(further(older, newer), newer);
      assert.equal(further(newer, older), newer);
    }
  });

  test('time left and links', () => {
    assert.deepEqual([0, -5, 999, 61_000, 3_723_000].map(countdown), [
      '0:00',
      '0:00',
      '0:01',
      '1:01',
      '1:02:03',
    ]);
    assert.equal(httpsUrl('https://ci.example/run/7'), 'https://ci.example/run/7');
    for (const bad of ['http://x', 'javascript:alert(1)', 'data:text/html,x', ' ', 'HTTPS', '//x'])
      assert.equal(httpsUrl(bad), null, bad);
  });
});

/** The scanner names some kinds UNKNOWN: what such a token is then shows in how it begins. */
function nameOf(token: { tokenName: string; start: number; end: number }, bytes: Buffer): string {
  if (token.tokenName !== 'UNKNOWN') return token.tokenName;
  const begins = bytes.subarray(token.start, token.start + 3).toString('latin1');
  return /^([uU]&|[bBxX])'/.test(begins) ? 'USCONST' : token.tokenName;
}

test('white space behind a string, however long, is looked at once', () => {
  const text = `select 'a'\n${' '.repeat(5_000)}x`;
  assert.equal(
    tokens(text)
      .map(token => token.text)
      .join(''),
    text,
  );
});
