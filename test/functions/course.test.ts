import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { courses } from '#functions/course.ts';
import type { Course, Execution } from '#functions/ports.ts';
import type { Approval, Releases } from '#schemas/approval.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { endedBy } from '#schemas/revocation.ts';
import { heldApproval, NOW, requirement } from '#test/hold/fixture.ts';

const DAY = 24 * 3_600_000;

function approved(releases: Releases): Approval {
  const asked: Approval = { ...heldApproval('ap_1', [requirement()]), releases };
  return transition(asked, { kind: 'decide', signed: said(asked, 'approve', 'ann@example.com') });
}

function said(asked: Approval, verdict: Decision['verdict'], by: string): SignedDecision {
  const decision: Decision = {
    approval: asked.id,
    digest: asked.digest,
    request: requestDigest(asked),
    verdict,
    by,
    groups: ['approvers'],
    reason: '',
    at: new Date(NOW + 1000).toISOString(),
  };
  return { decision, keyId: 'k', algorithm: 'ES256', signature: '' };
}

type Told = (course: Course) => Course;
const forward: Told = course => courses.forwarded(course);
const ran =
  (execution: Execution): Told =>
  course =>
    courses.ran(course, execution);
const withdraw: Told = course => courses.ended(course, { kind: 'withdraw', why: 'its agent had gone' });
const expire: Told = course => courses.ended(course, { kind: 'expire' });
const revoke: Told = course => ({
  ...course,
  approval: endedBy(course.approval, said(course.approval, 'revoke', 'bob@example.com')),
});
const clock: Told = course => courses.due(course, NOW + DAY);

/** Everything of `told`, each at least once, in any order. */
const deliveries = (told: readonly Told[]) =>
  fc
    .array(fc.nat(told.length - 1), { maxLength: 6 })
    .chain(again =>
      fc.shuffledSubarray([...told, ...again.map(i => told[i]!)], { minLength: told.length + again.length }),
    );

const outcomes: Execution[] = (['ok', 'error', 'skipped', 'lost'] as const).map(status => ({
  status,
  rows: status === 'ok' ? 3 : 0,
  sqlstate: status === 'error' ? '23505' : '',
}));

for (const releases of ['parked', 'once'] as const) {
  const start: Course = { approval: approved(releases), execution: null };
  const settled = (told: readonly Told[]) => told.reduce((course, tell) => tell(course), start);
  const always = (told: readonly Told[], check: (course: Course) => void) =>
    fc.assert(
      fc.property(deliveries(told), order => check(settled(order))),
      { numRuns: 400, seed: 5 },
    );

  test(`${releases}: what has run is shown as run, whatever else is told of it, in any order and however often`, () => {
    for (const execution of outcomes)
      for (const others of [
        [],
        [forward],
        [forward, withdraw],
        [forward, expire, clock],
        [withdraw, expire, clock],
        [forward, revoke, withdraw],
      ])
        always([ran(execution), ...others], ({ approval, execution: shown }) => {
          assert.equal(approval.state, 'executed');
          assert.equal(approval.outcome, 'approved by ann@example.com, then released to the server');
          assert.deepEqual(shown, execution);
        });
  });

  test(`${releases}: what was never sent is withdrawn with the proxy's reason, whatever the clock says`, () => {
    for (const others of [[], [forward], [clock], [forward, clock]])
      always([withdraw, ...others], ({ approval, execution }) => {
        assert.deepEqual([approval.state, approval.outcome], ['withdrawn', 'its agent had gone']);
        assert.equal(execution, null);
      });
  });

  test(`${releases}: what was forwarded, and nobody tells how it ended, was used: the clock says nothing else`, () => {
    always([forward, clock], ({ approval, execution }) => {
      assert.equal(approval.state, 'executed');
      assert.equal(execution, null);
    });
    always([clock], ({ approval }) =>
      assert.equal(approval.state, releases === 'parked' ? 'withdrawn' : 'expired'),
    );
  });
}

test('a connection that was lost is corrected by whoever knows the outcome, and never the other way', () => {
  const start: Course = { approval: approved('once'), execution: null };
  const [ok, , , lost] = outcomes;
  for (const order of [
    [lost!, ok!],
    [ok!, lost!],
    [lost!, ok!, lost!],
  ])
    assert.equal(order.reduce(courses.ran, start).execution?.status, 'ok');
});

test('a session that runs uses no approval up', () => {
  const start: Course = { approval: approved('session'), execution: null };
  assert.equal(courses.ran(courses.forwarded(start), outcomes[0]!), start);
});
