import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Firestore } from '@google-cloud/firestore';
import { createSessionStore } from '#functions/gcp/session-store.ts';
import { createRecord } from '#functions/record/record.ts';
import { type SessionRecord, summarise } from '#functions/record/summary.ts';
import { AuditRecorder } from '#proxy/gcp/audit-recorder.ts';
import type { Outgoing } from '#proxy/gcp/publisher.ts';
import type { AuditEvent } from '#schemas/audit.ts';
import { type Emulators, lacksEmulators, startEmulators } from '#test/support/emulators.ts';

const OPEN = {
  issuer: 'https://issuer.example',
  subject: 'ci-7',
  email: 'dev@example.com',
  groups: ['agents'],
  target: 'shop',
  database: 'shop',
  role: 'agent',
  application: 'psql',
  address: '127.0.0.1',
  access: 'all',
  readOnly: false,
  credential: 'v1',
  policyVersion: 'p',
};
const statement = (n: number, verdict: 'allow' | 'hold' | 'deny') => ({
  n,
  protocol: 'simple' as const,
  text: 'select 1',
  parameters: [],
  digest: '',
  verdict,
  rule: 'r',
  message: '',
  effects: [],
});
const outcome = (n: number) => ({
  n,
  status: 'ok' as const,
  tag: 'DELETE 3',
  sqlstate: '',
  rows: 3,
  bytes: 0,
  micros: 1,
  result: '',
  masks: [],
});

/** What the proxy publishes of a session with one read, one denial and one approved hold. */
async function published(session: string): Promise<Outgoing[]> {
  const taken: Outgoing[] = [];
  const recorder = new AuditRecorder({
    publisher: { publish: async messages => void taken.push(...messages), close: async () => {} },
    clock: Date.now,
  });
  recorder.append(session, 'session.open', OPEN);
  recorder.append(session, 'statement', statement(1, 'allow'));
  recorder.append(session, 'forward', { n: 1 });
  recorder.append(session, 'outcome', outcome(1));
  recorder.append(session, 'statement', statement(2, 'deny'));
  recorder.append(session, 'statement', statement(3, 'hold'));
  recorder.append(session, 'hold', { n: 3, approval: 'ap_9', rules: [], deadline: '', digest: '' });
  recorder.append(session, 'hold.end', { n: 3, approval: 'ap_9', state: 'approved', why: '' });
  recorder.append(session, 'forward', { n: 3 });
  recorder.append(session, 'outcome', outcome(3));
  recorder.append(session, 'session.close', { reason: 'bye', statements: 3 });
  await recorder.close();
  return taken;
}

/** As the subscription's filter (RECORD_FILTER) lets through. */
const filtered = (messages: readonly Outgoing[]) =>
  messages.filter(
    ({ attributes: a }) =>
      'approval' in a || a.verdict === 'deny' || a.kind === 'session.open' || a.kind === 'session.close',
  );

const delivery = ({ data, attributes }: Outgoing) => ({
  message: { data: data.toString('base64'), attributes },
});

test('the filter lets through what summaries need, and not one message for a statement that was simply allowed', async () => {
  const kinds = filtered(await published('s')).map(m => m.attributes.kind);
  assert.deepEqual(kinds, [
    'session.open',
    'statement',
    'hold',
    'hold.end',
    'forward',
    'outcome',
    'session.close',
  ]);
});

test('a summary is the same in whatever order its events come', async () => {
  const events = filtered(await published('s')).map(m => JSON.parse(m.data.toString()) as AuditEvent);
  const fold = (order: readonly AuditEvent[]) =>
    order.reduce<SessionRecord | null>((summary, event) => summarise(summary, event), null);
  const straight = fold(events);
  assert.equal(straight?.held, 1);
  assert.equal(straight?.refused, 1);
  assert.equal(straight?.statements, 3);
  assert.equal(straight?.subject, 'ci-7');
  for (let shift = 1; shift < events.length; shift += 1)
    assert.deepEqual(fold([...events.slice(shift), ...events.slice(0, shift)].reverse()), straight);
});

describe('the record function on the Firestore emulator', { skip: lacksEmulators() }, () => {
  let emulators: Emulators;
  let database: Firestore;
  before(async () => {
    emulators = await startEmulators();
    database = new Firestore({ projectId: 'test' });
  });
  after(async () => {
    await database?.terminate();
    await emulators?.stop();
  });

  test('every event counts once, however often it comes, and tells how the approved statement ended', async () => {
    const executed: unknown[] = [];
    const shown: string[] = [];
    const record = createRecord({
      sessions: createSessionStore(database),
      desk: {
        async executed(...call) {
          executed.push(call);
          return null;
        },
      },
      show: async id => void shown.push(id),
      log: message => assert.fail(message),
    });
    const deliveries = filtered(await published('once')).map(delivery);
    // Twice, at once, and backwards. Where Firestore gives up on seven changes of one document at once, Pub/Sub comes again.
    await Promise.allSettled(deliveries.map(record));
    for (const one of deliveries.toReversed()) await record(one);
    const summary = (await database.collection('sessions').doc('once').get()).data();
    assert.equal(summary?.events, 7);
    assert.equal(summary?.held, 1);
    assert.equal(summary?.refused, 1);
    assert.equal(summary?.reason, 'bye');
    assert.ok(
      executed.some(call => JSON.stringify(call) === '["ap_9",{"status":"ok","rows":3,"sqlstate":""}]'),
    );
    assert.ok(shown.every(id => id === 'ap_9') && shown.length >= 2);
  });

  test('an event that is not the one that was hashed is dropped', async () => {
    const said: string[] = [];
    const record = createRecord({
      sessions: createSessionStore(database),
      desk: { executed: async () => null },
      show: async () => {},
      log: message => said.push(message),
    });
    const [open] = await published('altered');
    const text = open!.data.toString().replace('ci-7', 'ci-8');
    await record(delivery({ ...open!, data: Buffer.from(text) }));
    assert.equal(said.length, 1);
    assert.equal((await database.collection('sessions').doc('altered').get()).exists, false);
  });
});
