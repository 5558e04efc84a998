import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { statementDigest } from '#schemas/statement.ts';
import { holdFixture, requester, requirement, settle, statement } from './fixture.ts';

const f = holdFixture();
after(() => f.close());

test('an approved statement is released once, with the decisions that did it', async () => {
  const parked = f.park();
  await parked.opened();
  assert.equal(await f.stateOf(parked.id), 'held');
  assert.equal(f.holds.size, 1);
  await f.approve(parked.id);
  const result = await parked.ended();
  assert(result.kind === 'released');
  assert.equal(result.why, 'approved by ann@example.com');
  assert.deepEqual(parked.decided, [{ by: 'ann@example.com', verified: true }]);
  assert.equal(result.decisions[0]?.decision.digest, statementDigest(statement));
  assert.equal(await f.stateOf(parked.id), 'executed');
  await settle();
  assert.equal(parked.results.length, 1);
  assert.equal(f.holds.size, 0);
});

test('a withdrawal after the release is too late, and says so', async () => {
  const parked = f.park();
  await parked.opened();
  await f.approve(parked.id);
  await parked.ended();
  assert.equal(parked.hold.withdraw('gone', 'hold_withdrawn'), false);
  await settle();
  assert.equal(await f.stateOf(parked.id), 'executed');
});

test('a released statement of which nothing was sent does not stay as executed', async () => {
  const parked = f.park();
  await parked.opened();
  await f.approve(parked.id);
  await parked.ended();
  parked.hold.notForwarded('the ledger could not be written');
  await settle();
  const approval = await f.book.get(parked.id);
  assert.equal(approval?.state, 'withdrawn');
  assert.equal(approval?.outcome, 'the ledger could not be written');
  assert.equal(await f.book.claim(parked.id, parked.hold.approval.digest), false, 'the grant stays spent');
});

test('a denial refuses with the denier and the reason in DETAIL and the id in the HINT', async () => {
  const parked = f.park();
  await parked.opened();
  await f.deny(parked.id, 'bob@example.com', 'not on a Friday');
  const result = await parked.ended();
  assert(result.kind === 'refused');
  assert.equal(result.state, 'denied');
  assert.equal(result.fault.code, 'hold_denied');
  assert.equal(result.fault.sqlstate, '42501');
  assert.equal(result.fault.message, 'not approved (rule deletes)');
  assert.equal(result.fault.detail, 'denied by bob@example.com: not on a Friday');
  assert.match(result.fault.hint ?? '', new RegExp(parked.id));
  await settle();
  assert.equal(await f.stateOf(parked.id), 'denied');
});

test('a quorum needs that many people, and one denial among them ends it', async () => {
  const both = f.park({ requirements: [requirement({ quorum: 2 })] });
  await both.opened();
  await f.approve(both.id);
  await assert.rejects(f.approve(both.id), /already decided; each person counts once/);
  await assert.rejects(f.approve(both.id, 'ANN@example.com '), /already decided/);
  await settle();
  assert.equal(both.results.length, 0);
  await f.approve(both.id, 'bob@example.com');
  assert.equal((await both.ended()).kind, 'released');

  const split = f.park({ requirements: [requirement({ quorum: 2 })] });
  await split.opened();
  await f.approve(split.id);
  await f.deny(split.id, 'bob@example.com');
  assert.equal((await split.ended()).state, 'denied');
});

test('every rule that holds the message needs its own approvers', async () => {
  const requirements = [requirement(), requirement({ rule: 'money', approvers: ['owners'] })];
  const parked = f.park({ requirements });
  await parked.opened();
  await f.approve(parked.id, 'bob@example.com');
  await settle();
  assert.equal(parked.results.length, 0, 'bob is no owner');
  await f.approve(parked.id);
  assert.equal((await parked.ended()).kind, 'released');
});

test('neither the requester nor a stranger decides', async () => {
  const parked = f.park();
  await parked.opened();
  await assert.rejects(f.approve(parked.id, 'dev@example.com'), /the requester cannot decide/);
  await assert.rejects(f.approve(parked.id, 'DEV@Example.com'), /the requester cannot decide/);
  await assert.rejects(f.approve(parked.id, 'eve@example.com'), /not among the approvers/);
  await assert.rejects(f.approve('ap_0000000000'), /there is no approval/);
  await settle();
  assert.equal(await f.stateOf(parked.id), 'held');
  assert.equal(parked.results.length, 0);
  parked.hold.withdraw('end of test', 'hold_withdrawn');
});

test('a requester by subject alone does not decide either', async () => {
  const { email: _, ...nameless } = requester;
  const parked = f.park({ requester: { ...nameless, subject: 'bob@example.com' } });
  await parked.opened();
  await assert.rejects(f.approve(parked.id, 'bob@example.com'), /the requester cannot decide/);
  parked.hold.withdraw('end of test', 'hold_withdrawn');
});

test('the shortest deadline among the rules is the hold’s', async () => {
  const parked = f.park({ requirements: [requirement(), requirement({ deadlineSeconds: 60 })] });
  const { createdAt, deadline } = parked.hold.approval;
  assert.equal(Date.parse(deadline) - Date.parse(createdAt), 60_000);
  parked.hold.withdraw('end of test', 'hold_withdrawn');
});

test('a shutdown withdraws every hold', async () => {
  const parked = [f.park(), f.park(), f.park()];
  await Promise.all(parked.map(p => p.opened()));
  f.holds.withdrawAll('the proxy is stopping');
  assert.equal(f.holds.size, 0);
  await settle();
  for (const p of parked) {
    assert(p.results[0]?.kind === 'refused');
    assert.equal(p.results[0].fault.sqlstate, '57P01');
    assert.equal(await f.stateOf(p.id), 'withdrawn');
  }
});

test('a thousand parked statements are released, each by its own approval', async () => {
  const parked = Array.from({ length: 1000 }, () => f.park());
  await Promise.all(parked.map(p => p.opened()));
  assert.equal(f.holds.size, 1000);
  assert.equal(new Set(parked.map(p => p.id)).size, 1000);
  for (const p of parked) await f.approve(p.id);
  await Promise.all(parked.map(p => p.ended()));
  assert(parked.every(p => p.results[0]?.kind === 'released' && p.results.length === 1));
  assert.equal(f.holds.size, 0);
});
