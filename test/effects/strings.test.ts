import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { loadParser, parse, type SyntaxFault } from '#proxy/policy/effects/parse.ts';
import { respell } from '#proxy/policy/effects/respell.ts';
import { Random } from '#test/fuzz/random.ts';
import { startPostgres } from '#test/support/postgres.ts';

/** TEXTS and SEED in the environment make a longer or another run. */
const TEXTS = Number(process.env.TEXTS ?? 1_500);
const SEED = Number(process.env.SEED ?? 20_261_121);

/** What the server makes of a text: its rows, or the fields of its error. */
interface Said {
  readonly rows?: string;
  readonly fault?: Partial<
    Record<'code' | 'message' | 'position' | 'hint' | 'detail' | 'file' | 'routine', string>
  >;
}

const random = new Random(SEED);
const INSIDE = [
  '\\',
  '\\',
  '\\\\',
  "''",
  "\\'",
  'a',
  ',',
  '--',
  '/*',
  '*/',
  '$$',
  '"',
  '\n',
  'é',
  '𝄞',
  '\\n',
  '\\x41',
  ';',
  ' ',
];
const GAPS = [' ', ' ', '\n', " -- it's\n", "/* \\' */", '\t\n ', '', ' -- x\r', '\n--𝄞\n'];
const TOKENS = [
  ...[
    "'",
    "'",
    "'",
    '\\',
    '\\',
    "''",
    "\\'",
    '--',
    '\n',
    '\r',
    '/*',
    '*/',
    '$$',
    '$a$',
    '"',
    'E',
    'e',
    'N',
    'n',
    'U&',
  ],
  ...[
    "u&'",
    'U&"',
    'b',
    'x',
    ' ',
    ' ',
    ',',
    'a',
    '1',
    '0',
    'é',
    '𝄞',
    ';',
    'select ',
    "'a'",
    ', ',
    '+',
    '-',
    '*',
    '/',
  ],
  ...[
    "E'",
    "N'",
    "B'",
    '\t',
    '\v',
    '\f',
    'not ',
    ' in ',
    '(1)',
    'nulls ',
    'first',
    ' order by 1 ',
    'uescape ',
    "'!'",
  ],
  ...[
    'as ',
    '\\n',
    '\\x41',
    '\\101',
    '\\u0041',
    '\\u00',
    '.',
    '::text',
    'text',
    '||',
    '1e',
    '0x',
    '&',
    '@',
    '{',
    ':',
    '=',
  ],
];
const inner = () => several(random.below(6), () => random.pick(INSIDE));
const gap = () => random.pick(GAPS);
const ITEMS: readonly (() => string)[] = [
  () => `'${inner()}'`,
  () => `'${inner()}'${gap()}'${inner()}'`,
  () => `E'${inner()}'`,
  () => `e'${inner()}'${gap()}'${inner()}'`,
  () => `N'${inner()}'`,
  () => `$$${inner().replaceAll('$', '')}$$`,
  () => `1 as "${inner().replaceAll('"', '')}"`,
  () => `1 as${gap()} U&"a${gap()}"`,
  () => `'a' not${gap()}in${gap()}('${inner()}')`,
  () => `text'${inner()}'`,
  () => `x'1'${gap()}'a'`,
  () => `U&'${inner()}'`,
];

function several(count: number, make: () => string): string {
  return Array.from({ length: count }, make).join('');
}

function textAtRandom(): string {
  if (random.chance(3)) return `select ${several(1 + random.below(14), () => random.pick(TOKENS))}`;
  const items = Array.from({ length: 1 + random.below(3) }, () => random.pick(ITEMS)() + gap());
  return `select ${gap()}${items.join(`,${gap()}`)}`;
}

let off: pg.Client;
let on: pg.Client;
before(async () => {
  await loadParser();
  const { superUrl } = await startPostgres();
  [off, on] = [new pg.Client(superUrl), new pg.Client(superUrl)];
  for (const client of [off, on]) {
    await client.connect();
    await client.query('set escape_string_warning = off; set statement_timeout = 5000');
  }
  await off.query('set standard_conforming_strings = off');
});
after(() => Promise.all([off?.end(), on?.end()]));

async function ask(client: pg.Client, text: string): Promise<Said> {
  try {
    const result: unknown = await client.query({ text, rowMode: 'array' });
    const results = (Array.isArray(result) ? result : [result]) as pg.QueryArrayResult[];
    return { rows: JSON.stringify(results.map(one => one.rows)) };
  } catch (error) {
    return { fault: error as NonNullable<Said['fault']> };
  }
}

/** The parts of the server that read a text before any of it runs. */
const READERS = new Set(['scan.l', 'gram.y', 'parser.c', 'mbutils.c']);

function ours(fault: SyntaxFault): object {
  const { message, position, hint, detail, sqlstate, source } = fault;
  return { code: sqlstate ?? '42601', message, position, hint, detail, routine: source?.routine };
}

function servers({ fault }: Said): object | null {
  if (fault === undefined || !READERS.has(fault.file ?? '')) return null;
  const { code, message, position, hint, detail, routine } = fault;
  return { code, message, position: position === undefined ? null : Number(position), hint, detail, routine };
}

test('a text made at random fails as at the server, or means the same, whatever standard_conforming_strings is', async () => {
  let respelled = 0;
  for (let i = 0; i < TEXTS; i++) {
    const text = textAtRandom();
    for (const escapes of [true, false]) {
      const parsed = parse(text, escapes);
      const said = await ask(escapes ? off : on, text);
      const how = `${escapes ? 'off' : 'on'}, text ${i} of seed ${SEED}: ${JSON.stringify(text)}`;
      assert.deepEqual('message' in parsed ? ours(parsed) : null, servers(said), how);
      const other = escapes && !('message' in parsed) ? respell(text) : null;
      if (other === null) continue;
      respelled++;
      const again = await ask(on, other.text);
      assert.deepEqual(
        [again.rows, again.fault?.code],
        [said.rows, said.fault?.code],
        `${how}: ${other.text}`,
      );
    }
  }
  assert.ok(respelled > TEXTS / 20, `only ${respelled} were spelled otherwise`);
});
