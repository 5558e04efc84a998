import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import { atExit } from '#cli/at-exit.ts';
import { type DevIssuer, openDevIssuer } from '#cli/dev-issuer.ts';
import {
  type Backends,
  CLAIMS,
  DECISION_KEY,
  environmentOf,
  MASK_KEY,
  PROJECT,
  startBackends,
} from '#cli/emulators/backends.ts';
import {
  FUNCTIONS,
  type FunctionName,
  type FunctionProcess,
  pushTo,
  startFunction,
} from '#cli/emulators/functions.ts';
import { type NodeProcess, startNode } from '#cli/emulators/node-process.ts';
import { type FakeMessage, type SlackEmulator, startSlack } from '#cli/emulators/slack.ts';
import { createTopics, topicsOf } from '#cli/gcp/topics.ts';
import type { Approval } from '#schemas/approval.ts';
import { COLLECTIONS, fromDocument } from '#schemas/approval-document.ts';
import { firestoreOf } from '#test/gcp/clients.ts';
import { openTail } from '#test/gcp/tail.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { PATIENCE_MS } from './patience.ts';
import { startWire, type Wire } from './wire.ts';

const PROXY = new URL('../../proxy/main.ts', import.meta.url);
export const SECRET = `projects/${PROJECT}/secrets/agent`;
export const PASSWORD = 'agent-secret';

const USERS = [
  { id: 'UANN', name: 'Ann', email: 'ann@example.com' },
  { id: 'UBOB', name: 'Bob', email: 'bob@example.com' },
  { id: 'UEVE', name: 'Eve', email: 'eve@example.com' },
];

const policy = (db: number, issuer: DevIssuer, jwks: string) => `version: 1
issuers: [{ name: ci, issuer: '${issuer.issuer}', audience: holdpoint, algorithms: [ES256], jwks: '${jwks}' }]
targets:
  shop: { host: 127.0.0.1, port: ${db}, database: shop, tls: disable, roles: { agent: { secret: ${SECRET} } } }
groups: { approvers: [ann@example.com, bob@example.com] }
protected: [{ column: public.people.email, mask: email }]
access:
  - { name: nightly, principals: { subjects: ['night-*'] }, targets: [shop], roles: [agent], approval: { approvers: [approvers], grant: 10m, message: who is up so late } }
  - { name: agents, targets: [shop], roles: [agent] }
rules:
  - { name: one, match: { effects: { writes: [public.one] } }, verdict: hold, approvers: [approvers] }
  - { name: two, match: { effects: { writes: [public.two] } }, verdict: hold, approvers: [approvers], quorum: 2 }
  - { name: brief, match: { effects: { writes: [public.brief] } }, verdict: hold, approvers: [approvers], deadline: 5s }
  - { name: later, match: { effects: { writes: [public.later] } }, verdict: hold, approvers: [approvers], mode: return }
  - { name: reads, match: { effects: { readOnly: true } }, verdict: allow }
  - { name: keyed, match: { effects: { commands: [update], keyed: true } }, verdict: allow }
`;

const SCHEMA = `
create table people (id integer primary key, email text);
insert into people values (1, 'ann@example.com');
create table one (tag text); create table two (tag text); create table brief (tag text); create table later (tag text, n integer);
`;

/** One agent's connection to a proxy. */
export interface Agent {
  readonly client: pg.Client;
  /** Sends a statement that is held, waits for the notice of it, and gives the approval's id and what becomes of the statement. */
  hold(sql: string): Promise<{ id: string; done: Promise<pg.QueryResult | Error> }>;
  leave(): void;
}

/** Everything of the cloud as processes of this machine, with weather on the ways from the proxy to Google. */
export interface Stack {
  readonly db: TestPostgres;
  readonly backends: Backends;
  readonly slack: SlackEmulator;
  readonly firestore: ReturnType<typeof firestoreOf>;
  /** The database of claims and revocations. */
  readonly claims: ReturnType<typeof firestoreOf>;
  /** On the proxy's ways alone: the functions have clear sky. */
  readonly wires: { readonly firestore: Wire; readonly pubsub: Wire };
  readonly functions: Record<FunctionName, FunctionProcess>;
  readonly proxy: NodeProcess;
  /** The audit topic, as it comes by. */
  readonly tail: ReturnType<typeof openTail>;
  readonly logs: string[];
  startProxy(): Promise<NodeProcess>;
  restartFunction(name: FunctionName): Promise<void>;
  agent(proxy?: NodeProcess): Promise<Agent>;
  /** A client of a proxy that is not connected yet. `subject`: who it is; `night-…` needs an approval to get in. */
  client(subject: string, proxy: NodeProcess): Promise<pg.Client>;
  /** Puts rows of this tag into a table, past the proxy. */
  put(table: string, tag: string): Promise<void>;
  rows(table: string, tag: string): Promise<number>;
  /** The one message in Slack about an approval, once it is there. */
  message(id: string): Promise<FakeMessage>;
  messages(id: string): FakeMessage[];
  press(id: string, action: string, user: string): ReturnType<SlackEmulator['press']>;
  /** The approval as it is stored now. */
  stored(id: string): Promise<Approval>;
  /** Waits until the document has this state. */
  becomes(id: string, state: Approval['state'], deadlineMs?: number): Promise<Approval>;
  /** Waits until the message shows this. */
  shows(id: string, what: RegExp): Promise<void>;
  tick(): Promise<void>;
  stop(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  const undo: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await compose(undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(undo: (() => unknown)[], stop: () => Promise<void>): Promise<Stack> {
  const dir = tempDir('cloud');
  const [db, backends] = await Promise.all([
    startPostgres(),
    startBackends(join(dir, 'emulators')).then(started => {
      undo.push(() => started.stop());
      return started;
    }),
  ]);
  await db.query(`create role agent login password '${PASSWORD}'`);
  await db.createDatabase('shop');
  await db.query(`alter database shop owner to agent; alter schema public owner to agent`, {
    database: 'shop',
  });
  await db.query(`set role agent; ${SCHEMA}`, { database: 'shop' });
  backends.secrets.add(SECRET, PASSWORD);
  const slack = await startSlack({ users: USERS });
  undo.push(() => slack.stop());
  mkdirSync(join(dir, 'keys'));
  const issuer = await openDevIssuer(dir);
  const keys = createServer((request, response) => void issuer.issuerRoutes(request, response));
  await new Promise<void>(done => keys.listen(0, '127.0.0.1', done));
  undo.push(() => new Promise(done => keys.close(done)));
  undo.push(() => keys.closeAllConnections());
  const address = keys.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const policyFile = join(dir, 'policy.yaml');
  writeFileSync(policyFile, policy(db.port, issuer, `http://127.0.0.1:${address.port}/jwks.json`));

  const logs: string[] = [];
  const log = (line: string) => void logs.push(line);
  atExit(code => {
    if (code !== 0) console.error(`--- the processes of the cloud\n${logs.slice(-60).join('\n')}\n---`);
  });
  const direct = {
    ...process.env,
    ...environmentOf({ firestore: backends.firestore.host, pubsub: backends.pubsub.host }),
  };
  Object.assign(process.env, direct);
  const topics = topicsOf(PROJECT);
  const functionsEnv = {
    ...direct,
    HOLDPOINT_POLICY: policyFile,
    HOLDPOINT_DECISION_KEY: DECISION_KEY,
    HOLDPOINT_HOLDS_TOPIC: topics.holds,
    HOLDPOINT_CONSOLE_URL: 'https://console.example.com',
    HOLDPOINT_KMS_EMULATOR: backends.kms.host,
    SLACK_BOT_TOKEN: slack.token,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_CHANNEL: slack.channel,
    SLACK_TEAM: slack.team,
    SLACK_API_URL: slack.api,
  };
  const functions = Object.fromEntries(
    await Promise.all(
      FUNCTIONS.map(async name => {
        const started = await startFunction(name, functionsEnv, log);
        undo.push(() => functions[name].kill());
        return [name, started] as const;
      }),
    ),
  ) as Record<FunctionName, FunctionProcess>;
  slack.interactivityUrl = functions.slack.url;
  await createTopics(
    PROJECT,
    { announce: pushTo(functions.announce, topics.holds), record: pushTo(functions.record, topics.audit) },
    { tail: 'tail', ackSeconds: 10 },
  );
  const tail = openTail(PROJECT, 'tail');
  undo.push(() => tail.close());
  const wires = {
    firestore: await startWire(backends.firestore.host),
    pubsub: await startWire(backends.pubsub.host),
  };
  for (const wire of Object.values(wires)) undo.push(() => wire.stop());
  const firestore = firestoreOf(PROJECT);
  const claims = firestoreOf(PROJECT, CLAIMS);
  for (const one of [firestore, claims]) undo.push(() => one.terminate());

  const startProxy = async () => {
    const started = await startNode(
      PROXY,
      [],
      {
        ...direct,
        ...environmentOf({ firestore: wires.firestore.host, pubsub: wires.pubsub.host }),
        HOLDPOINT_POLICY: policyFile,
        HOLDPOINT_HOLDS_TOPIC: topics.holds,
        HOLDPOINT_AUDIT_TOPIC: topics.audit,
        HOLDPOINT_DECISION_KEYS: DECISION_KEY,
        HOLDPOINT_MASK_KEY: MASK_KEY,
        HOLDPOINT_SECRETS_EMULATOR: backends.secrets.host,
        HOLDPOINT_KMS_EMULATOR: backends.kms.host,
        HOLDPOINT_CONSOLE_URL: 'https://console.example.com',
        HOLDPOINT_LISTEN: '127.0.0.1',
        HOLDPOINT_PG_PORT: '0',
        PORT: '0',
      },
      line => log(`proxy: ${line}`),
    );
    undo.push(() => started.kill());
    return started;
  };
  const proxy = await startProxy();
  const document = (id: string) => firestore.collection(COLLECTIONS.approvals).doc(id);
  const stack: Stack = {
    db,
    backends,
    slack,
    firestore,
    claims,
    wires,
    functions,
    proxy,
    tail,
    logs,
    startProxy,
    async restartFunction(name) {
      const { ready, kill } = functions[name];
      await kill();
      functions[name] = await startFunction(name, functionsEnv, log, Number(ready.port));
    },
    async client(subject, at) {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: Number(at.ready.pg),
        user: 'agent',
        database: 'shop',
        password: await issuer.mint({ subject, email: 'dev@example.com', now: Date.now() }),
      });
      client.on('error', () => {});
      undo.push(() => client.end().catch(() => {}));
      return client;
    },
    async agent(at = proxy) {
      const client = await stack.client('ci-7', at);
      await client.connect();
      return {
        client,
        async hold(sql) {
          const noticed = new Promise<string>(resolve => {
            const heard = ({ message }: { message?: string | undefined }) => {
              const id = /held for approval (\S+):/.exec(message ?? '')?.[1];
              if (id === undefined) return;
              client.off('notice', heard);
              resolve(id);
            };
            client.on('notice', heard);
          });
          const done = client.query(sql).catch((error: Error) => error);
          const id = await Promise.race([
            noticed,
            done.then(result => {
              throw new Error(
                `it was not held: ${result instanceof Error ? result.message : result.command}`,
              );
            }),
          ]);
          return { id, done };
        },
        leave: () => {
          (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
        },
      };
    },
    async put(table, tag) {
      const values = table === 'later' ? [tag, 0] : [tag];
      await db.query(`insert into ${table} values (${values.map((_, i) => `$${i + 1}`).join(', ')})`, {
        values,
        database: 'shop',
      });
    },
    async rows(table, tag) {
      const [row] = await db.query<{ n: number }>(`select count(*)::int n from ${table} where tag = $1`, {
        values: [tag],
        database: 'shop',
      });
      return row?.n ?? -1;
    },
    messages: id => slack.messages.filter(m => JSON.stringify(m.metadata).includes(`"${id}"`)),
    message: id =>
      waitFor(() => stack.messages(id)[0], { what: `a message about ${id}`, deadlineMs: PATIENCE_MS }),
    async press(id, action, user) {
      const { ts } = await stack.message(id);
      return slack.press(ts, action, user);
    },
    stored: async id => fromDocument(id, (await document(id).get()).data()),
    becomes: (id, state, deadlineMs = PATIENCE_MS) =>
      waitFor(
        async () => {
          const approval = await stack.stored(id);
          assert.equal(approval.state, state);
          return approval;
        },
        { what: `${id} is ${state}`, deadlineMs },
      ),
    async shows(id, what) {
      await waitFor(() => what.test(JSON.stringify(stack.messages(id)[0]?.blocks)), {
        what: `the message about ${id} shows ${what}`,
        deadlineMs: PATIENCE_MS,
      });
    },
    async tick() {
      const answer = await fetch(functions.expire.url, { method: 'POST' });
      assert.equal(answer.status, 200, await answer.text());
    },
    stop,
  };
  return stack;
}

/** A tag that no other test has. */
export const fresh = () => `t${randomBytes(6).toString('hex')}`;

/** The SQLSTATE of what a held statement ended with; '' where it ran. */
export function codeOf(result: pg.QueryResult | Error): string {
  return result instanceof Error ? String((result as { code?: unknown }).code ?? result.message) : '';
}
