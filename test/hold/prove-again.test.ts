import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveAgain } from '#proxy/hold/prove.ts';
import type { Approval } from '#schemas/approval.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { heldApproval, NOW, requester } from './fixture.ts';

const asked: Approval = { ...heldApproval('ap_1'), releases: 'once' };
const granted = transition(asked, {
  kind: 'decide',
  signed: {
    decision: {
      approval: 'ap_1',
      digest: asked.digest,
      request: requestDigest(asked),
      verdict: 'approve',
      by: 'ann@example.com',
      groups: ['approvers'],
      reason: '',
      at: new Date(NOW).toISOString(),
    },
    keyId: 'k',
    algorithm: 'ES256',
    signature: '',
  },
});
const mallory = { ...requester, subject: 'mallory', email: 'mallory@example.com' };
const groups = () => [];

test('a grant is proven for the same principal with a newer token', () => {
  const later = { ...requester, expires: requester.expires + 3600, groups: [] };
  const proven = proveAgain(granted, later, groups);
  assert.equal(proven.state, 'approved');
  assert.deepEqual(proven.requester, later);
});

test('a grant that somebody has put under another principal’s key is nobody’s', () => {
  assert.throws(() => proveAgain(granted, mallory, groups), IllegalMove);
  // With its record rewritten to fit, the signature covers another request.
  assert.throws(() => proveAgain({ ...granted, requester: mallory }, mallory, groups), IllegalMove);
});

test('whoever approved as somebody else, and now asks with that e-mail, has approved for themself', () => {
  assert.throws(() => proveAgain(granted, { ...requester, email: 'ann@example.com' }, groups), /their own/);
});
