import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { ApprovalBook } from '#functions/ports.ts';
import type { Approvals, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { grantKey } from '#schemas/grant.ts';
import { IllegalMove } from '#schemas/hold.ts';
import { heldApproval, requester, requirement } from '#test/hold/fixture.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** Both sides of one store of approvals: the proxy's port, and its approvers' book. ann and bob are approvers, dev is the requester. */
export interface Stores {
  readonly approvals: Approvals;
  readonly book: ApprovalBook;
  readonly verifier: DecisionVerifier;
  /** Changes what is stored behind everybody's back; `undo`: the last decision is taken out, and the state is what it was before; `cut`: its text ends in the middle. */
  alter(id: string, how: 'text' | 'state' | 'undo' | 'cut'): Promise<void>;
  /** What the clock does for them. */
  tick(): Promise<unknown>;
}

let last = 0;

/** An approval that nobody has seen before, open for ten minutes. */
export function fresh(more: Partial<Approval> = {}): Approval {
  last += 1;
  const now = Date.now();
  return {
    ...heldApproval(`ap_${process.pid}x${last}`, [requirement({ quorum: 1 })]),
    createdAt: new Date(now).toISOString(),
    deadline: new Date(now + 600_000).toISOString(),
    ...more,
  };
}

/** What every pair of adapters has to do alike. `stores` is asked inside the tests, when everything runs. */
export function approvalsContract(stores: () => Stores): void {
  const approve = (id: string, by = 'ann@example.com') =>
    stores().book.decide(id, { by, verdict: 'approve', reason: '' });
  const revoke = (id: string) =>
    stores().book.decide(id, { by: 'bob@example.com', verdict: 'revoke', reason: 'enough' });

  async function opened(more: Partial<Approval> = {}): Promise<Approval> {
    const approval = fresh(more);
    await stores().approvals.open(approval);
    await waitFor(() => stores().book.get(approval.id), {
      what: `${approval.id} is there`,
      deadlineMs: 20_000,
    });
    return approval;
  }

  /** Everything that the proxy hears of an approval. */
  function watched(id: string) {
    const seen: (Approval | null)[] = [];
    const stop = stores().approvals.watch(id, approval => seen.push(approval));
    const until = (what: string, fits: (approval: Approval | null) => boolean) =>
      waitFor(() => seen.length > 0 && fits(seen.at(-1)!), { what, deadlineMs: 20_000 });
    return { seen, stop, until };
  }

  test('what the proxy opens is what approvers see, and opening it again changes nothing', async () => {
    const approval = await opened();
    await stores().approvals.open(approval);
    assert.deepEqual(await stores().book.get(approval.id), approval);
    assert.ok((await stores().book.list({ all: false })).some(a => a.id === approval.id));
    await approve(approval.id);
    await stores().approvals.open(approval);
    assert.equal((await stores().book.get(approval.id))?.state, 'approved');
    assert.ok(!(await stores().book.list({ all: false })).some(a => a.id === approval.id));
    assert.ok((await stores().book.list({ all: true })).some(a => a.id === approval.id));
  });

  test('a decision reaches the proxy signed, and the signature verifies', async () => {
    const approval = await opened();
    const { until, seen, stop } = watched(approval.id);
    await until('the present state', a => a?.state === 'held');
    await approve(approval.id);
    await until('the decision', a => a?.state === 'approved');
    const [signed] = seen.at(-1)!.decisions;
    assert.equal(signed!.decision.by, 'ann@example.com');
    assert.deepEqual(signed!.decision.groups, ['approvers', 'owners']);
    assert.equal(await stores().verifier.verify(signed!), true);
    const forged = { ...signed!, decision: { ...signed!.decision, by: 'bob@example.com' } };
    assert.equal(await stores().verifier.verify(forged), false);
    stop();
  });

  test('two people who press at once make one quorum of two, and one who presses twice does not', async () => {
    const approval = await opened({ requirements: [requirement({ quorum: 2 })] });
    const twice = await Promise.allSettled([approve(approval.id), approve(approval.id)]);
    assert.deepEqual(twice.map(r => r.status).sort(), ['fulfilled', 'rejected']);
    assert.equal((await stores().book.get(approval.id))?.state, 'held');
    assert.equal((await approve(approval.id, 'bob@example.com')).state, 'approved');
    const other = await opened({ requirements: [requirement({ quorum: 2 })] });
    await Promise.all([approve(other.id), approve(other.id, 'bob@example.com')]);
    assert.equal((await stores().book.get(other.id))?.state, 'approved');
    assert.equal((await stores().book.get(other.id))?.decisions.length, 2);
  });

  test('of many claims one gets it, ever, and only for the digest that was approved', async () => {
    const approval = await opened();
    assert.equal(await stores().approvals.claim((await opened()).id, approval.digest), false, 'still held');
    await approve(approval.id);
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => stores().approvals.claim(approval.id, approval.digest)),
    );
    assert.equal(claims.filter(Boolean).length, 1);
    assert.equal(await stores().approvals.claim(approval.id, approval.digest), false);
    const other = await opened();
    await approve(other.id);
    assert.equal(await stores().approvals.claim(other.id, 'f'.repeat(64)), false);
  });

  test('what the proxy withdraws, or lets expire, nobody can decide any more', async () => {
    for (const [event, state] of [
      [{ kind: 'withdraw', why: 'the agent disconnected' }, 'withdrawn'],
      [{ kind: 'expire' }, 'expired'],
    ] as const) {
      const approval = await opened();
      await stores().approvals.end(approval.id, event);
      await waitFor(async () => (await stores().book.get(approval.id))?.state === state, {
        what: `it is ${state}`,
        deadlineMs: 20_000,
      });
      await assert.rejects(approve(approval.id), IllegalMove);
      assert.equal(await stores().approvals.claim(approval.id, approval.digest), false);
    }
  });

  test('the requester, a stranger and a decision after the deadline are told why not, and nothing changes', async () => {
    const approval = await opened();
    await assert.rejects(approve(approval.id, 'dev@example.com'), /their own statement/);
    await assert.rejects(approve(approval.id, 'mallory@example.com'), /not among the approvers/);
    const late = await opened({ deadline: new Date(Date.now() - 1000).toISOString() });
    await assert.rejects(approve(late.id), /the deadline has passed/);
    await assert.rejects(approve('ap_nothing'), /there is no approval/);
    assert.deepEqual((await stores().book.get(approval.id))?.decisions, []);
  });

  test('a grant is found by its statement and principal while it stands, and not one moment longer', async () => {
    const subject = `ci-${process.pid}-${last}`;
    const who = { ...requester, subject };
    const key = grantKey(fresh().statement, who);
    assert.equal(await stores().approvals.find(key), null);
    const approval = await opened({ releases: 'once', requester: who });
    assert.equal((await stores().approvals.find(key))?.state, 'held');
    await approve(approval.id);
    assert.equal((await stores().approvals.find(key))?.state, 'approved');
    const { until, stop } = watched(approval.id);
    await until('the approval', a => a?.state === 'approved');
    await revoke(approval.id);
    await until('the revocation', a => a?.state === 'withdrawn');
    assert.equal(await stores().approvals.find(key), null);
    assert.equal(await stores().approvals.claim(approval.id, approval.digest), false);
    await opened({ releases: 'parked', requester: who });
    assert.equal(await stores().approvals.find(key), null, 'what is parked belongs to its connection');
    stop();
  });

  test('a revocation that somebody takes out of the record again counts as before, and is put back', async () => {
    const who = { ...requester, subject: `undone-${process.pid}-${last}` };
    for (const releases of ['once', 'session'] as const) {
      const approval = await opened({ releases, requester: who });
      const { until, stop } = watched(approval.id);
      await approve(approval.id);
      await until('the approval', a => a?.state === 'approved');
      assert.equal(await stores().approvals.stands(approval.id, approval.digest), true);
      await revoke(approval.id);
      await until('the revocation', a => a?.state === 'withdrawn');
      await stores().alter(approval.id, 'undo');
      const altered = await stores().book.get(approval.id);
      assert.deepEqual([altered?.state, altered?.decisions.length], ['approved', 1]);
      assert.equal(await stores().approvals.stands(approval.id, approval.digest), false);
      const revoked = (a: Approval | null) => a?.decisions.at(-1)?.decision.verdict === 'revoke';
      assert.ok(revoked(await stores().approvals.find(grantKey(approval.statement, who))));
      const again = watched(approval.id);
      await again.until('it is still revoked', revoked);
      again.stop();
      assert.equal(await stores().approvals.claim(approval.id, approval.digest), false);
      await assert.rejects(revoke(approval.id), /was revoked by bob@example.com/);
      await stores().tick();
      assert.equal((await stores().book.get(approval.id))?.outcome, 'revoked by bob@example.com: enough');
      stop();
    }
  });

  test('a denial that somebody takes out of the record again lets nobody approve', async () => {
    const approval = await opened({ requirements: [requirement({ quorum: 2 })] });
    await approve(approval.id);
    await stores().book.decide(approval.id, { by: 'bob@example.com', verdict: 'deny', reason: '' });
    await stores().alter(approval.id, 'undo');
    const altered = await stores().book.get(approval.id);
    assert.deepEqual([altered?.state, altered?.decisions.length], ['held', 1]);
    await assert.rejects(approve(approval.id, 'eve@example.com'), /was denied by bob@example.com/);
    await stores().alter(approval.id, 'state');
    assert.equal(await stores().approvals.claim(approval.id, approval.digest), false);
    await stores().tick();
    assert.notEqual((await stores().book.get(approval.id))?.state, 'approved');
  });

  test('a denial and the approval that completes the quorum, in one moment: what was denied does not stand', async () => {
    for (const order of [0, 1]) {
      const approval = await opened();
      const { id, digest } = approval;
      const both = [
        () => approve(id),
        () => stores().book.decide(id, { by: 'bob@example.com', verdict: 'deny', reason: '' }),
      ];
      const results = await Promise.allSettled((order === 0 ? both : both.reverse()).map(press => press()));
      // Who was told that it is denied can rely on it; who came too late was told so.
      const denied = results.some(r => r.status === 'fulfilled' && r.value.state === 'denied');
      assert.equal(await stores().approvals.stands(id, digest), !denied);
    }
  });

  test('a denied grant is found until its deadline, and then not: who asks again until then hears of the denial', async () => {
    const who = { ...requester, subject: `denied-${process.pid}-${last}` };
    const key = grantKey(fresh().statement, who);
    const deadline = new Date(Date.now() + 5_000).toISOString();
    const approval = await opened({ releases: 'once', requester: who, deadline });
    await stores().book.decide(approval.id, { by: 'ann@example.com', verdict: 'deny', reason: 'no' });
    assert.equal((await stores().approvals.find(key))?.state, 'denied');
    await waitFor(async () => (await stores().approvals.find(key)) === null, {
      what: 'the denial is over',
      deadlineMs: 20_000,
    });
  });

  test('of an older grant and a newer one of the same key, the newer is found', async () => {
    const who = { ...requester, subject: `newer-${process.pid}-${last}` };
    const key = grantKey(fresh().statement, who);
    await opened({
      releases: 'once',
      requester: who,
      createdAt: new Date(Date.now() - 60_000).toISOString(),
    });
    const newer = await opened({ releases: 'once', requester: who });
    assert.equal((await stores().approvals.find(key))?.id, newer.id);
  });

  test('a record that cannot be read releases nothing, is said to be so, and none of it is repeated', async () => {
    const who = { ...requester, subject: `cut-${process.pid}-${last}` };
    const approval = await opened({ releases: 'once', requester: who });
    await approve(approval.id);
    const { until, stop } = watched(approval.id);
    await until('the present state', a => a?.state === 'approved');
    await stores().alter(approval.id, 'cut');
    const again = watched(approval.id);
    await again.until('it cannot be read', a => a === null);
    again.stop();
    stop();
    const { approvals } = stores();
    for (const asked of [
      () => approvals.find(grantKey(approval.statement, who)),
      () => approvals.stands(approval.id, approval.digest),
      () => approvals.claim(approval.id, approval.digest),
    ]) {
      const error = await asked().then(
        () => assert.fail('it was read'),
        (fault: unknown) => fault,
      );
      assert.equal((error as { code?: unknown }).code, 'hold_unavailable', inspect(error));
      assert.ok(!inspect(error, { depth: 9 }).includes('orders'), inspect(error));
    }
    const seen = await stores()
      .book.get(approval.id)
      .catch((error: unknown) => error);
    assert.ok(seen instanceof Error && !inspect(seen, { depth: 9 }).includes('orders'), inspect(seen));
  });

  test('a record that was altered by hand is signed by nobody, and the proxy hears that it cannot be read', async () => {
    const approval = await opened();
    const { until, stop } = watched(approval.id);
    await until('the present state', a => a?.state === 'held');
    await stores().alter(approval.id, 'text');
    await assert.rejects(approve(approval.id));
    const other = await opened();
    await stores().alter(other.id, 'state');
    const seen = await stores().book.get(other.id);
    assert.equal(seen?.state, 'approved');
    assert.deepEqual(seen?.decisions, [], 'approved without a signature: the proxy counts for itself');
    stop();
  });
}
