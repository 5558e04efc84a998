import { PubSub } from '@google-cloud/pubsub';
import { RECORD_FILTER } from '#schemas/messages.ts';

/** The two topics of the proxy, whole names. */
export function topicsOf(project: string): { readonly holds: string; readonly audit: string } {
  return { holds: `projects/${project}/topics/holds`, audit: `projects/${project}/topics/audit` };
}

export interface Pushes {
  readonly announce: string;
  readonly record: string;
}

/**
 * Makes the topics in the emulator that PUBSUB_EMULATOR_HOST names, and the subscriptions that push to the functions, as Terraform makes them
 * in the cloud: no ordering, so that one message which cannot be taken holds up no other. `tail` gets a subscription to pull every
 * event from.
 */
export async function createTopics(
  project: string,
  push: Pushes,
  options: { readonly tail?: string; readonly ackSeconds?: number } = {},
): Promise<void> {
  const pubsub = new PubSub({ projectId: project });
  const { holds, audit } = topicsOf(project);
  try {
    const [[toHolds], [toAudit]] = await Promise.all([pubsub.createTopic(holds), pubsub.createTopic(audit)]);
    const common = {
      ackDeadlineSeconds: options.ackSeconds ?? 60,
      retryPolicy: { minimumBackoff: { nanos: 200_000_000 }, maximumBackoff: { seconds: 10 } },
    };
    await Promise.all([
      toHolds.createSubscription('announce', { ...common, pushEndpoint: push.announce }),
      toAudit.createSubscription('record', { ...common, pushEndpoint: push.record, filter: RECORD_FILTER }),
      ...(options.tail === undefined ? [] : [toAudit.createSubscription(options.tail, {})]),
    ]);
  } finally {
    await pubsub.close();
  }
}
