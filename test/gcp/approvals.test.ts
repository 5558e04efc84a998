import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Firestore } from '@google-cloud/firestore';
import { type Message, PubSub, type Subscription } from '@google-cloud/pubsub';
import { type KmsEmulator, startKms } from '#cli/emulators/kms.ts';
import { CloudDesk } from '#functions/gcp/approval-desk.ts';
import { createKmsSigner } from '#functions/gcp/decision-signer.ts';
import { RevocationBook } from '#functions/gcp/revocation-book.ts';
import { LocalApprovals } from '#functions/local/approvals.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { MaybeStored } from '#functions/ports.ts';
import { CloudApprovals } from '#proxy/gcp/approvals.ts';
import { openKmsVerifier } from '#proxy/gcp/decision-verifier.ts';
import { openPublisher } from '#proxy/gcp/publisher.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import type { Approval } from '#schemas/approval.ts';
import { type ApprovalDocument, COLLECTIONS, toDocument } from '#schemas/approval-document.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { grantKey } from '#schemas/grant.ts';
import { IllegalMove } from '#schemas/hold.ts';
import { holdMessage } from '#schemas/messages.ts';
import { kmsAt } from '#test/gcp/clients.ts';
import { heldApproval, requester, requirement } from '#test/hold/fixture.ts';
import { type Emulators, lacksEmulators, startEmulators } from '#test/support/emulators.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { approvalsContract, fresh, type Stores } from './approvals-suite.ts';

const GROUPS: Record<string, string[]> = {
  'ann@example.com': ['approvers', 'owners'],
  'bob@example.com': ['approvers'],
  'dev@example.com': ['approvers', 'owners'],
};
const groupsOf = (email: string) => GROUPS[email] ?? [];

describe('approvals on one machine', () => {
  let stores: Stores & { readonly local: LocalApprovals };
  before(() => {
    const dir = tempDir('contract');
    const path = join(dir, 'approvals.db');
    const local = new LocalApprovals({ path, signer: openDecisionSigner(dir), groupsOf, clock: Date.now });
    const verifier = openDecisionVerifier(join(dir, 'keys', 'decision.pub'));
    const alter: Stores['alter'] = async (id, how) => {
      const db = new DatabaseSync(path);
      if (how === 'undo') {
        const last = `approval = ? and n = (select max(n) from decisions where approval = ?)`;
        db.prepare(`delete from decisions where ${last}`).run(id, id);
        db.prepare(
          `update approvals set state = iif(outcome like 'revoked%', 'approved', 'held') where id = ?`,
        ).run(id);
      } else if (how === 'cut')
        db.prepare(`update approvals set body = substr(body, 1, instr(body, 'orders') + 8) where id = ?`).run(
          id,
        );
      else if (how === 'state') db.prepare(`update approvals set state = 'approved' where id = ?`).run(id);
      else db.prepare(`update approvals set body = replace(body, 'orders', 'ORDERS') where id = ?`).run(id);
      db.close();
    };
    const tick = async () => local.expireDue();
    stores = { approvals: local, book: local, verifier, alter, tick, local };
  });
  after(() => stores.local.close());
  approvalsContract(() => stores);
});

const KEY = 'projects/test/locations/l/keyRings/r/cryptoKeys/decisions/cryptoKeyVersions/1';

describe('approvals on the emulators', { skip: lacksEmulators() }, () => {
  let emulators: Emulators;
  let kms: KmsEmulator;
  let pubsub: PubSub;
  let subscription: Subscription;
  let stores: Stores;
  let desk: CloudDesk;
  let sign: (decision: Decision) => Promise<SignedDecision>;
  const logged: string[] = [];
  const told: string[] = [];
  let altering: Firestore;
  let claims: Firestore;
  let end: () => Promise<void>;

  before(async () => {
    [emulators, kms] = await Promise.all([startEmulators(), startKms()]);
    pubsub = new PubSub({ projectId: 'test' });
    const [topic] = await pubsub.createTopic('holds');
    [subscription] = await topic.createSubscription('announce', { enableMessageOrdering: true });
    const database = new Firestore({ projectId: 'test' });
    // As on Google Cloud, where nobody's role lets them delete in it.
    claims = new Firestore({ projectId: 'test', databaseId: 'claims' });
    altering = database;
    const client = kmsAt(kms.host);
    sign = createKmsSigner(client, KEY);
    desk = new CloudDesk({
      database,
      claims,
      sign,
      groupsOf,
      changed: async id => void told.push(id),
      clock: Date.now,
      log: message => logged.push(message),
    });
    // What `announce` does with them, without Slack.
    subscription.on('message', (message: Message) => {
      desk.take(holdMessage.parse(JSON.parse(message.data.toString()))).then(
        () => message.ack(),
        () => message.nack(),
      );
    });
    const approvals = new CloudApprovals({
      publisher: await openPublisher('projects/test/topics/holds'),
      approvals: database,
      claims,
      instance: 'i-1',
      clock: Date.now,
      log: (message, error) => console.error(message, error),
    });
    stores = {
      approvals,
      book: desk,
      verifier: await openKmsVerifier(client, [KEY]),
      async alter(id, how) {
        const document = database.collection(COLLECTIONS.approvals).doc(id);
        if (how === 'state') await document.update({ state: 'approved' });
        else if (how === 'undo') {
          const { decisions, outcome } = (await document.get()).data() as ApprovalDocument;
          const state = outcome.startsWith('revoked') ? 'approved' : 'held';
          await document.update({ state, decisions: decisions.slice(0, -1) });
        } else {
          const body = String((await document.get()).get('body'));
          if (how === 'cut') {
            await document.update({ body: body.slice(0, body.indexOf('orders') + 8) });
            return;
          }
          await document.update({ body: body.replace('orders', 'ORDERS') });
        }
      },
      tick: () => desk.expireDue(Date.now()),
    };
    end = async () => {
      await approvals.close();
      await database.terminate();
      await claims.terminate();
      await client.close();
    };
  });
  after(async () => {
    await end?.();
    await subscription?.close();
    await pubsub?.close();
    kms?.stop();
    await emulators?.stop();
  });
  approvalsContract(() => stores);

  test('messages that come twice, or in the wrong order, change nothing more', async () => {
    const approval = fresh();
    const held = { v: 1, kind: 'held', approval, instance: 'i-1' } as const;
    const at = new Date().toISOString();
    const event = { kind: 'withdraw', why: 'the agent disconnected' } as const;
    const ended = { v: 1, kind: 'ended', approval: approval.id, event, at } as const;
    assert.equal(await desk.take(ended), null);
    assert.equal((await desk.take(held))?.state, 'withdrawn');
    for (const message of [held, ended, held]) {
      const seen = await desk.take(message);
      assert.equal(seen?.state, 'withdrawn');
      assert.equal(seen?.outcome, 'the agent disconnected');
    }
  });

  test('a function that is killed behind the revocation has revoked: the proxy hears it, and the clock shows it', async () => {
    const approval = fresh({ releases: 'session' });
    await stores.approvals.open(approval);
    const signed = await waitFor(async () => (await stores.book.get(approval.id)) !== null, {
      what: 'it is there',
      deadlineMs: 20_000,
    }).then(() => stores.book.decide(approval.id, { by: 'ann@example.com', verdict: 'approve', reason: '' }));
    const seen: (Approval | null)[] = [];
    const stop = stores.approvals.watch(approval.id, a => seen.push(a));
    await waitFor(() => seen.at(-1)?.state === 'approved', { what: 'the approval', deadlineMs: 20_000 });
    const decision = { ...signed.decisions[0]!.decision, verdict: 'revoke', by: 'bob@example.com' } as const;
    const client = kmsAt(kms.host);
    const book = new RevocationBook(claims);
    const kept = await createKmsSigner(client, KEY)(decision);
    await client.close();
    assert.deepEqual(await book.create(kept), kept);
    await waitFor(() => seen.at(-1)?.decisions.length === 2, { what: 'the revocation', deadlineMs: 20_000 });
    stop();
    const other = { ...kept, decision: { ...decision, by: 'ann@example.com' } };
    assert.deepEqual(await book.create(other), kept, 'the first one stays');
    assert.equal(await stores.approvals.stands(approval.id, approval.digest), false);
    await desk.expireDue(Date.now());
    assert.equal((await desk.get(approval.id))?.outcome, 'revoked by bob@example.com');
  });

  test('a revocation that cannot be read ends what it stands for, and where none can be read, nothing is used', async () => {
    const who = { ...requester, subject: `broken-${process.pid}` };
    const [approval, broken] = [fresh({ releases: 'once' }), fresh({ releases: 'session', requester: who })];
    for (const one of [approval, broken]) {
      await desk.take({ v: 1, kind: 'held', approval: one, instance: 'i-1' });
      await desk.decide(one.id, { by: 'ann@example.com', verdict: 'approve', reason: '' });
    }
    await claims.collection(COLLECTIONS.revocations).doc(broken.id).create({ at: 'now' });
    assert.equal(await stores.approvals.stands(broken.id, broken.digest), false);
    await assert.rejects(stores.approvals.find(grantKey(broken.statement, broken.requester)), {
      code: 'hold_unavailable',
    });
    const down = () => Promise.reject(Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }));
    const lost = {
      getAll: down,
      collection: () => ({
        doc: () => ({ create: down, get: down }),
        where: () => ({ onSnapshot: () => () => {} }),
      }),
    } as unknown as Firestore;
    const blind = new CloudApprovals({
      publisher: await openPublisher('projects/test/topics/holds'),
      approvals: altering,
      claims: lost,
      instance: 'i-2',
      clock: Date.now,
      log: () => {},
    });
    const key = grantKey(approval.statement, approval.requester);
    try {
      for (const asked of [
        () => blind.find(key),
        () => blind.stands(approval.id, approval.digest),
        () => blind.claim(approval.id, approval.digest),
      ])
        await assert.rejects(asked, { code: 'hold_unavailable' });
    } finally {
      await blind.close();
    }
    await desk.expireDue(Date.now());
    assert.match((await desk.get(broken.id))?.outcome ?? '', /cannot be read by whom/);
  });

  test('what its proxy left open ends by the clock, each kind in its own way', async () => {
    const long = Date.now() + 24 * 3_600_000;
    const [held, parked, once] = [fresh(), fresh(), fresh({ releases: 'once' })];
    for (const approval of [held, parked, once])
      await desk.take({ v: 1, kind: 'held', approval, instance: '' });
    for (const { id } of [parked, once])
      await desk.decide(id, { by: 'ann@example.com', verdict: 'approve', reason: '' });
    const mine = (all: readonly { id: string }[]) =>
      all.filter(a => [held.id, parked.id, once.id].includes(a.id)).map(a => a.id);
    assert.deepEqual(mine(await desk.expireDue(Date.now())), []);
    assert.deepEqual(mine(await desk.expireDue(long)).sort(), [held.id, parked.id, once.id].sort());
    assert.deepEqual(mine(await desk.expireDue(long)), []);
    const states = await Promise.all([held, parked, once].map(async ({ id }) => (await desk.get(id))?.state));
    assert.deepEqual(states, ['expired', 'withdrawn', 'expired']);
    assert.match((await desk.get(parked.id))?.outcome ?? '', /its proxy did not use it/);
  });

  test('what the server has answered is shown, though its proxy or the clock ended it first', async () => {
    const approval = fresh();
    const { id } = approval;
    await desk.take({ v: 1, kind: 'held', approval, instance: 'i-1' });
    await desk.decide(id, { by: 'ann@example.com', verdict: 'approve', reason: '' });
    const event = { kind: 'withdraw', why: 'the store did not answer' } as const;
    const ended = { v: 1, kind: 'ended', approval: id, event, at: new Date().toISOString() } as const;
    const execution = { status: 'ok', rows: 3, sqlstate: '' };
    assert.equal((await desk.take(ended))?.state, 'withdrawn');
    for (const tell of [
      () => desk.executed(id, execution),
      () => desk.take(ended),
      () => desk.executed(id, null),
      () => desk.executed(id, execution),
    ])
      assert.equal((await tell())?.state, 'executed');
    const course = await desk.picture(id);
    assert.deepEqual(course?.execution, execution);
    assert.equal(course?.approval.outcome, 'approved by ann@example.com, then released to the server');
  });

  test('one document that somebody has made unreadable stands in the way of no other', async () => {
    const [broken, due] = [fresh(), fresh()];
    for (const approval of [broken, due]) await desk.take({ v: 1, kind: 'held', approval, instance: '' });
    await altering.collection(COLLECTIONS.approvals).doc(broken.id).update({ body: '{' });
    const listed = await desk.list({ all: false });
    assert.ok(listed.some(a => a.id === due.id));
    const ended = await desk.expireDue(Date.now() + 24 * 3_600_000);
    assert.ok(ended.some(a => a.id === due.id));
    assert.ok(logged.some(line => line.includes(broken.id)));
  });

  /** The same desk, where `before` and `after` stand around each batch that is written. */
  function deskWhere(around: {
    before?: () => Promise<unknown>;
    after?: () => void;
    sign?: (decision: Decision) => Promise<SignedDecision>;
  }) {
    const database = new Proxy(altering, {
      get(target, name) {
        if (name !== 'batch') {
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return () => {
          const batch = target.batch();
          const commit = batch.commit.bind(batch);
          batch.commit = async () => {
            await around.before?.();
            const results = await commit();
            around.after?.();
            return results;
          };
          return batch;
        };
      },
    });
    const changed = async (id: string) => void told.push(id);
    const log = (message: string) => void logged.push(message);
    return new CloudDesk({
      database,
      claims,
      sign: around.sign ?? sign,
      groupsOf,
      changed,
      clock: Date.now,
      log,
    });
  }
  const input = { by: 'ann@example.com', verdict: 'approve', reason: '' } as const;

  test('whoever decides tells of it, for those who show it; a decision that is not made tells nothing', async () => {
    const approval = fresh();
    await desk.take({ v: 1, kind: 'held', approval, instance: '' });
    told.length = 0;
    await assert.rejects(desk.decide(approval.id, { ...input, by: 'eve@example.com' }), IllegalMove);
    assert.deepEqual(told, []);
    await desk.decide(approval.id, input);
    assert.deepEqual(told, [approval.id]);
  });

  test('a decision that others overtake is signed once and stored once, and one whose answer was lost is found stored', async () => {
    const approval = fresh({ requirements: [requirement({ quorum: 2 })] });
    await desk.take({ v: 1, kind: 'held', approval, instance: '' });
    let signatures = 0;
    let overtaken = false;
    const slow = deskWhere({
      sign: decision => {
        signatures += 1;
        return sign(decision);
      },
      async before() {
        if (overtaken) return;
        overtaken = true;
        await desk.decide(approval.id, { ...input, by: 'bob@example.com' });
      },
    });
    assert.equal((await slow.decide(approval.id, input)).state, 'approved');
    assert.equal(signatures, 1);

    const other = fresh();
    await desk.take({ v: 1, kind: 'held', approval: other, instance: '' });
    // The library sends a commit again whose answer it did not get; then it is refused, because the first one was taken.
    const losing = deskWhere({
      after() {
        throw Object.assign(new Error('the stored version does not match'), { code: 9 });
      },
    });
    assert.equal((await losing.decide(other.id, input)).decisions.length, 1);
    const third = fresh();
    await desk.take({ v: 1, kind: 'held', approval: third, instance: '' });
    const cut = deskWhere({
      after() {
        throw Object.assign(new Error('UNAVAILABLE'), { code: 14 });
      },
    });
    await assert.rejects(cut.decide(third.id, input), MaybeStored);
    assert.equal((await desk.get(third.id))?.decisions.length, 1);
  });

  test('what has changed is behind until a message shows that state of it, and not one that was changed meanwhile', async () => {
    const approval = fresh();
    const isBehind = async () => (await desk.behind(1000)).includes(approval.id);
    await desk.take({ v: 1, kind: 'held', approval, instance: '' });
    assert.equal(await isBehind(), true);
    const first = await desk.picture(approval.id);
    await first?.shown();
    assert.equal(await isBehind(), false);
    await desk.decide(approval.id, input);
    const early = await desk.picture(approval.id);
    await desk.executed(approval.id, { status: 'ok', rows: 1, sqlstate: '' });
    await early?.shown();
    assert.equal(await isBehind(), true, 'it was executed since');
    const now = await desk.picture(approval.id);
    assert.equal(now?.execution?.rows, 1);
    await now?.shown();
    assert.equal(await isBehind(), false);
  });

  test('with ten thousand documents, two runs that overlap end what is due, each once, and look at nothing else', async () => {
    const past = new Date(Date.now() - 600_000).toISOString();
    const documents = altering.collection(COLLECTIONS.approvals);
    const due = Array.from({ length: 300 }, (_, i) => ({
      ...heldApproval(`due-${i}`, [requirement({ quorum: 1 })]),
      deadline: past,
    }));
    const all = [
      // Whoever looked at one of these would say that it cannot be read.
      ...Array.from({ length: 9_700 }, (_, i) => [`done-${i}`, { state: 'executed', due: null }] as const),
      ...due.map(
        approval =>
          [
            approval.id,
            { ...toDocument(approval, { instance: '', grantKey: '', due: Date.parse(past) }) },
          ] as const,
      ),
    ];
    for (let from = 0; from < all.length; from += 500) {
      const batch = altering.batch();
      for (const [id, data] of all.slice(from, from + 500)) batch.set(documents.doc(id), data);
      await batch.commit();
    }
    logged.length = 0;
    const mine = (ended: readonly { id: string }[]) =>
      ended.map(a => a.id).filter(id => id.startsWith('due-'));
    const runs = await Promise.all([desk.expireDue(Date.now()), desk.expireDue(Date.now())]);
    // Where the emulator gave up on a lock, the next tick has the rest.
    for (let left = 300; left > 0; ) {
      left = 300 - runs.flatMap(mine).length;
      if (left > 0) runs.push(await desk.expireDue(Date.now()));
    }
    assert.deepEqual(runs.flatMap(mine).sort(), due.map(a => a.id).sort());
    assert.ok(!logged.some(line => line.includes('done-')));
    for (const { id } of due.slice(0, 5)) assert.equal((await desk.get(id))?.state, 'expired');
    let looked = 0;
    assert.deepEqual(
      mine(
        await desk.expireDue(Date.now() + 1, () => {
          looked += 1;
          return true;
        }),
      ),
      [],
    );
    assert.ok(looked < 300, `${looked} documents were looked at`);
  });
});
