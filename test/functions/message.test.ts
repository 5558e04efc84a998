import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocksFault } from '#cli/emulators/slack-limits.ts';
import { approvalMessage, FITS } from '#functions/slack/message.ts';
import { statementText } from '#functions/slack/statement-text.ts';
import type { Approval } from '#schemas/approval.ts';
import type { Statement } from '#schemas/statement.ts';
import { heldApproval, requirement, statement } from '#test/hold/fixture.ts';

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

test('whatever the agent and the policy put in, Slack takes the message', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 4000 }),
    fc.constant(''),
  );
  const names = fc.array(fc.string({ maxLength: 80 }), { maxLength: 60 });
  fc.assert(
    fc.property(
      text,
      names,
      text,
      text,
      fc.array(text, { maxLength: 5 }),
      (sql, list, who, message, values) => {
        const base = heldApproval('ap_1', [requirement({ rule: who, message, approvers: ['a', who] })]);
        const approval: Approval = {
          ...base,
          target: who,
          requester: { ...base.requester, subject: who, issuer: message, run: message },
          statement: of(sql, { parameters: values.map(value => ({ format: 'text', type: 25, value })) }),
          effects: [{ ...base.effects[0]!, writes: list, reads: list, unknown: list.slice(0, 3) }],
        };
        for (const state of ['held', 'approved', 'denied', 'expired', 'withdrawn', 'executed'] as const) {
          const built = approvalMessage({ ...approval, state, outcome: message }, URL);
          assert.equal(blocksFault({ ...built }), null, JSON.stringify(built).slice(0, 500));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('two statements that differ never show the same', () => {
  const value = (v: string | null) => ({ format: 'text' as const, type: 25, value: v });
  const pairs: [Statement, Statement][] = [
    [of('select 1'), of('select\u00a01')],
    [of('select 1'), of('select\u200b 1')],
    [
      of('select $1', { parameters: [value('a\n$2 = 5')] }),
      of('select $1', { parameters: [value('a'), value('5')] }),
    ],
    [of('select $1', { parameters: [value(null)] }), of('select $1', { parameters: [value('NULL')] })],
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
