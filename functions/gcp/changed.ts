import { PubSub, v1 } from '@google-cloud/pubsub';
import type { TopicMessage } from '#schemas/messages.ts';

const DEADLINE_MS = 2000;

/** Tells on the topic of holds that an approval has changed, so that `announce` brings its message up to date. */
export interface Changed {
  /** Rejects when Pub/Sub has not taken it in time. */
  tell(id: string): Promise<void>;
  /** Opens the way there, so that the first one does not wait for it. */
  warm(): Promise<unknown>;
  close(): Promise<void>;
}

/** `topic` is `projects/…/topics/…`. With PUBSUB_EMULATOR_HOST set it talks to the emulator. */
export function createChanged(topic: string): Changed {
  const client = new PubSub({ projectId: topic.split('/')[1] ?? '' })
    .getClientConfig()
    .then(config => new v1.PublisherClient(config as ConstructorParameters<typeof v1.PublisherClient>[0]));
  // Whoever needs it hears of it.
  client.catch(() => {});
  return {
    async tell(id) {
      const message: TopicMessage = { v: 1, kind: 'changed', approval: id };
      const data = Buffer.from(JSON.stringify(message));
      const attributes = { approval: id, kind: message.kind };
      const publisher = await client;
      await publisher.publish(
        { topic, messages: [{ data, attributes, orderingKey: id }] },
        { timeout: DEADLINE_MS, retry: null },
      );
    },
    warm: async () => (await client).getTopic({ topic }, { timeout: DEADLINE_MS, retry: null }),
    close: async () => (await client).close(),
  };
}
