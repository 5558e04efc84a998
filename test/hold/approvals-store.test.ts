import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LocalApprovals, PROXY_STOPPED } from '#functions/local/approvals.ts';
import { openApprovalsReader } from '#functions/local/approvals-reader.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import type { Approval } from '#schemas/approval.ts';
import { heldApproval, holdFixture, NOW, requirement, settle } from './fixture.ts';

let f: ReturnType<typeof holdFixture>;
beforeEach(() => {
  f = holdFixture();
});
afterEach(() => f.close());

const reopen = () => {
  f.close();
  f.book = new LocalApprovals({ path: f.path, signer: f.signer, groupsOf: f.groupsOf, clock: f.clock });
  f.close = () => f.book.close();
};

test('what an earlier process left open is withdrawn at the next start; what had ended stays as it was', async () => {
  for (const id of ['ap_held', 'ap_approved', 'ap_denied', 'ap_used', 'ap_expired'])
    await f.book.open(heldApproval(id));
  await f.approve('ap_approved');
  await f.deny('ap_denied');
  await f.approve('ap_used');
  assert.equal(await f.book.claim('ap_used', heldApproval('x').digest), true);
  await f.book.end('ap_expired', { kind: 'expire' });
  reopen();
  const all = await f.book.list({ all: true });
  assert.deepEqual(Object.fromEntries(all.map(a => [a.id, a.state])), {
    ap_held: 'withdrawn',
    ap_approved: 'withdrawn',
    ap_denied: 'denied',
    ap_used: 'executed',
    ap_expired: 'expired',
  });
  assert.equal((await f.book.get('ap_held'))?.outcome, PROXY_STOPPED);
  assert.equal((await f.book.get('ap_approved'))?.decisions.length, 1, 'its decisions stay on record');
  const late = { by: 'ann@example.com', verdict: 'approve', reason: '' } as const;
  await assert.rejects(f.book.decide('ap_held', late), /is withdrawn/);
  assert.equal(await f.book.claim('ap_approved', heldApproval('x').digest), false);
  assert.equal(await f.book.claim('ap_used', heldApproval('x').digest), false);
});

test('a grant is claimed by one caller, only when approved, only with its digest', async () => {
  const held = heldApproval('ap_1');
  await f.book.open(held);
  assert.equal(await f.book.claim('ap_1', held.digest), false);
  await f.approve('ap_1');
  assert.equal(await f.book.claim('ap_1', 'a'.repeat(64)), false);
  assert.equal(await f.book.claim('ap_2', held.digest), false);
  const claims = await Promise.all(Array.from({ length: 20 }, () => f.book.claim('ap_1', held.digest)));
  assert.equal(claims.filter(c => c).length, 1);
});

test('opening is idempotent, but an id never stands for two statements', async () => {
  const held = heldApproval('ap_1');
  await f.book.open(held);
  await f.approve('ap_1');
  await f.book.open(held);
  assert.equal(await f.stateOf('ap_1'), 'approved');
  const other = { ...held, digest: 'a'.repeat(64) };
  await assert.rejects(f.book.open(other), { code: 'hold_unavailable' });
  await assert.rejects(f.book.open({ ...heldApproval('ap_2'), state: 'approved' }), {
    code: 'hold_unavailable',
  });
  assert.equal(await f.book.get('ap_2'), null);
});

test('an approval comes back as it went in, every character of it', async () => {
  const text = "select 'é\u0000\u202e\ud83d\ude00\"\\ \n-- '";
  const held = heldApproval('ap_1');
  const odd: Approval = {
    ...held,
    statement: { ...held.statement, text, parameters: [{ format: 'binary', type: 17, value: 'AAEC' }] },
  };
  await f.book.open(odd);
  assert.deepEqual(await f.book.get('ap_1'), odd);
});

test('watchers hear the present state and every change of theirs, subscribers of all, until they stop', async () => {
  const seen: string[] = [];
  const all: string[] = [];
  const stopAll = f.book.subscribe(a => all.push(`${a.id} ${a.state}`));
  await f.book.open(heldApproval('ap_1', [requirement({ quorum: 2 })]));
  await f.book.open(heldApproval('ap_2'));
  const stop = f.book.watch('ap_1', a => seen.push(`${a?.state} ${a?.decisions.length}`));
  await settle();
  await f.approve('ap_1');
  await f.deny('ap_2');
  await f.approve('ap_1', 'bob@example.com');
  await settle();
  assert.deepEqual(seen, ['held 0', 'held 1', 'approved 2']);
  stop();
  await f.book.end('ap_1', { kind: 'withdraw', why: 'gone' });
  await settle();
  assert.equal(seen.length, 3);
  assert.deepEqual(all, [
    'ap_1 held',
    'ap_2 held',
    'ap_1 held',
    'ap_2 denied',
    'ap_1 approved',
    'ap_1 withdrawn',
  ]);
  stopAll();
  await f.book.open(heldApproval('ap_3'));
  await settle();
  assert.equal(all.length, 6);
});

test('a decision after the deadline is refused, though the hold still stands', async () => {
  await f.book.open(heldApproval('ap_1'));
  f.time.now = NOW + 600_001;
  await assert.rejects(f.approve('ap_1'), /deadline has passed/);
  await assert.rejects(
    f.book.decide('ap_1', { by: 'ann@example.com', verdict: 'deny', reason: 'x'.repeat(2001) }),
    /longer/,
  );
  assert.equal(await f.stateOf('ap_1'), 'held');
});

test('decisions are signed with the key of the data folder, and verify with its public half alone', async () => {
  await f.book.open(heldApproval('ap_1'));
  const { decisions } = await f.approve('ap_1');
  const [signed] = decisions;
  assert(signed !== undefined);
  assert.deepEqual(signed.decision.groups, ['approvers', 'owners']);
  assert.equal(await f.verifier.verify(signed), true);
  const again = openDecisionSigner(f.dir);
  assert.equal(again(signed.decision).signature, signed.signature, 'a restart keeps the key');
  const keys = join(f.dir, 'keys');
  assert.equal(statSync(keys).mode & 0o777, 0o700);
  assert.equal(statSync(join(keys, 'decision.key')).mode & 0o777, 0o600);
  assert.match(readFileSync(join(keys, 'decision.pub'), 'utf8'), /BEGIN PUBLIC KEY/);
  assert.throws(() => openDecisionVerifier(join(keys, 'decision.key')), /is not a public key/);
});

test('the file is for its owner alone, and can be read while it is written and after', async () => {
  await f.book.open(heldApproval('ap_1'));
  for (const name of [f.path, `${f.path}-wal`]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
  const live = openApprovalsReader(f.path);
  assert.equal(live?.get('ap_1')?.state, 'held');
  await f.approve('ap_1');
  assert.equal(live?.get('ap_1')?.state, 'approved');
  assert.deepEqual(live?.list({ all: false }), []);
  live?.close();
  f.close();
  const cold = openApprovalsReader(f.path);
  assert.equal(cold?.list({ all: true })[0]?.state, 'approved');
  cold?.close();
  f.close = () => {};
  assert.equal(openApprovalsReader(join(f.dir, 'none.db')), null);
});

test('lists are newest first, and only of what is held unless all is asked for', async () => {
  for (const [i, id] of ['ap_1', 'ap_2', 'ap_3'].entries())
    await f.book.open({ ...heldApproval(id), createdAt: new Date(NOW + i * 1000).toISOString() });
  await f.deny('ap_2');
  assert.deepEqual(
    (await f.book.list({ all: false })).map(a => a.id),
    ['ap_3', 'ap_1'],
  );
  assert.deepEqual(
    (await f.book.list({ all: true })).map(a => a.id),
    ['ap_3', 'ap_2', 'ap_1'],
  );
});
