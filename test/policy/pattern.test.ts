import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { matchesPattern } from '#proxy/policy/pattern.ts';

it('patterns are anchored at both ends and case-sensitive, and * spans dots', () => {
  const rows: [string, string, boolean][] = [
    ['public.orders', 'public.orders', true],
    ['public.orders', 'public.orders_old', false],
    ['public.orders', 'xpublic.orders', false],
    ['public.orders', 'public.Orders', false],
    ['public.*', 'public.', true],
    ['public.*', 'publicXorders', false],
    ['*', '', true],
    ['*', 'a.b', true],
    ['*.ssn', 'a.b.ssn', true],
    ['*.ssn', 'ssn', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['**', 'x', true],
    ['', '', true],
    ['', 'x', false],
    ['a.b', 'aXb', false],
    ['a?', 'ab', false],
  ];
  for (const [pattern, text, expected] of rows)
    assert.equal(matchesPattern(pattern, text), expected, `${pattern} ~ ${text}`);
});

it('agrees with an anchored regular expression on all short patterns', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\n'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (pattern, text) => {
      const source = pattern
        .split('*')
        .map(part => part.replaceAll('.', '\\.'))
        .join('[^]*');
      assert.equal(matchesPattern(pattern, text), new RegExp(`^${source}$`).test(text));
    }),
  );
});

it('a pattern made to be slow is not', () => {
  const started = process.cpuUsage().user;
  assert.equal(matchesPattern('*a'.repeat(100), `${'a'.repeat(2000)}b`), false);
  assert.ok(process.cpuUsage().user - started < 1_000_000, 'less than a second of processor time');
});
