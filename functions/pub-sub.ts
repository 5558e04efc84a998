import { z } from 'zod';

/** The data of a CloudEvent `google.cloud.pubsub.topic.v1.messagePublished`. */
const pubSubData = z.object({
  message: z.object({
    data: z.string().default(''),
    attributes: z.record(z.string(), z.string()).nullish(),
  }),
});
export type PubSubData = unknown;

/** The JSON that a message carries; undefined when it carries none. */
export function pubSubJson(data: PubSubData): unknown {
  const event = pubSubData.safeParse(data);
  if (!event.success) return undefined;
  try {
    return JSON.parse(Buffer.from(event.data.message.data, 'base64').toString('utf8'));
  } catch {
    return undefined; // no JSON: the caller says what it expected
  }
}

/** The attributes of a message. */
export function pubSubAttributes(data: PubSubData): Readonly<Record<string, string | undefined>> {
  const event = pubSubData.safeParse(data);
  return (event.success ? event.data.message.attributes : null) ?? {};
}
