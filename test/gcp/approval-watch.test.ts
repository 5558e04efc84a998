import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Firestore } from '@google-cloud/firestore';
import { ApprovalWatch } from '#proxy/gcp/approval-watch.ts';
import { Revocations } from '#proxy/gcp/revocations.ts';
import { settle } from '#test/hold/fixture.ts';

/** A database that answers when it is told to. */
function slowDatabase() {
  const waiting: (() => void)[] = [];
  const query = { where: () => query, onSnapshot: () => () => {}, doc: (id: string) => ({ id }) };
  const database = {
    collection: () => query,
    getAll: () => new Promise(resolve => waiting.push(() => resolve([]))),
  } as unknown as Firestore;
  return { database, waiting };
}

test('while a poll waits for its answer there is no other one, however long it takes', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { database, waiting } = slowDatabase();
  const watch = new ApprovalWatch({
    approvals: database,
    revocations: new Revocations(database),
    instance: 'i-1',
    pollMs: 1000,
    clock: Date.now,
    log: error => assert.fail(String(error)),
  });
  try {
    watch.add('ap_1', () => {});
    assert.equal(waiting.length, 2, 'what is watched is asked for at once: approval and revocation');
    for (const answer of waiting.splice(0)) answer();
    await settle();
    mock.timers.tick(5000);
    await settle();
    assert.equal(waiting.length, 2, 'one poll');
    for (const answer of waiting.splice(0)) answer();
    await settle();
    mock.timers.tick(1000);
    assert.equal(waiting.length, 2, 'the next one');
  } finally {
    watch.close();
    mock.timers.reset();
  }
});
