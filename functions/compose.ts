import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'yaml';
import { resolveGroups } from '#schemas/groups.ts';
import { policyFile } from '#schemas/policy.ts';
import { createAnnounce } from './announce/announce.ts';
import { readConfig } from './config.ts';
import { createExpire } from './expire/expire.ts';
import { CloudDesk } from './gcp/approval-desk.ts';
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
import { createWebApi } from './slack/web-api.ts';

/** Each function, ready to be called. They share what they stand on, though in the cloud each runs in its own process. */
export interface Functions {
  readonly announce: (data: PubSubData) => Promise<void>;
  readonly record: (data: PubSubData) => Promise<void>;
  readonly expire: () => Promise<{ readonly expired: number; readonly shown: number }>;
  readonly slack: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A call to Slack by a function that nobody waits for may take longer than one behind a button. */
const PATIENT_MS = 8000;

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
  const desk = (groups: (email: string) => readonly string[]) =>
    new CloudDesk({ database: firestore, claims, sign, groupsOf: groups, clock, log });
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
    load: id => own.course(id),
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
    expire: createExpire({ desk: own, stale: states.stale, show, clock, log }),
    slack: createSlackApp({
      token: config.SLACK_BOT_TOKEN,
      signingSecret: config.SLACK_SIGNING_SECRET,
      apiUrl: config.SLACK_API_URL,
      press: input => press(input, { people, book: groups => desk(() => groups) }),
      show,
      clock,
      log,
    }),
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
