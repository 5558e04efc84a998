import { PubSub, v1 } from '@google-cloud/pubsub';

/** One message as it goes into a publish request. */
export interface Outgoing {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
}

/** Publishes to one topic, without a queue of its own: who calls decides what is sent together, and when again. */
export interface Publisher {
  /**
   * Resolves when Pub/Sub has acknowledged all of them. Rejects when it has not within `deadlineMs`: some of them may have been taken all
   * the same. At most 1,000 messages and 10 MB, all of one ordering key (Pub/Sub's quotas, and its PubsubMessage reference).
   */
  publish(messages: readonly Outgoing[], deadlineMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The generated client rather than `Topic`: that one keeps a queue for each ordering key, retries for ten minutes, and after a failure
 * refuses the key until it is told to resume. What may be lost, and for how long to try, is the recorder's to decide.
 * With PUBSUB_EMULATOR_HOST set it talks to the emulator. `topic` is `projects/…/topics/…`.
 */
export async function openPublisher(topic: string): Promise<Publisher> {
  const [, projectId] = topic.split('/');
  const config = await new PubSub(projectId === undefined ? {} : { projectId }).getClientConfig();
  // The library's own two types differ only in whether `undefined` may be spelled out.
  const client = new v1.PublisherClient(config as ConstructorParameters<typeof v1.PublisherClient>[0]);
  return {
    async publish(messages, deadlineMs) {
      const request = { topic, messages: messages.map(m => ({ ...m, attributes: { ...m.attributes } })) };
      // One attempt: a retry inside the library would hide for how long the record has not been durable.
      await client.publish(request, { timeout: deadlineMs, retry: null });
    },
    close: () => client.close(),
  };
}
