import { type KnownBlock, WebClient } from '@slack/web-api';
import type { SlackMessage } from './message.ts';
import type { Directory } from './people.ts';

/** What is done in Slack's channel. All reject with the client library's error when Slack refuses or does not answer. */
export interface Channel {
  /** Gives the new message's timestamp, which is its id. */
  post(approval: string, message: SlackMessage): Promise<string>;
  update(ts: string, message: SlackMessage): Promise<void>;
  /** The message about this approval that was posted at or after `since` (ms since 1970), or null. */
  find(approval: string, since: number): Promise<string | null>;
}

/** Whether Slack has said that it takes no more calls for now. */
export function tooMany(error: unknown): boolean {
  const { code, data } = (error ?? {}) as { code?: unknown; data?: { error?: unknown } };
  return code === 'slack_webapi_rate_limited_error' || data?.error === 'ratelimited';
}

/** Marks a message as ours, so that one whose timestamp was never stored can be found again. */
const EVENT_TYPE = 'holdpoint_approval';
/** Messages looked through for one that may have been posted: more than a channel gets while a delivery is tried again. */
const LOOK_BACK = 200;

/** Slack's Web API with a bot token. `url` is Slack's own unless a test has one; a call that takes longer than `timeoutMs` has failed. */
export function createWebApi(options: {
  token: string;
  channel: string;
  url?: string | undefined;
  timeoutMs: number;
}): {
  readonly client: WebClient;
  readonly channel: Channel;
  readonly directory: Directory;
  /** Opens the connection, with a question that changes nothing. */
  readonly warm: () => Promise<unknown>;
} {
  const client = new WebClient(options.token, {
    ...(options.url === undefined ? {} : { slackApiUrl: options.url }),
    timeout: options.timeoutMs,
    // Pub/Sub delivers again, and people press again: a retry in here would only hide how long it takes.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
  });
  const { channel } = options;
  return {
    client,
    warm: () => client.auth.test(),
    channel: {
      async post(approval, { text, blocks }) {
        const metadata = { event_type: EVENT_TYPE, event_payload: { id: approval } };
        const answer = await client.chat.postMessage({
          channel,
          text,
          blocks: blocks as KnownBlock[],
          metadata,
          unfurl_links: false,
          unfurl_media: false,
        });
        if (answer.ts === undefined) throw new Error('Slack gave the message no timestamp');
        return answer.ts;
      },
      async update(ts, { text, blocks }) {
        await client.chat.update({ channel, ts, text, blocks: blocks as KnownBlock[] });
      },
      async find(approval, since) {
        const oldest = String(Math.floor(since / 1000));
        const answer = await client.conversations.history({
          channel,
          oldest,
          limit: LOOK_BACK,
          include_all_metadata: true,
        });
        const mine = answer.messages?.find(message => {
          const { event_type, event_payload } = message.metadata ?? {};
          return (
            event_type === EVENT_TYPE && (event_payload as { id?: unknown } | undefined)?.id === approval
          );
        });
        return mine?.ts ?? null;
      },
    },
    directory: {
      async user(id) {
        const { user } = await client.users.info({ user: id });
        if (user === undefined) throw new Error(`Slack knows no user ${id}`);
        return {
          id,
          team: user.team_id,
          email: user.profile?.email,
          deleted: user.deleted === true,
          bot: user.is_bot === true,
          guest: user.is_restricted === true || user.is_ultra_restricted === true,
        };
      },
      async members(usergroup) {
        const { users } = await client.usergroups.users.list({ usergroup });
        return users ?? [];
      },
    },
  };
}
