import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { DECISION_KEY } from '#cli/emulators/backends.ts';
import type { Approval } from '#schemas/approval.ts';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import { type Decision, decisionBytes } from '#schemas/decision.ts';
import { requestDigest } from '#schemas/request.ts';
import { approve, shownAsStored } from './decide.ts';
import { codeOf, fresh, type Stack } from './stack.ts';

/** Somebody who can write in Firestore, and cannot sign with the functions' key. */
export function altered(stackOf: () => Stack): void {
  /** Holds a delete, lets its document be altered, and gives what became of it. */
  async function tampered(table: string, alter: (approval: Approval, id: string) => Promise<void>) {
    const stack = stackOf();
    const tag = fresh();
    await stack.put(table, tag);
    const agent = await stack.agent();
    const { id, done } = await agent.hold(`delete from ${table} where tag = '${tag}'`);
    await stack.message(id);
    await alter(await stack.becomes(id, 'held'), id);
    const code = codeOf(await done);
    assert.equal(await stack.rows(table, tag), 1, 'nothing ran');
    await agent.client.end();
    return code;
  }
  const document = (id: string) => stackOf().firestore.collection(COLLECTIONS.approvals).doc(id);
  const claims = async (id: string) =>
    (await stackOf().claims.collection(COLLECTIONS.claims).doc(id).get()).exists;

  const forged = (approval: Approval, by: string, keyId: string) => {
    const decision: Decision = {
      approval: approval.id,
      digest: approval.digest,
      request: requestDigest(approval),
      verdict: 'approve',
      by,
      groups: ['approvers'],
      reason: '',
      at: new Date().toISOString(),
    };
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const signature = sign('sha256', decisionBytes(decision), privateKey).toString('base64');
    return JSON.stringify({ decision, keyId, algorithm: 'ES256', signature });
  };

  test('a state that somebody has set to approved releases nothing', async () => {
    const code = await tampered('one', async (_, id) => {
      await document(id).update({ state: 'approved', outcome: 'approved by ann@example.com' });
    });
    assert.equal(code, '58000');
  });

  test('decisions that are signed with another key, under the name of ours or their own, release nothing', async () => {
    for (const keyId of [DECISION_KEY, DECISION_KEY.replace(/1$/, '2')]) {
      const code = await tampered('one', async (approval, id) => {
        await document(id).update({
          state: 'approved',
          decisions: [forged(approval, 'ann@example.com', keyId)],
        });
        assert.equal(await claims(id), false);
      });
      assert.equal(code, '58000');
    }
  });

  test('a requirement that was lowered in the document does not count: what the proxy has opened does', async () => {
    const stack = stackOf();
    const code = await tampered('two', async (approval, id) => {
      const { state: _, outcome: __, decisions: ___, ...body } = approval;
      const requirements = body.requirements.map(r => ({ ...r, quorum: 1 }));
      await document(id).update({ body: JSON.stringify({ ...body, requirements }) });
      // The button was made for what the message shows: nothing is signed for a record that says something else now.
      await stack.press(id, 'approve', 'UANN');
      assert.equal((await stack.becomes(id, 'held')).decisions.length, 0);
      await document(id).update({ body: JSON.stringify(body) });
      await shownAsStored(stack, id);
      await approve(stack, id, 'UANN');
      assert.equal((await stack.becomes(id, 'held')).decisions.length, 1, 'one of two');
      await document(id).update({ state: 'approved' });
    });
    assert.equal(code, '58000');
  });

  test('a lowered requirement that the message shows and somebody approves is signed, and the proxy refuses it', async () => {
    const stack = stackOf();
    const code = await tampered('two', async (approval, id) => {
      const { state: _, outcome: __, decisions: ___, ...body } = approval;
      const requirements = body.requirements.map(r => ({ ...r, quorum: 1 }));
      await document(id).update({ body: JSON.stringify({ ...body, requirements }) });
      // The message tells what the document says: the function is deceived, and the proxy is not.
      await shownAsStored(stack, id);
      await approve(stack, id, 'UANN');
      const { decisions } = await stack.becomes(id, 'withdrawn');
      assert.equal(decisions.length, 1);
    });
    assert.equal(code, '58000');
  });

  test('a decision that was signed for one statement does not release another', async () => {
    const stack = stackOf();
    const [tag, other] = [fresh(), fresh()];
    await stack.put('one', other);
    const first = await (await stack.agent()).hold(`delete from one where tag = '${tag}'`);
    await approve(stack, first.id, 'UANN');
    await first.done;
    const decided = (await stack.becomes(first.id, 'executed')).decisions.map(d => JSON.stringify(d));
    assert.equal(decided.length, 1);
    const code = await tampered('one', async (_, id) => {
      await document(id).update({ state: 'approved', decisions: decided });
    });
    assert.equal(code, '58000');
  });
}
