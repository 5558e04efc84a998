import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailbox } from '#schemas/email.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { heldApproval, NOW, requester, requirement } from './fixture.ts';

const approved = (approval: ReturnType<typeof heldApproval>, by: string, account?: string) =>
  transition(approval, {
    kind: 'decide',
    signed: {
      decision: {
        approval: approval.id,
        digest: approval.digest,
        request: requestDigest(approval),
        verdict: 'approve',
        by,
        ...(account === undefined ? {} : { account }),
        groups: ['approvers'],
        reason: '',
        at: new Date(NOW).toISOString(),
      },
      keyId: '',
      algorithm: 'ES256',
      signature: '',
    },
  });

test('a requester who writes to themself with a plus is still the requester', () => {
  assert.throws(() => approved(heldApproval('ap_1'), 'dev+slack@example.com'), IllegalMove);
});

test('a requester whose issuer vouches for no e-mail is the requester by the one that it names', () => {
  const { email: _, ...unknown } = requester;
  const asked = { ...heldApproval('ap_1'), requester: unknown };
  assert.equal(approved(asked, 'dev@example.com').state, 'approved', 'nobody can tell that they are one');
  const claimed = { ...unknown, claimedEmails: ['ann@example.com', 'dev+ci@example.com'] };
  const told = { ...asked, requester: claimed };
  for (const by of ['dev@example.com', 'ann+x@example.com'])
    assert.throws(() => approved(told, by), /their own statement/);
  assert.equal(approved(told, 'bob@example.com').state, 'approved');
});

test('an approver with two addresses of one mailbox is one person of a quorum', () => {
  const first = approved(heldApproval('ap_1', [requirement({ quorum: 2 })]), 'ann@example.com');
  assert.throws(() => approved(first, 'ann+two@example.com'), /already decided/);
  assert.equal(approved(first, 'bob@example.com').state, 'approved');
});

test('an approver whose account gets another e-mail between two presses is one person', () => {
  const asked = heldApproval('ap_1', [requirement({ quorum: 2 })]);
  const first = approved(asked, 'ann@example.com', 'slack:T1/U1');
  assert.throws(() => approved(first, 'bob@example.com', 'slack:T1/U1'), /already decided/);
  assert.equal(approved(first, 'bob@example.com', 'slack:T1/U2').state, 'approved');
});

test('what tells people apart leaves different mailboxes apart', () => {
  assert.equal(mailbox('Ann+a+b@Example.com'), 'ann@example.com');
  for (const whole of ['+ann@example.com', 'ann@ex+ample.com', 'ci+7', 'ann'])
    assert.equal(mailbox(whole), whole);
});
