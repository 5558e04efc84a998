import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadParser } from '#proxy/policy/analyse.ts';
import { keeping } from '#proxy/policy/effects/kept-trees.ts';
import { parseBody, parseStatements } from '#proxy/policy/effects/parse.ts';

before(loadParser);

const BODY = `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ begin new.a := 1; return new; end $$`;

test('a text of the catalog is parsed once, and its tree is what it was for whoever asks next', () => {
  for (const [parse, text] of [
    [parseStatements, 'SELECT a + 1, b FROM public.t WHERE c IN (1, 2)'],
    [parseBody, BODY],
  ] as const) {
    const first = parse(text);
    assert.equal(parse(text), first);
    assert.notEqual(parse(`${text} `), first);
    const open: unknown[] = [first];
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (typeof one !== 'object' || one === null) continue;
      assert.ok(Object.isFrozen(one));
      open.push(...Object.values(one));
    }
  }
});

test('what does not parse is not kept: it may have been the parser that failed', () => {
  let asked = 0;
  const failing = keeping<object>(() => `failed ${++asked} times`);
  assert.equal(failing('select'), 'failed 1 times');
  assert.equal(failing('select'), 'failed 2 times');
  assert.equal(typeof parseStatements('SELEC 1'), 'string');
});

test('what is kept is bounded by the characters of its texts, however many there are', () => {
  let asked = 0;
  const parse = keeping(sql => [++asked, sql.length]);
  const texts = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(20_000, 'x'));
  for (const text of texts) parse(text);
  asked = 0;
  for (const text of texts.toReversed()) parse(text);
  assert.ok(asked >= 40 && asked <= 80, `${asked} of 100 texts with two million characters were forgotten`);
  const long = 'x'.repeat(1 << 17);
  assert.notEqual(parse(long), parse(long));
});

test('attack: a tree as deep as it is long is kept without a stack to overflow', () => {
  const deep = `SELECT ${'1 + '.repeat(3_000)}1`;
  const parse = keeping<object>(() => {
    let tree: object = {};
    for (let i = 0; i < 100_000; i++) tree = { tree };
    return tree;
  });
  assert.equal(parse('deep'), parse('deep'));
  assert.equal(parseStatements(deep), parseStatements(deep));
});
