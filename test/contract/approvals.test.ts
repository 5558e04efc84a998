import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe } from 'node:test';
import { Firestore } from '@google-cloud/firestore';
import { type Message, PubSub, type Subscription } from '@google-cloud/pubsub';
import { type KmsEmulator, startKms } from '#cli/emulators/kms.ts';
import { CloudDesk } from '#functions/gcp/approval-desk.ts';
import { createKmsSigner } from '#functions/gcp/decision-signer.ts';
import { LocalApprovals } from '#functions/local/approvals.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { CloudApprovals } from '#proxy/gcp/approvals.ts';
import { openKmsVerifier } from '#proxy/gcp/decision-verifier.ts';
import { openPublisher } from '#proxy/gcp/publisher.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import { holdMessage } from '#schemas/messages.ts';
import { kmsAt } from '#test/support/gcp/clients.ts';
import { type Emulators, lacksEmulators, startEmulators } from '#test/support/gcp/emulators.ts';
import { tempDir } from '#test/support/temp.ts';
import { approvalsContract, type Stores } from './approvals-suite.ts';

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
    const alter = async (id: string, how: 'text' | 'state') => {
      const db = new DatabaseSync(path);
      if (how === 'state') db.prepare(`update approvals set state = 'approved' where id = ?`).run(id);
      else db.prepare(`update approvals set body = replace(body, 'orders', 'ORDERS') where id = ?`).run(id);
      db.close();
    };
    stores = { approvals: local, book: local, verifier, alter, local };
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
  let end: () => Promise<void>;

  before(async () => {
    [emulators, kms] = await Promise.all([startEmulators(), startKms()]);
    pubsub = new PubSub({ projectId: 'test' });
    const [topic] = await pubsub.createTopic('holds');
    [subscription] = await topic.createSubscription('announce', { enableMessageOrdering: true });
    const database = new Firestore({ projectId: 'test' });
    const client = kmsAt(kms.host);
    const desk = new CloudDesk({ database, sign: createKmsSigner(client, KEY), groupsOf, clock: Date.now });
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
      claims: database,
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
        else {
          const body = String((await document.get()).get('body'));
          await document.update({ body: body.replace('orders', 'ORDERS') });
        }
      },
    };
    end = async () => {
      await approvals.close();
      await database.terminate();
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
});
