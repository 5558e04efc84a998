import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Message, PubSub, type Subscription } from '@google-cloud/pubsub';
import { AuditRecorder } from '#proxy/gcp/audit-recorder.ts';
import { type Outgoing, openPublisher, type Publisher } from '#proxy/gcp/publisher.ts';
import type { AuditEvent } from '#schemas/audit.ts';
import { eventHash, GENESIS } from '#schemas/chain.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { type Emulators, lacksEmulators, startEmulators } from '#test/support/emulators.ts';
import { waitFor } from '#test/support/wait-for.ts';

const OUTCOME = {
  n: 1,
  status: 'ok',
  tag: 'SELECT 1',
  sqlstate: '',
  rows: 1,
  bytes: 10,
  micros: 5,
  result: '',
  masks: [],
} as const;

const durable = (recorder: AuditRecorder, ticket: number) =>
  new Promise<Error | null>(resolve => recorder.whenDurable(ticket, resolve));

/** A publisher whose answers the test gives, and what it has taken. */
function scripted(answer: (messages: readonly Outgoing[]) => Promise<void>) {
  const taken: Outgoing[] = [];
  const publisher: Publisher = {
    async publish(messages) {
      await answer(messages);
      taken.push(...messages);
    },
    close: async () => {},
  };
  return { publisher, taken };
}

const events = (messages: readonly { data: Buffer }[]): AuditEvent[] =>
  messages.map(m => JSON.parse(m.data.toString('utf8')) as AuditEvent);

function assertChain(chain: readonly AuditEvent[]): void {
  let prev = GENESIS;
  chain.forEach((event, seq) => {
    assert.equal(event.seq, seq);
    assert.equal(event.prev, prev);
    assert.equal(eventHash(event as never), event.hash);
    prev = event.hash;
  });
}

describe('the record on the Pub/Sub emulator', { skip: lacksEmulators() }, () => {
  const topic = 'projects/test/topics/audit';
  let emulators: Emulators;
  let pubsub: PubSub;
  let subscription: Subscription | undefined;
  before(async () => {
    emulators = await startEmulators();
    pubsub = new PubSub({ projectId: 'test' });
  });
  after(async () => {
    await subscription?.close();
    await pubsub?.close();
    await emulators?.stop();
  });

  test('every event of every session arrives, and each session is one chain, however many are under way', async () => {
    const [created] = await pubsub.createTopic('audit');
    [subscription] = await created.createSubscription('all', { enableMessageOrdering: true });
    const got = new Map<string, AuditEvent>();
    const orders = new Map<string, number[]>();
    subscription.on('message', (message: Message) => {
      const event = JSON.parse(message.data.toString()) as AuditEvent;
      assert.deepEqual(
        { ...message.attributes },
        { session: event.session, seq: `${event.seq}`, kind: event.kind },
      );
      got.set(`${event.session} ${event.seq}`, event);
      orders.set(event.session, [...(orders.get(event.session) ?? []), event.seq]);
      message.ack();
    });
    const recorder = new AuditRecorder({ publisher: await openPublisher(topic), clock: Date.now });
    const sessions = Array.from({ length: 20 }, (_, i) => `s-${i}`);
    let last = 0;
    for (let n = 1; n <= 50; n += 1)
      for (const session of sessions) last = recorder.append(session, 'forward', { n });
    for (const session of sessions)
      last = recorder.append(session, 'session.close', { reason: 'bye', statements: 50 });
    assert.equal(await durable(recorder, last), null);
    assert.equal(recorder.durable, last);
    await recorder.close();
    await waitFor(() => got.size === sessions.length * 51, { what: 'all events', deadlineMs: 30_000 });
    for (const session of sessions) {
      const chain = [...got.values()].filter(e => e.session === session).sort((a, b) => a.seq - b.seq);
      assertChain(chain);
      const order = [...new Set(orders.get(session))];
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
        'the ordering key keeps the order',
      );
    }
  });
});

test('a publisher that fails and comes back loses nothing, keeps the order, and refuses new statements meanwhile', async () => {
  let down = false;
  const { publisher, taken } = scripted(async () => {
    if (down) throw new Error('UNAVAILABLE');
  });
  const recorder = new AuditRecorder({ publisher, clock: () => 0, deadlineMs: 200, retryMs: [1, 5] });
  assert.equal(await durable(recorder, recorder.append('s', 'forward', { n: 1 })), null);
  down = true;
  const second = recorder.append('s', 'forward', { n: 2 });
  const other = recorder.append('t', 'forward', { n: 1 });
  const fault = await durable(recorder, other);
  assert.ok(fault instanceof HoldpointError && fault.code === 'ledger_unavailable');
  assert.throws(() => recorder.append('s', 'forward', { n: 3 }), /audit ledger/);
  // What was begun gets its end all the same.
  const outcome = recorder.append('s', 'outcome', { ...OUTCOME, masks: [] });
  down = false;
  await waitFor(() => recorder.durable >= outcome, { what: 'all is durable again' });
  assert.ok(second < outcome);
  const chain = events(taken).filter(e => e.session === 's');
  assertChain(chain);
  assert.deepEqual(
    chain.map(e => e.kind),
    ['forward', 'forward', 'outcome'],
  );
  await recorder.close();
});

test('a ticket is durable only when all before it are, whichever is acknowledged first', async () => {
  const waiting = new Map<string, () => void>();
  const { publisher } = scripted(
    messages => new Promise(done => waiting.set(messages[0]!.orderingKey, done)),
  );
  const recorder = new AuditRecorder({ publisher, clock: () => 0 });
  const slow = recorder.append('slow', 'forward', { n: 1 });
  const quick = recorder.append('quick', 'forward', { n: 1 });
  await waitFor(() => waiting.size === 2, { what: 'both are sent' });
  waiting.get('quick')?.();
  await new Promise(setImmediate);
  assert.equal(recorder.durable, 0);
  waiting.get('slow')?.();
  assert.equal(await durable(recorder, quick), null);
  assert.ok(recorder.durable >= slow);
  await recorder.close();
});

test('a close that comes to nothing says how many events were not published', async () => {
  const { publisher } = scripted(() => Promise.reject(new Error('UNAVAILABLE')));
  const recorder = new AuditRecorder({ publisher, clock: () => 0, deadlineMs: 50, retryMs: [1, 5] });
  recorder.append('s', 'forward', { n: 1 });
  await assert.rejects(recorder.close(), (error: HoldpointError) =>
    /1 events could not be published/.test(error.detail ?? ''),
  );
});

test('what is too long for Pub/Sub is refused before it is part of a chain', async () => {
  const { publisher, taken } = scripted(async () => {});
  const recorder = new AuditRecorder({ publisher, clock: () => 0 });
  const statement = {
    n: 1,
    protocol: 'simple',
    text: 'x'.repeat(10 << 20),
    parameters: [],
    digest: '',
    verdict: 'deny',
    rule: 'r',
    message: '',
    effects: [],
  } as const;
  assert.throws(
    () => recorder.append('s', 'statement', { ...statement, parameters: [], effects: [] }),
    (error: HoldpointError) => error.code === 'limit',
  );
  assert.equal(await durable(recorder, recorder.append('s', 'forward', { n: 2 })), null);
  assertChain(events(taken));
  await recorder.close();
});
