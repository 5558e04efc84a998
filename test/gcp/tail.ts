import { PubSub } from '@google-cloud/pubsub';
import type { AuditKind } from '#schemas/audit.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** What a message carries. */
export interface Carried {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Everything on the audit topic, as it comes by on a subscription of its own. */
export function openTail(project: string, subscription: string) {
  const pubsub = new PubSub({ projectId: project });
  const seen: Carried[] = [];
  const pulled = pubsub.subscription(subscription);
  pulled.on('message', message => {
    message.ack();
    seen.push({ data: message.data, attributes: message.attributes });
  });
  // A stream that breaks is opened again by the library; what is missing then is told by whoever waits for it.
  pulled.on('error', () => {});
  return {
    /** The first event of this kind of a session, once it is there. */
    event: (session: string, kind: AuditKind) =>
      waitFor(() => seen.find(one => one.attributes.session === session && one.attributes.kind === kind), {
        what: `${kind} of ${session} on the audit topic`,
        deadlineMs: 120_000,
      }),
    /** Everything of a session that has come by. */
    of: (session: string) => seen.filter(one => one.attributes.session === session),
    async close() {
      await pulled.close();
      await pubsub.close();
    },
  };
}

/** A topic whose messages go to `take` as Pub/Sub pushes them: again, where it rejects. */
export async function openChanges(
  project: string,
  name: string,
  take: (message: { data: string; attributes: Record<string, string> }) => Promise<void>,
) {
  const pubsub = new PubSub({ projectId: project });
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription('announce', {});
  const underWay = new Set<Promise<void>>();
  subscription.on('message', message => {
    const taking = take({ data: message.data.toString('base64'), attributes: message.attributes }).then(
      () => message.ack(),
      () => message.nack(),
    );
    underWay.add(taking);
    void taking.then(() => underWay.delete(taking));
  });
  subscription.on('error', () => {});
  return {
    async close() {
      await subscription.close();
      // What is begun asks the emulators, which have to be there until it is done.
      await Promise.all(underWay);
      await pubsub.close();
    },
  };
}
