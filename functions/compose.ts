import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { resolveGroups } from '#schemas/groups.ts';
import { policyFile } from '#schemas/policy.ts';
import { createAnnounce } from './announce/announce.ts';
import { readConfig } from './config.ts';
import { createExpire } from './expire/expire.ts';
import { CloudDesk } from './gcp/approval-desk.ts';
import { createChanged } from './gcp/changed.ts';
import { openClients } from './gcp/clients.ts';
import { createKmsSigner } from './gcp/decision-signer.ts';
import { createMessageStates } from './gcp/message-states.ts';
import { createSessionStore } from './gcp/session-store.ts';
import type { PubSubData } from './pub-sub.ts';
import { createRecord } from './record/record.ts';
import { createSlackApp } from './slack/app.ts';
import { press } from './slack/decide.ts';
import { createMessenger } from './slack/messenger.ts';
import { createPeople } from './slack/people.ts';
import { createWebApi, tooMany } from './slack/web-api.ts';

/** Each function, ready to be called. They share what they stand on, though in the cloud each runs in its own process. */
export interface Functions {
  readonly announce: (data: PubSubData) => Promise<void>;
  readonly record: (data: PubSubData) => Promise<void>;
  readonly expire: () => Promise<{ readonly expired: number; readonly shown: number }>;
  readonly slack: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * Opens the ways that the first call of this function would have to open, while nobody waits: a channel of gRPC with its token, Slack's
   * connection. Never rejects: what cannot be reached is told by the calls that need it.
   */
  readonly warm: (name: string) => Promise<void>;
}

/** A call to Slack by a function that nobody waits for may take longer than one behind a button. */
const PATIENT_MS = 8000;
/** A start that takes longer is worse than a first call that does. */
const WARM_MS = 5000;

/** Composes the functions from the environment. Throws an Error of one line where that is not complete. */
export function compose(env: Readonly<Record<string, string | undefined>>): Functions {
  const config = readConfig(env);
  const clock = Date.now;
  const log = (message: string, error?: unknown) =>
    console.error(
      JSON.stringify({
        severity: error === undefined ? 'WARNING' : 'ERROR',
        message: error === undefined ? message : `${message}: ${describe(error)}`,
      }),
    );
  const policy = policyFile.parse(parse(readFileSync(config.HOLDPOINT_POLICY, 'utf8')));
  const groupsOf = (email: string) => resolveGroups(policy.groups, { email });
  const { firestore, claims, kms } = openClients(config);
  const sign = createKmsSigner(kms, config.HOLDPOINT_DECISION_KEY);
  const changes = createChanged(config.HOLDPOINT_HOLDS_TOPIC);
  const changed = (id: string) => changes.tell(id);
  const desk = (groups: (email: string) => readonly string[]) =>
    new CloudDesk({ database: firestore, claims, sign, groupsOf: groups, changed, clock, log });
  const own = desk(groupsOf);
  const slack = createWebApi({
    token: config.SLACK_BOT_TOKEN,
    channel: config.SLACK_CHANNEL,
    url: config.SLACK_API_URL,
    timeoutMs: PATIENT_MS,
  });
  const states = createMessageStates(firestore, clock);
  const show = createMessenger({
    states,
    channel: slack.channel,
    load: id => own.picture(id),
    consoleUrl: config.HOLDPOINT_CONSOLE_URL,
    clock,
  });
  const people = createPeople({
    directory: slack.directory,
    emails: config.SLACK_EMAILS,
    userGroups: config.SLACK_USER_GROUPS,
    team: config.SLACK_TEAM,
    groupsOf,
    clock,
  });
  return {
    announce: createAnnounce({ desk: own, show, log }),
    record: createRecord({ sessions: createSessionStore(firestore), desk: own, show, log }),
    expire: createExpire({ desk: own, show, tooMany, clock, log }),
    slack: createSlackApp({
      token: config.SLACK_BOT_TOKEN,
      signingSecret: config.SLACK_SIGNING_SECRET,
      apiUrl: config.SLACK_API_URL,
      press: input => press(input, { people, book: groups => desk(() => groups) }),
      changed,
      clock,
      log,
    }),
    async warm(name) {
      const store = () => own.get('none');
      const ways: Record<string, (() => Promise<unknown>)[]> = {
        announce: [store, slack.warm],
        record: [store, slack.warm],
        expire: [store, slack.warm],
        slack: [store, slack.warm, changes.warm, sign.warm],
      };
      const opened = Promise.allSettled((ways[name] ?? []).map(way => way()));
      await Promise.race([opened, pause(WARM_MS, undefined, { ref: false })]);
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
