import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Approval, Requirement } from '#schemas/approval.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { heldApproval, NOW, requirement } from './fixture.ts';

const PEOPLE = [
  'ann@example.com',
  'bob@example.com',
  'cat@example.com',
  'dev@example.com',
  'ci-7',
  'Ann@example.com',
];
const GROUPS = ['approvers', 'owners', 'agents'];

const requirements = fc.array(
  fc.record({
    rule: fc.constantFrom('a', 'b'),
    approvers: fc.uniqueArray(
      fc.constantFrom('approvers', 'owners', 'email:ann@example.com', 'email:BOB@example.com'),
      {
        minLength: 1,
      },
    ),
    quorum: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 2 },
);

const decision = fc.record({
  approval: fc.constantFrom('ap_1', 'ap_1', 'ap_1', 'ap_2'),
  digest: fc.constantFrom('right', 'right', 'right', 'wrong'),
  request: fc.constantFrom('right', 'right', 'right', 'wrong'),
  verdict: fc.constantFrom('approve', 'approve', 'approve', 'deny'),
  by: fc.constantFrom(...PEOPLE),
  groups: fc.uniqueArray(fc.constantFrom(...GROUPS)),
  late: fc.constantFrom(false, false, false, true),
});

const event = fc.oneof(
  { weight: 6, arbitrary: decision.map(d => ({ kind: 'decide' as const, d })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'execute' as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: 'expire' as const }, { kind: 'withdraw' as const, why: 'gone' }),
  },
);

const isApprover = (r: Requirement, d: Decision) =>
  r.approvers.some(a => (a.startsWith('email:') ? a.slice(6).toLowerCase() === d.by : d.groups.includes(a)));

test('no sequence of events executes without its quorum of distinct eligible people who are not the requester, and none executes twice', () => {
  let executed = 0;
  fc.assert(
    fc.property(requirements, fc.array(event, { maxLength: 14 }), (asked, events) => {
      let approval: Approval = heldApproval(
        'ap_1',
        asked.map(r => requirement(r)),
      );
      const { digest } = approval;
      const accepted: Decision[] = [];
      let executions = 0;
      for (const e of events) {
        const before = approval;
        const move: HoldEvent = e.kind === 'decide' ? { kind: 'decide', signed: signed(e.d, approval) } : e;
        try {
          approval = transition(approval, move);
        } catch (error) {
          assert(error instanceof IllegalMove);
          assert.equal(approval, before);
          continue;
        }
        if (move.kind === 'decide') accepted.push(move.signed.decision);
        if (move.kind !== 'execute') continue;
        executions += 1;
        executed += 1;
        // Said again in other words than the code's: what a release stands on.
        assert(accepted.every(d => d.verdict === 'approve' && d.digest === digest && d.approval === 'ap_1'));
        assert(accepted.every(d => Date.parse(d.at) <= Date.parse(approval.deadline)));
        assert(
          accepted.every(d => d.by !== 'dev@example.com' && d.by !== 'ci-7' && d.by === d.by.toLowerCase()),
        );
        for (const r of approval.requirements) {
          const people = new Set(accepted.filter(d => isApprover(r, d)).map(d => d.by));
          assert(people.size >= r.quorum, `${people.size} people for a quorum of ${r.quorum}`);
        }
      }
      assert(executions <= 1);
    }),
    { numRuns: 5000, seed: 7 },
  );
  assert(executed > 100, `the property looked at ${executed} executions only`);
});

test('a hold that has ended never moves again, except that a claimed grant can be given back unused', () => {
  for (const state of ['denied', 'expired', 'withdrawn', 'executed', 'approved'] as const) {
    const ended = { ...heldApproval('ap_1'), state };
    const events: HoldEvent[] = [
      { kind: 'decide', signed: signed({ ...SAMPLE, by: 'bob@example.com' }, ended) },
      { kind: 'expire' },
      { kind: 'withdraw', why: 'nothing was sent' },
      { kind: 'execute' },
    ];
    const legal = events.filter(e => {
      try {
        transition(ended, e);
        return true;
      } catch {
        return false;
      }
    });
    const expected = { approved: ['withdraw', 'execute'], executed: ['withdraw'] }[state as string] ?? [];
    assert.deepEqual(
      legal.map(e => e.kind),
      expected,
      state,
    );
  }
});

const SAMPLE = {
  approval: 'ap_1',
  digest: 'right',
  request: 'right',
  verdict: 'approve' as const,
  by: 'ann@example.com',
  groups: ['approvers'],
  late: false,
};

function signed(d: { [K in keyof typeof SAMPLE]: unknown }, of: Approval): SignedDecision {
  const { late, ...rest } = d;
  const at = new Date(NOW + (late === true ? 600_001 : 1000)).toISOString();
  const decision = {
    ...rest,
    digest: d.digest === 'right' ? of.digest : '0'.repeat(64),
    request: d.request === 'right' ? requestDigest(of) : '0'.repeat(64),
    reason: '',
    at,
  } as Decision;
  return { decision, keyId: 'k', algorithm: 'Ed25519', signature: '' };
}
