import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '#schemas/approval.ts';
import { fromDocument, toDocument } from '#schemas/approval-document.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { grantEnd, grantKey } from '#schemas/grant.ts';
import { type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { heldApproval, NOW, requester, requirement } from './fixture.ts';

const grant = (releases: Approval['releases'] = 'once', asked = [requirement({ quorum: 2 })]): Approval => ({
  ...heldApproval('ap_1', asked),
  releases,
});

const decided = (verdict: Decision['verdict'], by: string, at: number, of = grant()): HoldEvent => {
  const decision: Decision = {
    approval: 'ap_1',
    digest: heldApproval('ap_1').digest,
    request: requestDigest(of),
    verdict,
    by,
    groups: ['approvers'],
    reason: '',
    at: new Date(at).toISOString(),
  };
  const signed: SignedDecision = { decision, keyId: 'k', algorithm: 'ES256', signature: '' };
  return { kind: 'decide', signed };
};

const approved = (releases?: Approval['releases']): Approval =>
  [
    decided('approve', 'ann@example.com', NOW + 1000, grant(releases)),
    decided('approve', 'bob@example.com', NOW + 9000, grant(releases)),
  ].reduce(transition, grant(releases));

test('a grant lasts from the decision that completed the quorum, and only while it stands', () => {
  assert.equal(grantEnd(grant()), null);
  assert.equal(grantEnd(approved()), NOW + 9000 + 600_000);
  const shorter = { ...approved(), requirements: [requirement(), requirement({ grantSeconds: 5 })] };
  assert.equal(grantEnd(shorter), NOW + 14_000);
  assert.equal(grantEnd(transition(approved(), decided('revoke', 'bob@example.com', NOW + 10_000))), null);
  assert.equal(grantEnd(transition(approved(), { kind: 'execute' })), null);
});

test('what is approved can be revoked by an approver, also after the deadline for deciding, and by nobody else', () => {
  const late = NOW + 3_600_000;
  const revoked = transition(approved(), decided('revoke', 'ann@example.com', late));
  assert.equal(revoked.state, 'withdrawn');
  assert.equal(revoked.outcome, 'revoked by ann@example.com');
  assert.throws(() => transition(approved(), decided('revoke', 'dev@example.com', late)), IllegalMove);
  for (const state of ['held', 'denied', 'expired', 'withdrawn', 'executed'] as const)
    assert.throws(
      () => transition({ ...approved(), state }, decided('revoke', 'ann@example.com', late)),
      IllegalMove,
      state,
    );
});

test('a session grant is not used up by a session, and a grant that outlives its connection expires', () => {
  assert.throws(() => transition(approved('session'), { kind: 'execute' }), IllegalMove);
  assert.equal(transition(approved('session'), { kind: 'expire' }).state, 'expired');
  assert.equal(transition(approved('once'), { kind: 'expire' }).state, 'expired');
  assert.throws(() => transition(approved('parked'), { kind: 'expire' }), IllegalMove);
});

test('a grant is found by its statement and its principal, each of them', () => {
  const { statement } = grant();
  const key = grantKey(statement, requester);
  assert.notEqual(key, grantKey(statement, { ...requester, subject: 'ci-8' }));
  assert.notEqual(key, grantKey(statement, { ...requester, issuer: 'https://other.example' }));
  assert.notEqual(key, grantKey({ ...statement, text: `${statement.text} ` }, requester));
  // What it reaches is compared once it is found.
  assert.equal(key, grantKey({ ...statement, definitions: '0'.repeat(64) }, requester));
});

test('an approval comes back from its document as it went in, and a document of another form is named', () => {
  const value = approved();
  const document = toDocument(value, { instance: 'i-1', grantKey: 'k', due: 1 });
  assert.deepEqual(fromDocument('ap_1', document), value);
  assert.throws(() => fromDocument('ap_2', document), /approval ap_2 cannot be read: it is about another/);
  assert.throws(() => fromDocument('ap_1', { ...document, state: 'allowed' }), /does not have its form/);
  assert.throws(() => fromDocument('ap_1', { ...document, body: '{' }), /cannot be read/);
});
