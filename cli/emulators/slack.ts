import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { blocksFault, viewFault } from './slack-limits.ts';
import { slackPage } from './slack-page.ts';

export interface FakeUser {
  readonly id: string;
  readonly name: string;
  readonly email?: string;
  readonly team?: string;
  readonly deleted?: boolean;
  readonly bot?: boolean;
  readonly guest?: boolean;
}

export interface FakeMessage {
  readonly ts: string;
  readonly channel: string;
  text: string;
  blocks: readonly Record<string, unknown>[];
  readonly metadata: unknown;
  /** How often it was updated. */
  updates: number;
}

/** What only one person was shown. */
export interface Whisper {
  readonly user: string;
  readonly text: string;
  /** ms since 1970. */
  readonly at: number;
}

interface Dialog {
  readonly user: string;
  readonly view: Record<string, unknown>;
}

/** Slack on this machine: the part of its Web API that Holdpoint uses, and the requests that it sends when somebody presses a button. */
export interface SlackEmulator {
  /** For `slackApiUrl`. */
  readonly api: string;
  /** A page that shows the channel and lets one press. */
  readonly page: string;
  readonly token: string;
  readonly signingSecret: string;
  readonly channel: string;
  /** Id of the workspace. */
  readonly team: string;
  readonly users: FakeUser[];
  /** User group id → user ids. */
  readonly userGroups: Map<string, string[]>;
  readonly messages: FakeMessage[];
  readonly whispers: Whisper[];
  /** Methods called, in order. */
  readonly calls: string[];
  /** Where interactions are sent; set it before anybody presses. */
  interactivityUrl: string;
  /** Called before each answer with the method: may wait, or give an error code that Slack would. */
  before: (method: string) => string | null | Promise<string | null>;
  /**
   * Presses a button of a message as Slack would tell the app. Gives the app's HTTP status, and the dialog that it opened. Throws when the message
   * has no such button: nobody can press what is not there.
   */
  press(
    ts: string,
    action: string,
    user: string,
  ): Promise<{ status: number; dialog: Record<string, unknown> | null }>;
  /** Submits a dialog with a reason; gives the app's answer, which may carry errors for its fields. */
  submit(
    dialog: Record<string, unknown>,
    user: string,
    reason: string,
  ): Promise<{ status: number; body: unknown }>;
  /** Sends any payload, signed as Slack signs, at a time of one's choosing (seconds since 1970). */
  send(payload: unknown, at?: number): Promise<Response>;
  stop(): Promise<void>;
}

/** Starts it on 127.0.0.1 with one channel. It checks messages against Slack's limits and refuses with Slack's error codes. */
export async function startSlack(
  options: { readonly port?: number; readonly users?: readonly FakeUser[] } = {},
): Promise<SlackEmulator> {
  const token = 'xoxb-emulator';
  const signingSecret = randomBytes(16).toString('hex');
  const channel = 'C0HOLDPOINT';
  const dialogs = new Map<string, Dialog>();
  const triggers = new Map<string, string>();
  let stamp = Math.floor(Date.now() / 1000);
  let serial = 0;
  const emulator = {
    token,
    signingSecret,
    channel,
    team: 'T0',
    users: [...(options.users ?? [])],
    userGroups: new Map<string, string[]>(),
    messages: [] as FakeMessage[],
    whispers: [] as Whisper[],
    calls: [] as string[],
    interactivityUrl: '',
    before: (_method: string): string | null | Promise<string | null> => null,
  };

  const methods: Record<string, (args: Record<string, unknown>) => Record<string, unknown>> = {
    'auth.test': () => ({ ok: true, user_id: 'U0BOT', bot_id: 'B0BOT', team_id: 'T0' }),
    'chat.postMessage': args => {
      const fault = blocksFault(args);
      if (fault !== null) return { ok: false, error: fault };
      if (args.channel !== channel) return { ok: false, error: 'channel_not_found' };
      serial += 1;
      stamp = Math.max(stamp, Math.floor(Date.now() / 1000));
      const ts = `${stamp}.${String(serial).padStart(6, '0')}`;
      emulator.messages.push({
        ts,
        channel,
        text: String(args.text ?? ''),
        blocks: args.blocks as Record<string, unknown>[],
        metadata: args.metadata,
        updates: 0,
      });
      return { ok: true, ts, channel };
    },
    'chat.update': args => {
      const fault = blocksFault(args);
      if (fault !== null) return { ok: false, error: fault };
      const message = emulator.messages.find(m => m.ts === args.ts);
      if (message === undefined) return { ok: false, error: 'message_not_found' };
      message.text = String(args.text ?? '');
      message.blocks = args.blocks as Record<string, unknown>[];
      message.updates += 1;
      return { ok: true, ts: message.ts, channel };
    },
    'chat.postEphemeral': args => {
      if (!emulator.users.some(u => u.id === args.user)) return { ok: false, error: 'user_not_in_channel' };
      emulator.whispers.push({ user: String(args.user), text: String(args.text), at: Date.now() });
      return { ok: true, message_ts: `${stamp}.900000` };
    },
    'views.open': args => {
      const user = triggers.get(String(args.trigger_id));
      if (user === undefined) return { ok: false, error: 'expired_trigger_id' };
      const fault = viewFault(args.view as Record<string, unknown>);
      if (fault !== null) return { ok: false, error: fault };
      triggers.delete(String(args.trigger_id));
      serial += 1;
      const id = `V${serial}`;
      const view = { ...(args.view as Record<string, unknown>), id };
      dialogs.set(String(args.trigger_id), { user, view });
      return { ok: true, view };
    },
    'users.info': args => {
      const user = emulator.users.find(u => u.id === args.user);
      if (user === undefined) return { ok: false, error: 'user_not_found' };
      return {
        ok: true,
        user: {
          id: user.id,
          name: user.name,
          team_id: user.team ?? 'T0',
          deleted: user.deleted === true,
          is_bot: user.bot === true,
          is_restricted: user.guest === true,
          profile: user.email === undefined ? {} : { email: user.email },
        },
      };
    },
    'usergroups.users.list': args => {
      const users = emulator.userGroups.get(String(args.usergroup));
      return users === undefined ? { ok: false, error: 'no_such_subteam' } : { ok: true, users };
    },
    'conversations.history': args => ({
      ok: true,
      messages: emulator.messages
        .filter(m => Number(m.ts) >= Number(args.oldest ?? 0))
        .toReversed()
        .slice(0, Number(args.limit ?? 100)),
    }),
  };

  async function answer(method: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const args = await readArguments(request);
    emulator.calls.push(method);
    const error = await emulator.before(method);
    const known = methods[method];
    const authorised = request.headers.authorization === `Bearer ${token}` || args.token === token;
    const body = !authorised
      ? { ok: false, error: 'invalid_auth' }
      : error !== null
        ? { ok: false, error }
        : (known?.(args) ?? { ok: false, error: 'unknown_method' });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  async function send(payload: unknown, at = Math.floor(Date.now() / 1000)): Promise<Response> {
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const signature = createHmac('sha256', signingSecret).update(`v0:${at}:${body}`).digest('hex');
    return fetch(emulator.interactivityUrl, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': String(at),
        'x-slack-signature': `v0=${signature}`,
      },
    });
  }

  const person = (user: string) => ({ id: user, username: user, team_id: 'T0' });

  const press: SlackEmulator['press'] = async (ts, action, user) => {
    const message = emulator.messages.find(m => m.ts === ts);
    const button = buttons(message).find(b => b.action_id === action);
    if (message === undefined || button === undefined)
      throw new Error(`message ${ts} has no button ${action}`);
    const trigger = `t${randomBytes(8).toString('hex')}`;
    triggers.set(trigger, user);
    const response = await send({
      type: 'block_actions',
      team: { id: 'T0', domain: 'emulator' },
      user: person(user),
      api_app_id: 'A0',
      token: 'legacy',
      trigger_id: trigger,
      container: { type: 'message', message_ts: ts, channel_id: channel },
      channel: { id: channel, name: 'approvals' },
      message: { ts, type: 'message', text: message.text },
      actions: [{ ...button, type: 'button', block_id: 'b', action_ts: String(Date.now() / 1000) }],
    });
    await response.arrayBuffer();
    const dialog = dialogs.get(trigger)?.view ?? null;
    dialogs.delete(trigger);
    return { status: response.status, dialog };
  };

  const submit: SlackEmulator['submit'] = async (dialog, user, reason) => {
    const response = await send({
      type: 'view_submission',
      team: { id: 'T0', domain: 'emulator' },
      user: person(user),
      api_app_id: 'A0',
      token: 'legacy',
      view: {
        ...dialog,
        state: { values: { reason: { reason: { type: 'plain_text_input', value: reason || null } } } },
      },
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://slack').pathname;
    const method = /^\/api\/([a-zA-Z.]+)$/.exec(path)?.[1];
    const work =
      method === undefined
        ? slackPage(request, response, path, { ...emulator, buttons, press, submit })
        : answer(method, request, response);
    work.catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const base = `http://127.0.0.1:${address.port}`;
  return Object.assign(emulator, {
    api: `${base}/api/`,
    page: `${base}/`,
    send,
    press,
    submit,
    stop: () =>
      new Promise<void>(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  });
}

export interface FakeButton {
  readonly action_id: string;
  readonly text: string;
  readonly value?: string;
  readonly url?: string;
}

/** The buttons of a message. */
function buttons(message: FakeMessage | undefined): FakeButton[] {
  return (message?.blocks ?? [])
    .filter(block => block.type === 'actions')
    .flatMap(block => block.elements as Record<string, unknown>[])
    .map(({ action_id, value, url, text }) => ({
      action_id: String(action_id),
      text: String((text as { text?: string } | undefined)?.text),
      ...(value === undefined ? {} : { value: String(value) }),
      ...(url === undefined ? {} : { url: String(url) }),
    }));
}

/** The client sends forms in which everything but plain values is JSON, or JSON as a whole. */
async function readArguments(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  if (request.headers['content-type']?.startsWith('application/json'))
    return JSON.parse(text) as Record<string, unknown>;
  return Object.fromEntries(
    [...new URLSearchParams(text)].map(([name, value]) => [
      name,
      /^[[{]/.test(value) ? JSON.parse(value) : value,
    ]),
  );
}
