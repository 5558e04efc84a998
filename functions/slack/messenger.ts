import type { Approval } from '#schemas/approval.ts';
import { sha256 } from '#schemas/canonical.ts';
import type { Execution, Picture } from '../ports.ts';
import { approvalMessage } from './message.ts';
import type { Channel } from './web-api.ts';

/** What is known of the message about one approval. */
export interface MessageState {
  /** Null until it is known to be posted. */
  readonly ts: string | null;
  /** Hash of what it shows. */
  readonly shown: string;
  /** Somebody is posting it until then (ms since 1970); 0 when nobody is. */
  readonly lease: number;
  /** How often posting was begun. */
  readonly attempts: number;
}

/** Where the states of messages are kept; `change` is one transaction, and may run its function several times. */
export interface MessageStates {
  change(id: string, work: (present: MessageState) => MessageState): Promise<MessageState>;
}

export interface MessengerOptions {
  readonly states: MessageStates;
  readonly channel: Channel;
  /** What the message is about, as it is now; null when there is nothing yet. */
  readonly load: (id: string) => Promise<Picture | null>;
  readonly consoleUrl: string;
  readonly clock: () => number;
}

/** Longer than one call to Slack may take, shorter than Pub/Sub's patience. */
const LEASE_MS = 20_000;
/** Changes that come while a change is being shown. */
const ROUNDS = 5;

/** Another instance is posting the message right now: to be tried again later. */
export class BeingPosted extends Error {
  override readonly name = 'BeingPosted';
}

/**
 * Keeps one Slack message for each approval: posts it once, however often it is told to and wherever it was interrupted, and makes it show
 * what the approval is now. Slack has no key that makes posting idempotent, so a lease keeps two from posting at once, and whoever comes after
 * an attempt whose end is unknown looks for the message in the channel first.
 */
export function createMessenger(options: MessengerOptions): (id: string) => Promise<void> {
  const { states, channel, load, consoleUrl, clock } = options;

  async function post(id: string, since: number | null, message: ReturnType<typeof approvalMessage>) {
    const found = since === null ? null : await channel.find(id, since);
    return { found, ts: found ?? (await channel.post(id, message)) };
  }

  /** The state of a message that is there, and whether this call has made it so. */
  async function posted(
    id: string,
    approval: Approval,
    execution: Execution | null,
  ): Promise<{ readonly state: MessageState; readonly wrote: boolean }> {
    const now = clock();
    let mine = false;
    const state = await states.change(id, present => {
      mine = present.ts === null && present.lease <= now;
      return mine ? { ...present, lease: now + LEASE_MS, attempts: present.attempts + 1 } : present;
    });
    if (state.ts !== null) return { state, wrote: false };
    if (!mine) throw new BeingPosted(`the message about ${id} is being posted`);
    const message = approvalMessage(approval, consoleUrl, execution);
    const since = Date.parse(approval.createdAt) - 60_000;
    const { found, ts } = await post(id, state.attempts > 1 ? since : null, message).catch(
      async (error: unknown) => {
        // Slack has said no: nothing is on its way any more, and the next one need not wait for the lease.
        if (refused(error)) await states.change(id, present => ({ ...present, lease: 0 }));
        throw error;
      },
    );
    // A message that was found shows what it showed then.
    const shown = found === null ? hash(message) : '';
    const after = await states.change(id, present => ({ ...present, ts: present.ts ?? ts, shown, lease: 0 }));
    return { state: after, wrote: true };
  }

  return async id => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const about = await load(id);
      if (about === null) return;
      const { state, wrote } = await posted(id, about.approval, about.execution);
      const message = approvalMessage(about.approval, consoleUrl, about.execution);
      const key = hash(message);
      if (state.shown === key && !wrote) {
        await about.shown();
        return;
      }
      if (state.shown === key || state.ts === null) continue;
      await channel.update(state.ts, message);
      // Round again: what changed meanwhile may have been shown by somebody else before this, older one.
      await states.change(id, present => ({ ...present, shown: key }));
    }
  };
}

/** An answer of Slack's, in the client library's words; anything else leaves it open whether the message is there. */
function refused(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'slack_webapi_platform_error' || code === 'slack_webapi_rate_limited_error';
}

function hash(message: ReturnType<typeof approvalMessage>): string {
  return sha256(JSON.stringify(message));
}
