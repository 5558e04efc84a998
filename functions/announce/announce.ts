import { topicMessage } from '#schemas/messages.ts';
import type { ApprovalDesk } from '../ports.ts';
import { type PubSubData, pubSubJson } from '../pub-sub.ts';

/**
 * One delivery from the topic of holds: the approval's document first, then its message in Slack. Both may be there already, wholly or in
 * part, from a delivery that was interrupted. Rejects when a dependency fails, so that Pub/Sub delivers again; what is no hold message is
 * told to `log` and taken, because it would come back for days and never be one.
 */
export function createAnnounce(deps: {
  readonly desk: Pick<ApprovalDesk, 'take'>;
  readonly show: (id: string) => Promise<void>;
  readonly log: (message: string, error?: unknown) => void;
}): (data: PubSubData) => Promise<void> {
  return async data => {
    const message = topicMessage.safeParse(pubSubJson(data));
    if (!message.success) {
      deps.log('a message that is no hold message was dropped', message.error);
      return;
    }
    if (message.data.kind === 'changed') {
      await deps.show(message.data.approval);
      return;
    }
    const approval = await deps.desk.take(message.data);
    if (approval !== null) await deps.show(approval.id);
  };
}
