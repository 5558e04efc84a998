import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { analyse } from '#proxy/policy/analyse.ts';
import { analyseKnown } from '#proxy/policy/analyses.ts';
import type { CatalogView } from '#proxy/policy/catalog-view.ts';
import { scanSync } from '#proxy/policy/effects/parser.ts';
import { slotsOf } from '#proxy/policy/slots.ts';
import { type Template, templateOf } from '#proxy/policy/template.ts';
import { ORDINARY, ORDINARY_WORK } from '../mask/ordinary.corpus.ts';
import { WAYS_OUT } from '../mask/ways-out.corpus.ts';
import { WAYS_OUT_IN_STEPS } from '../mask/ways-out-in-steps.corpus.ts';
import { LEAKS } from './leaks.corpus.ts';
import { READS } from './reads.corpus.ts';
import { effectsBench, rowsOf } from './support.ts';
import { WRITES } from './writes.corpus.ts';

const SHOP = new URL('../../cli/sample/shop.sql', import.meta.url);
const SHOP_PROTECTED = ['email', 'card_number', 'ssn', 'phone'].map(column => ({
  schema: 'public',
  table: 'customers',
  column,
  mask: 'redact' as const,
}));
const PATH = ['public'];
const bench = effectsBench();

/** The sample shop on the same server. */
async function loadShop(): Promise<CatalogView> {
  const client = new pg.Client(await bench.server.createDatabase('shop'));
  await client.connect();
  try {
    await client.query(readFileSync(SHOP, 'utf8'));
    return await loadCatalog(sql => rowsOf(client, sql), { protectedColumns: SHOP_PROTECTED });
  } finally {
    await client.end();
  }
}

const STEPS = WAYS_OUT_IN_STEPS.flatMap(line => line.split(';').map(step => step.trim()));
const EFFECTS_TEXTS = [...READS, ...WRITES, ...LEAKS];
const SHOP_TEXTS = [...WAYS_OUT, ...STEPS, ...ORDINARY, ...ORDINARY_WORK];

/** With comments as tools write them: one for each request, and a name in the first line. */
function commented(text: string): string[] {
  return [
    `${text} /* request='1',trace='00-é' */`,
    `-- name: One\n${text}`,
    text.replaceAll(' ', ' /* a */ '),
  ];
}

/** The texts' own constants are the pool: names of relations, settings and functions among them, which mean something somewhere. */
const POOL = [...EFFECTS_TEXTS, ...SHOP_TEXTS].flatMap(text => templateOf(text, true)?.constants ?? []);
const STRINGS = [
  ...new Set(POOL.filter(c => c.startsWith("'"))),
  "'-- '",
  `'"'`,
  "'/*'",
  "';'",
  "'$$'",
  "'é'",
  "'日本 😀'",
  "'\\'",
  "'\\x00'",
  "'{}'",
];
const COMMENTS = ['/**/', "/* it's \u00e9; \\ */", '/*-- \n */', '/***/'];
const LINE_COMMENTS = ['--', "-- it's /* é \\ */"];
const NUMBERS = ['1', '2', '3', '7', '10', '16384', '100000', '2147483', '999999999'];
const DECIMALS = ['0.5', '1.0', '2.5', '99999999999999999999.9'];

/** Another text of the same template, its constants from the pool. */
function another(text: string, pick: (most: number) => number): string | null {
  const template = templateOf(text, true);
  if (template === null || template.constants.length === 0) return null;
  let i = 0;
  const other = template.skeleton.replaceAll(/[\u0001-\u0005]/g, mark => {
    if (mark === '\u0004') return COMMENTS[pick(COMMENTS.length)]!;
    if (mark === '\u0005') return LINE_COMMENTS[pick(LINE_COMMENTS.length)]!;
    i++;
    const from = mark === '\u0001' ? NUMBERS : mark === '\u0002' ? DECIMALS : STRINGS;
    return from[pick(from.length)]!;
  });
  assert.equal(i, template.constants.length);
  return other;
}

/** A generator without luck in it: a failure comes again. */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return most => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % most;
  };
}

function sameAsAnew(texts: readonly string[], view: CatalogView): { asked: number; remembered: number } {
  const pick = seeded(20_251_121);
  let asked = 0;
  let remembered = 0;
  for (const text of texts) {
    for (const path of [PATH, ['?']]) {
      assert.deepEqual(analyseKnown(text, view, path, []), analyse(text, view, path, []), text);
      for (let round = 0; round < 5; round++) {
        const other = another(text, pick);
        if (other === null) continue;
        const first = analyseKnown(other, view, path, []);
        assert.deepEqual(first, analyse(other, view, path, []), `${other}\nafter ${text}`);
        asked++;
        const again = analyseKnown(text, view, path, []);
        assert.deepEqual(again, analyse(text, view, path, []), `${text}\nafter ${other}`);
        if (first === again) remembered++;
      }
    }
  }
  return { asked, remembered };
}

test('what is remembered of a text is what a fresh analysis says of every other with its template', () => {
  const { asked, remembered } = sameAsAnew(EFFECTS_TEXTS, bench.catalog);
  assert.ok(asked > 2_000, `only ${asked} texts were tried`);
  assert.ok(remembered > asked / 4, `of ${asked} texts only ${remembered} were remembered`);
});

test('and so where values are protected: nothing gets out by what was found of another text', async () => {
  const shop = await loadShop();
  const { asked, remembered } = sameAsAnew(SHOP_TEXTS, shop);
  assert.ok(asked > 700, `only ${asked} texts were tried`);
  assert.ok(remembered > asked / 10, `of ${asked} texts only ${remembered} were remembered`);
});

test('and so with comments in it', () => {
  const some = EFFECTS_TEXTS.filter((_, i) => i % 4 === 0).flatMap(commented);
  const { asked, remembered } = sameAsAnew(some, bench.catalog);
  assert.ok(asked > 1_500, `only ${asked} texts were tried`);
  assert.ok(remembered > asked / 4, `of ${asked} texts only ${remembered} were remembered`);
});

const REMEMBERED: readonly (readonly [string, string])[] = [
  ['select * from orders where id = 5', 'select * from orders where id = 123456'],
  ['select * from orders where id = -5', 'select * from orders where id = -77'],
  ["select name from customers where name = 'a'", "select name from customers where name = 'it''s; --'"],
  [
    "update orders set status = 'x', total = 1.5 where id = 1",
    "update orders set status = 'y', total = 2.25 where id = 9",
  ],
  ['select * from orders where id = 5 /* a */', "select * from orders where id = 5 /* it's another: é */"],
  ['-- name: A\nselect 1 from orders where id = 5', "-- it's B\nselect 1 from orders where id = 6"],
  ["insert into log (note) values ('a')", "insert into log (note) values ('Zoë 😀')"],
  ["insert into log (note) values ('a')", String.raw`insert into log (note) values ('{"a": "\n"}')`],
  ["update customers set city = 'a' where id = 1", "update customers set city = 'b' where id = 2"],
  ["insert into log (note) values ('a'), ('b')", "insert into log (note) values ('c'), ('d')"],
  ['delete from lines where order_id = 1 and pos = 2;', 'delete from lines where order_id = 3 and pos = 4;'],
  ['select * from orders where id = $1 limit 7', 'select * from orders where id = $1 limit 7'],
];

test('statements that differ in plain constants are looked at once', () => {
  for (const [one, two] of REMEMBERED)
    assert.equal(analyseKnown(one, bench.catalog, PATH, []), analyseKnown(two, bench.catalog, PATH, []), two);
});

const APART: readonly (readonly [string, string])[] = [
  ['select * from orders limit 7', 'select * from orders limit 8'],
  ["select set_config('work_mem', '1MB', false)", "select set_config('search_path', 'x', false)"],
  ["select pg_input_is_valid('1', 'int4')", "select pg_input_is_valid('1', 'customers')"],
  ["select 'a'::text", "select 'a'\n'b'::text"],
  ["select 'a', 1", "select E'\\'', 1 --'"],
  ['select 1 from orders', 'select 1 -- from orders'],
  ['select id from orders where id = 5', 'select id from orders where id = 5000000000'],
  ['select id from orders where id = 5', 'select id from orders where id = 0'],
  ['select id from orders where id = 5', 'select id from orders where id = 5.0'],
  ["select id from orders where id = '5'", 'select id from orders where id = 5'],
  ["select 'a' /* */", "select 'a' /* /* */"],
  ["select 'a' /* */", "select 'a' /* /* */ , count(*) from orders -- */"],
  ["select 'a' -- x\n", "select 'a' -- x\n'b'"],
  ["select 'a' -- x", "select 'a' -- x\r, 1"],
  ['select 2*/* a */3', 'select 2*3'],
  ["select 'a\\'", "select E'a\\''"],
  ["set work_mem = '1MB'", "set work_mem = '2MB'"],
  ["copy orders to '/tmp/a'", "copy orders to '/tmp/b'"],
  ["do 'begin end'", "do 'begin delete from orders; end'"],
];

test('texts whose difference may count are looked at apart, each as a fresh analysis says', () => {
  for (const [one, two] of APART) {
    const first = analyseKnown(one, bench.catalog, PATH, []);
    const second = analyseKnown(two, bench.catalog, PATH, []);
    assert.notEqual(first, second, two);
    assert.deepEqual(first, analyse(one, bench.catalog, PATH, []), one);
    assert.deepEqual(second, analyse(two, bench.catalog, PATH, []), two);
  }
});

test('what is remembered counts for its search path, catalog and parameter types alone', async () => {
  const text = 'select * from orders where id = 5';
  const found = analyseKnown(text, bench.catalog, PATH, []);
  assert.notEqual(found, analyseKnown(text, bench.catalog, ['other'], []));
  assert.notEqual(found, analyseKnown(text, await bench.load(), PATH, []));
  assert.notEqual(found, analyseKnown(text, bench.catalog, PATH, [23]));
  assert.notEqual(found, analyseKnown(text, bench.catalog, PATH));
});

test('a limit of many values is looked at each time after a while, and right each time', () => {
  for (let limit = 1; limit < 200; limit++) {
    const found = analyseKnown(`select * from orders limit ${limit}`, bench.catalog, PATH, []);
    assert.equal(found.kind === 'statements' ? found.statements[0]?.effects.rows : null, limit);
  }
});

test('a constant is found in the tree only where it is the value of a constant, and nothing else hangs on it', () => {
  const integer = (ival: number, location = 7) => ({ A_Const: { ival: { ival }, location } });
  const values = new Map([['918273000', 0]]);
  const tree = { stmt: { list: [integer(5), 'x'] } };
  const found = slotsOf(tree, { stmt: { list: [integer(918_273_000, 9), 'x'] } }, values);
  assert.deepEqual(found, [{ index: 0, holder: { ival: 5 }, key: 'ival' }]);
  const others: unknown[] = [
    { stmt: { list: [integer(5), 'x'] } },
    { stmt: { list: [integer(918_273_001), 'x'] } },
    { stmt: { list: [integer(918_273_000), 'y'] } },
    { stmt: { list: [integer(918_273_000), integer(918_273_000)] } },
    { stmt: { list: [integer(918_273_000)] } },
    { stmt: { list: [integer(918_273_000), 'x'], more: 1 } },
    { stmt: { list: [{ A_Const: { ival: { ival: 918_273_000 }, isnull: true, location: 7 } }, 'x'] } },
    { stmt: { list: [{ A_Const: { fval: { fval: '918273000' }, location: 7 } }, 'x'] } },
    { stmt: { list: [{ TypeCast: integer(918_273_000) }, 'x'] } },
  ];
  for (const other of others) assert.equal(slotsOf(tree, other, values), null, JSON.stringify(other));
  const twice = { stmt: { list: [integer(5), integer(5)] } };
  const marked = { stmt: { list: [integer(918_273_000), integer(918_273_000)] } };
  assert.equal(slotsOf(twice, marked, values), null, 'one constant in two places');
  const elsewhere = { Integer: { ival: 5 } };
  assert.equal(slotsOf(elsewhere, { Integer: { ival: 918_273_000 } }, values), null, 'not in an A_Const');
});

const KIND_OF: Record<string, string> = { ICONST: '\u0001', FCONST: '\u0002', SCONST: '\u0003' };

test('where a template is given, its constants are tokens as Postgres cuts them', () => {
  const piece = fc.constantFrom(
    ...[
      'select',
      'a',
      '_x',
      'e',
      'n',
      'u&',
      'x',
      '1',
      '10',
      '0',
      '007',
      '9999999999',
      '.',
      '..',
      '1.5',
      '1e5',
      '0x1f',
      '1_000',
    ],
    ...[
      "'",
      "''",
      "'a'",
      "'it''s'",
      '"',
      '"q"',
      '"q""r"',
      '$',
      '$1',
      '$$',
      '$a$',
      '\\',
      "'é'",
      "'\\'",
      '/*',
      '*/',
      '/**/',
      '/* a */',
      '--b\n',
      '\r',
      'é😀',
      '\ud800',
      ' ',
      '\n',
      '\t',
      ' \n ',
      '-',
      '--',
      '/',
      '*',
    ],
    ...[
      '+',
      '=',
      '::',
      ':',
      ',',
      ';',
      '(',
      ')',
      '[',
      ']',
      '@',
      '&',
      '|',
      '{',
      'é',
      '\u00a0',
      '\v',
      '\u0001',
      '?',
      '<',
      '>',
    ],
  );
  let given = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
      const text = pieces.join('');
      const template = templateOf(text, true);
      if (template === null) return;
      const tokens = scanned(text);
      // What Postgres cannot cut has no analysis either.
      if (tokens === null) return;
      given++;
      const again = scanned(refilled(template));
      assert.deepEqual(again?.map(tokenOf), tokens.map(tokenOf), text);
      const constants = tokens.filter(({ tokenName }) => tokenName in KIND_OF);
      let at = 0;
      for (const constant of template.constants) {
        const token = constants.slice(at).findIndex(t => t.text === constant);
        // Two strings with a line break between them are one token: a tree tells, and such texts are not remembered.
        if (token < 0) assert.match(text, /'(\s|--.*)*[\n\r](\s|--.*)*'/, text);
        else at += token + 1;
      }
    }),
    { numRuns: 20_000, seed: 5 },
  );
  assert.ok(given > 1_500, `only ${given} texts had a template`);
});

/** The text of a template again, its comments empty. */
function refilled({ skeleton, constants }: Template): string {
  let i = 0;
  return skeleton.replaceAll(/[\u0001-\u0005]/g, mark =>
    mark === '\u0004' ? '/**/' : mark === '\u0005' ? '--' : constants[i++]!,
  );
}

function tokenOf({ text, tokenName }: { text: string; tokenName: string }): string {
  return tokenName.endsWith('COMMENT') ? tokenName : text;
}

function scanned(text: string): { text: string; tokenName: string }[] | null {
  if (text.trim() === '') return [];
  const bytes = Buffer.from(text);
  try {
    return scanSync(text).tokens.map(({ start, end, tokenName }) => ({
      text: `${bytes.subarray(start, end)}`,
      tokenName,
    }));
  } catch {
    return null;
  }
}
