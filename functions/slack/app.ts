import type { IncomingMessage, ServerResponse } from 'node:http';
import { App, type BlockAction, type ButtonAction, ExpressReceiver } from '@slack/bolt';
import { z } from 'zod';
import { plain } from '../console/page/visible.ts';
import type { press as pressed } from './decide.ts';
import type { ButtonValue } from './message.ts';
import { reasonDialog } from './reason-dialog.ts';

export interface SlackAppOptions {
  readonly token: string;
  readonly signingSecret: string;
  /** Slack's API where it is not Slack's own (tests). */
  readonly apiUrl: string | undefined;
  /** Carries out one press. */
  readonly press: (input: Parameters<typeof pressed>[0]) => ReturnType<typeof pressed>;
  /** Makes the message show what the approval is now. */
  readonly show: (id: string) => Promise<void>;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
  /** Slack gives a request 3 s. */
  readonly deadlineMs?: number;
}

const buttonValue = z.strictObject({ id: z.string(), request: z.string() });
/** Slack's own rule for the past; a stamp from the future is as little a proof of freshness. */
const CLOCK_SKEW_SECONDS = 300;
const LATE =
  'This takes longer than Slack waits. Look at the message in a moment; if nothing has changed, press again.';
const FAILED = 'That did not work, and nothing was decided. Try again in a moment; Holdpoint has logged why.';

/**
 * The Slack app as a request handler for functions-framework, which keeps the raw body that the signature covers. Everything happens
 * before the answer, because a function has no time of its own after it; what the person is told in private is sent within the same time.
 */
export function createSlackApp(
  options: SlackAppOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { token, signingSecret, press, show, clock, log, deadlineMs = 2500 } = options;
  // Bolt has had a version in which an empty secret verified everything.
  if (signingSecret === '') throw new Error('a signing secret is needed');
  const receiver = new ExpressReceiver({ signingSecret, processBeforeResponse: true, endpoints: '/' });
  const app = new App({
    token,
    receiver,
    processBeforeResponse: true,
    tokenVerificationEnabled: false,
    clientOptions: {
      ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
      timeout: deadlineMs,
      retryConfig: { retries: 0 },
    },
  });

  /** Decides, brings the message up to date, and gives the sentence for the person, if there is one. */
  const carryOut = async (input: Parameters<typeof press>[0]): Promise<string | null> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>(resolve => {
      timer = setTimeout(() => resolve(LATE), deadlineMs);
    });
    const work = async () => {
      const { told, approval } = await press(input);
      if (approval !== null)
        await show(approval.id).catch((error: unknown) =>
          log(`the message about ${approval.id} could not be brought up to date`, error),
        );
      return told;
    };
    try {
      return await Promise.race([
        work().catch((error: unknown) => {
          log(`a press on ${input.value.id} failed`, error);
          return FAILED;
        }),
        late,
      ]);
    } finally {
      clearTimeout(timer);
    }
  };

  app.action<BlockAction<ButtonAction>>('approve', async ({ ack, body, action, client }) => {
    const value = readValue(action.value);
    const told =
      value === null
        ? 'That button is not one of mine.'
        : await carryOut({ user: body.user.id, verdict: 'approve', reason: '', value });
    const channel = body.channel?.id;
    if (told !== null && channel !== undefined)
      await client.chat
        .postEphemeral({ channel, user: body.user.id, text: escaped(told) })
        .catch((error: unknown) => log('somebody could not be told why', error));
    await ack();
  });

  for (const verdict of ['deny', 'revoke'] as const)
    app.action<BlockAction<ButtonAction>>(verdict, async ({ ack, body, action, client }) => {
      const value = readValue(action.value);
      if (value !== null)
        await client.views
          .open({ trigger_id: body.trigger_id, view: reasonDialog(verdict, value) })
          .catch((error: unknown) => log('the dialog for a reason could not be opened', error));
      await ack();
    });

  /** A link: Slack opens it, and wants to hear that we know. */
  app.action('open', async ({ ack }) => ack());

  for (const verdict of ['deny', 'revoke'] as const)
    app.view(verdict, async ({ ack, body, view }) => {
      const value = readValue(view.private_metadata);
      const reason = view.state.values.reason?.reason?.value ?? '';
      const told =
        value === null
          ? 'That dialog is not one of mine.'
          : await carryOut({ user: body.user.id, verdict, reason, value });
      if (told === null) await ack();
      else await ack({ response_action: 'errors', errors: { reason: plain(told).slice(0, 1000) } });
    });

  app.error(async error => log('the Slack app failed', error));

  return (request, response) => {
    const stamp = Number(request.headers['x-slack-request-timestamp']);
    if (!Number.isFinite(stamp) || stamp > clock() / 1000 + CLOCK_SKEW_SECONDS) {
      response.writeHead(401).end();
      return;
    }
    receiver.app(request as never, response as never);
  };
}

function readValue(text: string | undefined): ButtonValue | null {
  try {
    const value = buttonValue.safeParse(JSON.parse(text ?? ''));
    return value.success ? value.data : null;
  } catch {
    return null; // not JSON: not ours
  }
}

/** Slack's three characters (Formatting text for app surfaces), and nothing that does not show. */
function escaped(text: string): string {
  return plain(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
