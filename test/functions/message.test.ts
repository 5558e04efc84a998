import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocksFault } from '#cli/emulators/slack-limits.ts';
import { bindValue } from '#functions/console/page/binds.ts';
import { approvalMessage, FITS } from '#functions/slack/message.ts';
import { statementText } from '#functions/slack/statement-text.ts';
import { EMPTY, visible } from '#functions/slack/visible.ts';
import type { Approval } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import type { Parameter, Statement } from '#schemas/statement.ts';
import { effects, heldApproval, requirement, statement } from '#test/hold/fixture.ts';

const URL = 'https://console.example.com';
const shown = (more: Partial<Approval>) => approvalMessage({ ...heldApproval('ap_1'), ...more }, URL);
const has = (more: Partial<Approval>, action: string) =>
  JSON.stringify(shown(more).blocks).includes(`"action_id":"${action}"`);
const of = (text: string, more: Partial<Statement> = {}): Statement => ({
  ...statement,
  parameters: [],
  text,
  ...more,
});

test('the approve button is there exactly as long as every character can be read', () => {
  assert.equal(has({ statement: of('x'.repeat(FITS)) }, 'approve'), true);
  assert.equal(has({ statement: of('x'.repeat(FITS + 1)) }, 'approve'), false);
  // One hidden character takes the room of its name.
  assert.equal(has({ statement: of(`${'x'.repeat(FITS - 1)}\u202e`) }, 'approve'), false);
  const value = { format: 'text' as const, type: 25, value: 'v'.repeat(FITS) };
  assert.equal(has({ statement: of('select $1', { parameters: [value] }) }, 'approve'), false);
  assert.equal(has({ statement: of('x'.repeat(FITS + 1)) }, 'deny'), true);
});

/** All text of a message as a reader has it, without the isolates that only keep it in order. */
function read(blocks: unknown): string {
  if (Array.isArray(blocks)) return blocks.map(read).join('');
  if (typeof blocks !== 'object' || blocks === null) return '';
  const { text, url, elements } = blocks as { text?: unknown; url?: unknown; elements?: unknown };
  const own = typeof text === 'string' ? text : read(text);
  return `${own.replaceAll(/[\u2067\u2069]/g, '')}${typeof url === 'string' ? ` ${url}` : ''}${read(elements)}`;
}

/** What somebody has written, from what stands for it in a message. */
function meant(text: string): string {
  if (text === EMPTY) return '';
  return text
    .replaceAll(/[\u2067\u2069]/g, '')
    .replaceAll(/⟦U\+([0-9A-F]+)[^⟧]*⟧/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

/** The statement's text and its values, from the message alone. */
function derived(blocks: readonly Record<string, unknown>[]) {
  const [sql, values] = blocks
    .flatMap(b =>
      b.type === 'rich_text' ? (b.elements as { type: string; elements: { text: string }[] }[]) : [],
    )
    .filter(e => e.type === 'rich_text_preformatted')
    .map(e => e.elements.map(part => part.text).join(''));
  const lines = values === undefined ? [] : values.split('\n');
  return {
    sql: meant(sql ?? ''),
    values: lines.map((line, i) => {
      const begin = `$${i + 1} = `;
      assert.ok(line.startsWith(begin), line);
      const value = line.slice(begin.length);
      // A quote in a value is doubled: the first single one ends it.
      const end = value.startsWith("'") ? closing(value) : value.indexOf(' (');
      const bare = value.slice(0, end);
      return {
        type: value.slice(end + 2, -1),
        text: bare.startsWith("'") ? meant(bare.slice(1, -1).replaceAll("''", "'")) : bare,
        isNull: bare === 'NULL',
      };
    }),
  };
}

/** Where a quoted value ends, behind its quote. */
function closing(value: string): number {
  let at = 1;
  while (at < value.length && (value[at] !== "'" || value[at + 1] === "'")) at += value[at] === "'" ? 2 : 1;
  return at + 1;
}

const words = fc.oneof(
  { weight: 60, arbitrary: fc.string({ maxLength: 60 }) },
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5000 }) },
  fc.constantFrom('Ω'.repeat(3000)),
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      '',
      '<!channel> <!here> <@U1> @everyone <https://evil.example|ok> & < > *b* `c` ~d~',
      '⟦U+0041⟧ ⟦empty⟧ [U+202E RLO]',
      '\u202edrop\u2066 table\u2069 \u200bx\u200d\u00ad\ufeff',
      'שלום 5, (עולם)',
      "a'\n$2 = 'b",
      'x\nWhere prod, database shop',
      'n'.repeat(63),
    ),
  },
);
const names = fc.oneof(
  { weight: 30, arbitrary: fc.array(words, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(words, { maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constant(Array.from({ length: 900 }, (_, i) => `public.t${i}`)) },
);
const parameter: fc.Arbitrary<Parameter> = fc.oneof(
  fc.record({
    format: fc.constant('text' as const),
    type: fc.constantFrom(0, 16, 23, 25, 1700, 1042, 99999),
    value: fc.oneof(words, fc.constantFrom('7', '-1.5e9', 'NULL', 'null', '7 (int4)'), fc.constant(null)),
  }),
  fc.record({
    format: fc.constant('binary' as const),
    type: fc.constantFrom(0, 17, 20, 23, 25, 701, 2950, 3802),
    value: fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64')),
  }),
);
const parameters = fc.oneof(
  { weight: 5, arbitrary: fc.array(parameter, { maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 100, max: 1500 })
      .map(n => Array<Parameter>(n).fill({ format: 'binary', type: 17, value: 'AAEC' })),
  },
);
const effect: fc.Arbitrary<Effects> = fc
  .tuple(names, names, names, fc.array(words, { maxLength: 3 }))
  .map(([reads, writes, functions, unknown]) => ({ ...effects, reads, writes, functions, unknown }));
const request: fc.Arbitrary<Approval> = fc
  .record({
    sql: words,
    parameters,
    many: fc.oneof(
      { weight: 5, arbitrary: fc.array(effect, { minLength: 1, maxLength: 3 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 50, max: 600 }).map(n => Array<Effects>(n).fill(effects)),
      },
    ),
    rules: fc.array(fc.tuple(words, words, fc.array(words, { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 3,
    }),
    who: words,
    issuer: words,
    run: fc.oneof(words, fc.constant('https://ci.example.com/run/7')),
    path: words,
    target: words,
  })
  .map(({ sql, parameters: values, many, rules, who, issuer, run, path, target }) => ({
    ...heldApproval(
      'ap_1',
      rules.map(([rule, message, approvers]) => requirement({ rule, message, approvers })),
    ),
    target,
    requester: { issuer, subject: who, groups: [], expires: 0, run },
    statement: of(sql, { parameters: values, settings: { search_path: path } }),
    effects: many,
  }));

test('whatever is asked, either all of it can be read from the message, or nobody can approve it there', () => {
  let offered = 0;
  fc.assert(
    fc.property(request, approval => {
      const { blocks } = approvalMessage(approval, URL);
      assert.equal(blocksFault({ text: 't', blocks }), null, JSON.stringify(blocks).slice(0, 500));
      const all = read(blocks);
      assert.ok(JSON.stringify(blocks).includes('"action_id":"deny"'));
      if (!JSON.stringify(blocks).includes('"action_id":"approve"')) {
        assert.ok(all.includes(`Read all of it, and approve it there ${URL}/#ap_1`));
        return;
      }
      offered += 1;
      const { sql, values } = derived(blocks as never);
      assert.equal(sql, approval.statement.text);
      assert.deepEqual(
        values,
        approval.statement.parameters.map(one => {
          const { type, text, kind } = bindValue(one);
          return { type, text, isNull: kind === 'null' };
        }),
      );
      const { requester, requirements, effects: touched, target, statement: asked } = approval;
      const said = [
        requester.subject,
        requester.issuer,
        target,
        asked.database,
        asked.role,
        asked.settings.search_path!,
        ...requirements.flatMap(r => [
          r.rule,
          ...r.message.split('\n'),
          ...r.approvers.map(a => a.replace(/^email:/, '')),
        ]),
        ...touched.flatMap(e => [...e.commands, ...e.reads, ...e.writes, ...e.functions, ...e.unknown]),
      ];
      for (const one of said) {
        const how = visible(one, true).replaceAll(/[\u2067\u2069]/g, '');
        assert.ok(all.includes(how), `${JSON.stringify(one)} is not in the message`);
      }
    }),
    { numRuns: 250 },
  );
  assert.ok(offered > 20, `only ${offered} messages had a button to look at`);
});

test('whatever state it is in and whatever people say about it, Slack takes the message', () => {
  fc.assert(
    fc.property(request, fc.array(words, { maxLength: 40 }), (approval, reasons) => {
      const decisions = reasons.map((reason, i) => ({
        decision: {
          approval: 'ap_1',
          digest: approval.digest,
          verdict: 'approve' as const,
          by: `${reason}${i}@example.com`,
          groups: [],
          reason: reason.repeat(3).slice(0, 2000),
          at: approval.createdAt,
        },
        keyId: '',
        algorithm: 'ES256' as const,
        signature: '',
      }));
      for (const state of ['held', 'approved', 'denied', 'expired', 'withdrawn', 'executed'] as const)
        for (const releases of ['parked', 'once'] as const) {
          const built = approvalMessage(
            { ...approval, state, releases, decisions, outcome: reasons.join() },
            URL,
            { status: 'ok', rows: 7, sqlstate: '' },
          );
          assert.equal(blocksFault({ ...built }), null, JSON.stringify(built).slice(0, 500));
        }
    }),
    { numRuns: 40 },
  );
});

test('hundreds of statements, thousands of values and huge names leave a message without an approve button', () => {
  const many = Array<Effects>(300).fill({ ...effects, writes: ['public.orders'] });
  assert.equal(has({ effects: many }, 'approve'), false);
  const values = Array<Parameter>(4000).fill({ format: 'binary', type: 17, value: 'AAEC' });
  assert.equal(has({ statement: of('select $1', { parameters: values }) }, 'approve'), false);
  const long = [{ ...effects, writes: [`public.${'x'.repeat(3001)}`] }];
  assert.equal(has({ effects: long }, 'approve'), false);
  const rules = Array.from({ length: 60 }, (_, i) =>
    requirement({ rule: `rule-${i}`, message: 'm'.repeat(200) }),
  );
  assert.equal(has({ requirements: rules }, 'approve'), false);
  assert.equal(has({ effects: many.slice(0, 5) }, 'approve'), true);
});

test('nobody’s name begins another fact of the message', () => {
  const sly = 'ci\nWhere staging, database sandbox';
  const text = read(shown({ requester: { ...heldApproval('x').requester, subject: sly } }).blocks);
  assert.ok(!text.includes('\nWhere staging'));
  assert.ok(text.includes('ci⟦U+000A LF⟧Where staging'));
});

test('letters from right to left turn round nothing that stands beside them', () => {
  const { sql } = statementText(of("update t set a = 'שלום', b = (5)"), FITS);
  assert.equal(sql, "update t set a = '\u2067שלום\u2069', b = (5)");
});

test('two statements that differ never show the same', () => {
  const value = (v: string | null, type = 25) => ({ format: 'text' as const, type, value: v });
  const pairs: [Statement, Statement][] = [
    [of('select 1'), of('select\u00a01')],
    [of('select 1'), of('select\u200b 1')],
    [of('select \u202e'), of('select ⟦U+202E RLO⟧')],
    [of(''), of('⟦empty⟧')],
    [
      of('select $1', { parameters: [value('a\n$2 = 5')] }),
      of('select $1', { parameters: [value('a'), value('5')] }),
    ],
    [of('select $1', { parameters: [value(null)] }), of('select $1', { parameters: [value('NULL')] })],
    [
      of('select $1', { parameters: [value(null, 23)] }),
      of('select $1', { parameters: [value('NULL', 23)] }),
    ],
    [of('select $1', { parameters: [value("a'")] }), of('select $1', { parameters: [value('a')] })],
  ];
  for (const [a, b] of pairs) assert.notDeepEqual(statementText(a, FITS), statementText(b, FITS));
});

test('only an https address of the run becomes a link', () => {
  const run = (address: string) =>
    JSON.stringify(shown({ requester: { ...heldApproval('x').requester, run: address } }).blocks).includes(
      '"type":"link"',
    );
  assert.equal(run('https://ci.example.com/run/7'), true);
  for (const bad of ['http://ci.example.com', 'javascript:alert(1)', 'slack://open', 'https:', ''])
    assert.equal(run(bad), false, bad);
});

test('revoke is offered while a grant stands, and for nothing else', () => {
  assert.equal(has({ state: 'approved', releases: 'once' }, 'revoke'), true);
  assert.equal(has({ state: 'approved', releases: 'session' }, 'revoke'), true);
  assert.equal(has({ state: 'approved', releases: 'parked' }, 'revoke'), false);
  assert.equal(has({ state: 'executed', releases: 'once' }, 'revoke'), false);
});
