import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { blankComments } from '#proxy/policy/effects/blank-comments.ts';
import { loadModule, scanSync } from '#proxy/policy/effects/parser.ts';
import { respell } from '#proxy/policy/effects/respell.ts';
import { isLonger, sizeOf } from '#proxy/policy/effects/text-size.ts';

before(() => loadModule());

const PIECES = [
  ...[
    "'a'",
    "''",
    "'a''b'",
    "'",
    "E'a\\'b'",
    "e'\\\\'",
    "b'01'",
    "X'ff'",
    "N'a'",
    "U&'\\0061'",
    "'a\\'",
    "'\n'b'",
  ],
  ...[
    '"',
    '"a"',
    '"a""b"',
    'U&"a"',
    'u&',
    '$$',
    '$1',
    '$a$',
    '$a$ x $a$',
    '$',
    '$é$',
    '$1a',
    'a$$',
    '\\',
    "\\'",
  ],
  ...[
    '--',
    '-- a\n',
    '--b\r',
    '/*',
    '*/',
    '/**/',
    '/* /* */ */',
    '/*/',
    '- -',
    '-',
    '/',
    '*',
    '->>',
    '<=',
    '::',
  ],
  ...[
    'a',
    'do',
    'DO',
    'é',
    '_x',
    'a1',
    'select',
    '1',
    '1.5',
    '1.',
    '.5',
    '1..2',
    '1e5',
    '1e-5',
    '0x1F',
    '1_000',
    '1a',
  ],
  ...[
    ' ',
    '\n',
    '\t',
    '\r',
    '\f',
    '\v',
    '\u00a0',
    ',',
    ';',
    '(',
    ')',
    '[',
    ']',
    '.',
    ':',
    '=',
    '@',
    '&',
    '|',
    '?',
  ],
];
const short = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map(pieces => pieces.join(''));
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 25 }).map(pieces => pieces.join(''));

/** Between how much and how much the tokens of Postgres's own scanner come to; null where it cannot cut the text. */
function bounds(text: string): { least: number; most: number } | null {
  // To the library a comment parts what to the server is one literal.
  const sql = blankComments(text) ?? text;
  if (/^[ \t\n\r\f\v]*$/.test(sql)) return { least: 0, most: 0 };
  let tokens: ReturnType<typeof scanSync>['tokens'];
  try {
    ({ tokens } = scanSync(sql));
  } catch {
    return null;
  }
  const bytes = Buffer.from(sql);
  let [least, most] = [0, 0];
  for (const { start, end, tokenName } of tokens) {
    if (tokenName.endsWith('COMMENT')) continue;
    const token = bytes.subarray(start, end).toString();
    const one = /^(?:[a-z_\u0080-\uffff]|[0-9]|[ebx]?'|(?:u&)?"|u&')/i.test(token);
    least += token === ';' ? 5 : 1;
    // A sign, or a number with letters in it, is cut further.
    most += token === ';' ? 5 : one && !/^[0-9].*[a-z]/i.test(token) ? 1 : token.length;
  }
  return { least, most };
}

test("a text counts for at least the tokens that Postgres's scanner finds in it, and for no more than their signs", () => {
  let cut = 0;
  fc.assert(
    fc.property(text, sql => {
      const between = bounds(sql);
      // The body of DO counts by what is in it.
      if (between === null || /do/i.test(sql)) return;
      cut += 1;
      const size = sizeOf(sql, false);
      assert.ok(size >= between.least, `${JSON.stringify(sql)}: ${size} < ${between.least}`);
      assert.ok(size <= between.most, `${JSON.stringify(sql)}: ${size} > ${between.most}`);
    }),
    { numRuns: 20_000, seed: 7 },
  );
  assert.ok(cut > 3_000, `only ${cut} texts could be cut`);
});

test('where backslashes escape in plain literals, it counts for at least what the same text has that is spelled with E', () => {
  let cut = 0;
  fc.assert(
    fc.property(short, fc.constantFrom("'\\''", "'a\\'b'", "n'\\\\'", "'\\'\\'"), short, (...parts) => {
      const sql = parts.join('');
      const spelled = respell(sql);
      // A letter that touches a number, which no grammar lets pass, is parted from their literal by the other spelling.
      const odd = spelled === null || spelled.unsafe !== null || /[0-9.](?:[a-z]|u&)'/i.test(sql);
      const between = odd ? null : bounds(spelled.text);
      if (between === null) return;
      cut += 1;
      const size = sizeOf(sql, true);
      assert.ok(size >= between.least, `${JSON.stringify(sql)}: ${size} < ${between.least}`);
    }),
    { numRuns: 20_000, seed: 8 },
  );
  assert.ok(cut > 2_000, `only ${cut} texts could be cut`);
});

test('the body of DO is counted by what it says, other literals are one each', () => {
  const body = 'begin perform 1; perform $q$ a b c $q$; end';
  assert.equal(sizeOf(body, false), 1 + 2 + 5 + 2 + 5 + 1);
  for (const sql of [
    `do $$${body}$$`,
    `/* why */ Do language plpgsql $x$${body}$x$`,
    `select 1; DO $$${body}$$`,
  ])
    assert.ok(sizeOf(sql, false) > sizeOf(body, false), sql);
  // In quotes, the text is another one than it looks: each character counts.
  assert.ok(sizeOf("do 'begin x := ''--''; perform 1; end'", false) > 35);
  for (const sql of ['select $$a b c$$ -- d', "select 'do $$a b c$$' /* d */", 'insert $$a b c$$'])
    assert.equal(sizeOf(sql, false), 2, sql);
  assert.equal(sizeOf("on conflict do $$a b c$$; select 'x y'", false), 4 + 5 + 2);
});

test('it is known in the middle of a text that it is too long, and of a short one without looking', () => {
  const sql = 'select 1; '.repeat(20);
  const size = sizeOf(sql, false);
  assert.equal(isLonger(size, sql, false), false);
  assert.equal(isLonger(size - 1, sql, false), true);
  assert.equal(isLonger(9, `${sql}'never closed`, false), true);
  assert.equal(isLonger(1, ';', false), true);
});
