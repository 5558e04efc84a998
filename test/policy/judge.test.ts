import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from '#proxy/policy/judge.ts';
import { DEFAULT_DENY, INVARIANT } from '#schemas/verdict.ts';
import { allowing, policyWithRules } from './policies.ts';
import { BEGIN, COMMIT, EMPTY, REQUEST, statement, write } from './statements.ts';

const POLICY = policyWithRules(`
  - { name: no-hr, verdict: deny, message: not for agents, match: { effects: { reads: [hr.*] } } }
  - { name: deletes, verdict: hold, approvers: [dbas], quorum: 2, deadline: 90s, message: two eyes more,
      match: { effects: { anyCommand: [delete] } } }
  - { name: updates, verdict: hold, approvers: ['email:dba-1@example.com'], match: { effects: { anyCommand: [update] } } }
  - { name: reads, verdict: allow, match: { effects: { readOnly: true } } }
  - { name: shadowed, verdict: deny, match: { effects: { readOnly: true } } }
  - { name: transactions, verdict: allow, match: { effects: { commands: [transaction] } } }
`);
const DELETE = write({ commands: ['delete'] });
const UPDATE = write();

describe('one statement', () => {
  it('the first rule that matches counts', () => {
    assert.deepEqual(judge(POLICY, REQUEST, [statement()]), { kind: 'allow', rule: 'reads' });
    assert.deepEqual(judge(POLICY, REQUEST, [statement({ reads: ['hr.people'] })]), {
      kind: 'deny',
      rule: 'no-hr',
      message: 'not for agents',
    });
  });

  it('no rule is a denial', () => {
    const verdict = judge(POLICY, REQUEST, [statement({ commands: ['ddl'], readOnly: false })]);
    assert.equal(verdict.kind, 'deny');
    assert.equal(verdict.rule, DEFAULT_DENY);
  });

  it('a refusal of the analysis is a denial that no rule lifts', () => {
    const policy = allowing('{}');
    const refused = statement({}, { refusal: 'protected data would be stored in a table' });
    assert.deepEqual(judge(policy, REQUEST, [refused]), {
      kind: 'deny',
      rule: INVARIANT,
      message: 'protected data would be stored in a table',
    });
    const empty = statement({ commands: ['empty'], reads: [] }, { refusal: '' });
    assert.equal(judge(policy, REQUEST, [empty]).kind, 'deny', 'an empty sentence is a refusal too');
  });

  it('a hold says what it needs, in seconds', () => {
    assert.deepEqual(judge(POLICY, REQUEST, [DELETE]), {
      kind: 'hold',
      rule: 'deletes',
      message: 'two eyes more',
      requirements: [
        {
          rule: 'deletes',
          approvers: ['dbas'],
          quorum: 2,
          deadlineSeconds: 90,
          mode: 'wait',
          waitSeconds: 90,
          grantSeconds: 900,
          message: 'two eyes more',
        },
      ],
    });
  });
});

describe('a message of several statements', () => {
  it('deny is stricter than hold, hold than allow, wherever they stand', () => {
    const denied = statement({ commands: ['ddl'], readOnly: false });
    for (const order of [
      [denied, DELETE, statement()],
      [statement(), DELETE, denied],
      [DELETE, denied, statement()],
    ])
      assert.equal(judge(POLICY, REQUEST, order).kind, 'deny');
    for (const order of [
      [DELETE, statement()],
      [statement(), DELETE],
    ])
      assert.equal(judge(POLICY, REQUEST, order).kind, 'hold');
  });

  it('several hold rules are all asked for, each once', () => {
    const verdict = judge(POLICY, REQUEST, [DELETE, UPDATE, DELETE, statement(), UPDATE]);
    assert.ok(verdict.kind === 'hold');
    assert.equal(verdict.rule, 'deletes');
    assert.deepEqual(
      verdict.requirements.map(r => r.rule),
      ['deletes', 'updates'],
    );
    assert.equal(verdict.message, 'two eyes more; a human has to approve this statement');
  });

  it('the transaction that one statement opens is the one the next runs in', () => {
    const policy = policyWithRules(`
  - { name: transactions, verdict: allow, match: { effects: { commands: [transaction] } } }
  - { name: inside, verdict: allow, match: { effects: { inTransaction: true } } }
`);
    const allows = (...statements: Parameters<typeof judge>[2]) =>
      judge(policy, REQUEST, statements).kind === 'allow';
    assert.equal(allows(UPDATE), false);
    assert.equal(allows(BEGIN, UPDATE), true);
    assert.equal(allows(UPDATE, BEGIN), false);
    assert.equal(allows(BEGIN, UPDATE, COMMIT), true);
    assert.equal(allows(BEGIN, COMMIT, UPDATE), false);
    assert.equal(judge(policy, { ...REQUEST, inTransaction: true }, [COMMIT, UPDATE]).kind, 'deny');
  });
});

describe('statements that do nothing', () => {
  const nothing = policyWithRules('  []');

  it('comments and semicolons are allowed under any policy', () => {
    assert.deepEqual(judge(nothing, REQUEST, [EMPTY]), { kind: 'allow', rule: 'empty' });
    assert.equal(judge(POLICY, REQUEST, [EMPTY, statement()]).rule, 'reads');
    assert.equal(judge(POLICY, REQUEST, [EMPTY, DELETE]).kind, 'hold');
  });

  it('what calls itself empty and is not, is judged like anything else', () => {
    const liars = [
      statement({ commands: ['empty', 'select'], reads: [] }),
      statement({ commands: ['empty'], reads: ['public.orders'] }),
      statement({ commands: ['empty'], reads: [], writes: ['public.orders'] }),
      statement({ commands: ['empty'], reads: [], functions: ['public.f'] }),
      statement({ commands: ['empty'], reads: [], unknown: ['?'] }),
      statement({ commands: ['empty'], reads: [], outside: true }),
      statement({ commands: ['empty'], reads: [] }, { executes: 'p' }),
      statement({ commands: ['empty'], reads: [] }, { cursor: 'c' }),
      statement({ commands: ['empty'], reads: [] }, { actions: [{ kind: 'discard' }] }),
    ];
    for (const liar of liars)
      assert.equal(judge(nothing, REQUEST, [liar]).kind, 'deny', JSON.stringify(liar));
  });

  it('a message without any statement is not judged, and so denied', () => {
    assert.deepEqual(judge(allowing('{}'), REQUEST, []), {
      kind: 'deny',
      rule: INVARIANT,
      message: 'there is no statement to judge',
    });
  });
});
