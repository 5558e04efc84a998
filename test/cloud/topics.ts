import { PubSub } from '@google-cloud/pubsub';
import { PROJECT } from '#cli/emulators/backends.ts';
import { type FunctionProcess, pushTo } from '#cli/emulators/functions.ts';
import { topicsOf } from '#cli/gcp/topics.ts';
import type { AuditKind } from '#schemas/audit.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { PATIENCE_MS } from './patience.ts';

/** What a message carries. */
export interface Carried {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Pushes a message to a function as Pub/Sub does, and gives the function's answer. */
export async function push(
  to: FunctionProcess,
  topic: keyof ReturnType<typeof topicsOf>,
  { data, attributes }: Carried,
): Promise<number> {
  const answer = await fetch(pushTo(to, topicsOf(PROJECT)[topic]), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subscription: `projects/${PROJECT}/subscriptions/again`,
      message: {
        data: data.toString('base64'),
        attributes,
        messageId: '1',
        publishTime: new Date().toISOString(),
      },
    }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** Everything on the audit topic, as it comes by on a subscription of its own. */
export function openTail(subscription: string) {
  const pubsub = new PubSub({ projectId: PROJECT });
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
        deadlineMs: PATIENCE_MS,
      }),
    async close() {
      await pulled.close();
      await pubsub.close();
    },
  };
}
