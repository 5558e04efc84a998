import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { App, type BlockAction, type ButtonAction, ExpressReceiver } from '@slack/bolt';
import { z } from 'zod';
import { plain } from '../console/page/visible.ts';
import { MaybeStored } from '../ports.ts';
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
  /** Has the message show what the approval is now. */
  readonly changed: (id: string) => Promise<void>;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
  /** For all that one request takes, the private answer too: Slack gives it 3 s. */
  readonly budgetMs?: number;
}

interface Answer {
  readonly told: string | null;
  readonly beside: Promise<void> | null;
}

const buttonValue = z.strictObject({ id: z.string(), request: z.string() });
/** Slack's own rule for the past; a stamp from the future is as little a proof of freshness. */
const CLOCK_SKEW_SECONDS = 300;
/** Of the time for a press, what is kept for telling the person in private. */
const WHISPER = 1 / 3;
const LATE =
  'This is still being recorded: it takes longer than Slack waits. The message will show what became of it. If it shows the same buttons in a minute, press again: nothing counts twice.';
const FAILED = 'That did not work, and nothing was decided. Try again in a moment; Holdpoint has logged why.';

/**
 * The Slack app as a request handler for functions-framework, which keeps the raw body that the signature covers. Everything happens
 * before the answer, because a function has no time of its own after it; one budget, which begins when the request arrives, is for all
 * of it. What does not come within it is not waited for: the person is told that it is being recorded, and the message shows the end.
 */
export function createSlackApp(
  options: SlackAppOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { token, signingSecret, press, changed, clock, log, budgetMs = 2700 } = options;
  // Bolt has had a version in which an empty secret verified everything.
  if (signingSecret === '') throw new Error('a signing secret is needed');
  const receiver = new ExpressReceiver({ signingSecret, processBeforeResponse: true, endpoints: '/' });
  const app = new App({
    receiver,
    processBeforeResponse: true,
    // With a token of its own, Bolt asks Slack who it is before the first press is looked at.
    authorize: async () => ({ botToken: token }),
    ignoreSelf: false,
    clientOptions: {
      ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
      timeout: budgetMs,
      retryConfig: { retries: 0 },
    },
  });
  const arrivals = new AsyncLocalStorage<number>();

  /** What comes of `work`, or `late` when there is only `keepMs` of the budget left. */
  const inTime = async <T>(work: Promise<T>, late: T, keepMs = 0): Promise<T> => {
    const spent = performance.now() - (arrivals.getStore() ?? performance.now());
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<T>(resolve => {
      timer = setTimeout(() => resolve(late), Math.max(0, budgetMs - spent - keepMs));
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      clearTimeout(timer);
    }
  };

  /** Decides, and gives the sentence for the person, if there is one, and what is to be done beside telling them. */
  const decide = async (input: Parameters<typeof press>[0]): Promise<Answer> => {
    try {
      const { told, approval } = await press(input);
      if (told === null || approval === null) return { told, beside: null };
      // They have pressed on what is not so any more.
      const beside = changed(approval.id).catch((error: unknown) =>
        log(`the message about ${approval.id} could not be brought up to date`, error),
      );
      return { told, beside };
    } catch (error) {
      log(`a press on ${input.value.id} failed`, error);
      return { told: error instanceof MaybeStored ? LATE : FAILED, beside: null };
    }
  };
  const late: Answer = { told: LATE, beside: null };

  app.action<BlockAction<ButtonAction>>('approve', async ({ ack, body, action, client }) => {
    const value = readValue(action.value);
    const { told, beside } =
      value === null
        ? { told: 'That button is not one of mine.', beside: null }
        : await inTime(
            decide({ user: body.user.id, verdict: 'approve', reason: '', value }),
            late,
            budgetMs * WHISPER,
          );
    const channel = body.channel?.id;
    if (told !== null && channel !== undefined) {
      const whisper = client.chat
        .postEphemeral({ channel, user: body.user.id, text: escaped(told) })
        .catch((error: unknown) => log('somebody could not be told why', error));
      await inTime(Promise.all([whisper, beside]), null);
    }
    await ack();
  });

  for (const verdict of ['deny', 'revoke'] as const)
    app.action<BlockAction<ButtonAction>>(verdict, async ({ ack, body, action, client }) => {
      const value = readValue(action.value);
      if (value !== null)
        await inTime(
          client.views.open({ trigger_id: body.trigger_id, view: reasonDialog(verdict, value) }).then(
            () => {},
            (error: unknown) => log('the dialog for a reason could not be opened', error),
          ),
          undefined,
        );
      await ack();
    });

  /** A link: Slack opens it, and wants to hear that we know. */
  app.action('open', async ({ ack }) => ack());

  for (const verdict of ['deny', 'revoke'] as const)
    app.view(verdict, async ({ ack, body, view }) => {
      const value = readValue(view.private_metadata);
      const reason = view.state.values.reason?.reason?.value ?? '';
      const { told, beside } =
        value === null
          ? { told: 'That dialog is not one of mine.', beside: null }
          : await inTime(decide({ user: body.user.id, verdict, reason, value }), late, budgetMs / 10);
      await inTime(Promise.resolve(beside), undefined);
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
    arrivals.run(performance.now(), () => receiver.app(request as never, response as never));
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
