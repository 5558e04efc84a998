import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { DECISION_KEY, environmentOf, MASK_KEY, PROJECT, startBackends } from '#cli/emulators/backends.ts';
import { pushTo, startFunction } from '#cli/emulators/functions.ts';
import { startNode } from '#cli/emulators/node-process.ts';
import { startSlack } from '#cli/emulators/slack.ts';
import { toSecretManager } from '#cli/emulators/to-secret-manager.ts';
import { openAuditTail } from '#cli/gcp/audit-tail.ts';
import { openDesk } from '#cli/gcp/desk.ts';
import { createTopics, topicsOf } from '#cli/gcp/topics.ts';
import { createConsole } from '#functions/console/server.ts';
import { extendPolicy } from '#proxy/policy/load.ts';
import { resolveGroups } from '#schemas/groups.ts';
import type { Policy } from '#schemas/policy.ts';
import { approvers } from './approvers.ts';
import { begin, readOptions, tellCommandLine } from './begin.ts';
import { closeServer } from './listening.ts';
import type { Dev, DevOptions } from './options.ts';
import { startSampleShop } from './sample-shop.ts';
import { type Undo, undoable } from './undo.ts';

const { createServer } = process.getBuiltinModule('node:http');

/** In the cloud a scheduler calls it every minute; here somebody is watching. */
const EXPIRE_MS = 5_000;
const TAIL = 'dev-tail';
const PROXY = new URL('../../proxy/main.ts', import.meta.url);

/**
 * `holdpoint dev --emulators`: what `startDev` does, in the processes of the cloud. The proxy's service, each function on its framework, the
 * emulators of Firestore and Pub/Sub, Secret Manager and KMS, and a Slack; this process has the console. What approvals and record
 * there are ends with it. Rejects with an Error for people, and leaves nothing running.
 */
export function startEmulated(options: DevOptions): Promise<Dev> {
  return undoable((undo, stop) => compose(options, undo, stop));
}

async function compose(options: DevOptions, undo: Undo, stop: () => Promise<void>): Promise<Dev> {
  const { log } = options;
  const { data, given, policy: loaded } = readOptions(options);
  const slack = await slackOf(options.env, loaded);
  if (slack.fake !== null) undo.push(() => slack.fake?.stop());
  const http = createServer();
  const { address, issuer } = await begin(http, options, undo);

  log('starting the emulators of Firestore and Pub/Sub: this takes some seconds');
  const [backends, shop] = await settled([
    startBackends(join(data, 'emulators')).then(started => {
      undo.push(() => started.stop());
      return started;
    }),
    given !== null
      ? Promise.resolve(null)
      : startSampleShop(data, log).then(started => {
          undo.push(() => started.postgres.stop());
          return started;
        }),
  ]);
  const target = given ?? shop!.target;
  const hosts = environmentOf({ firestore: backends.firestore.host, pubsub: backends.pubsub.host });
  // The clients of this process look there too.
  Object.assign(process.env, hosts);

  const extended = extendPolicy(loaded, {
    // A policy that is read from a file may trust a token for a week at most.
    issuers: [{ ...issuer.entry, maxTokenAge: '168h', jwks: `${address}/jwks.json` }],
    ...(Object.hasOwn(loaded.targets, target.name) ? {} : { targets: { [target.name]: target.target } }),
  });
  const policy: Policy = {
    ...extended,
    targets: await toSecretManager(extended.targets, { ...options.env, ...target.secrets }, backends.secrets),
  };
  const written = join(data, 'emulators', 'policy.yaml');
  const { policyVersion: _, ...file } = policy;
  // JSON is YAML.
  writeFileSync(written, JSON.stringify(file, null, 2));

  const base = { ...options.env, ...hosts, HOLDPOINT_KMS_EMULATOR: backends.kms.host };
  const topics = topicsOf(PROJECT);
  const functionsEnv = {
    ...base,
    ...slack.env,
    HOLDPOINT_POLICY: written,
    HOLDPOINT_DECISION_KEY: DECISION_KEY,
    HOLDPOINT_HOLDS_TOPIC: topics.holds,
    HOLDPOINT_CONSOLE_URL: address,
  };
  log('starting the functions and the proxy');
  const start = async <T extends { stop(): Promise<unknown>; ended: Promise<number | null> }>(
    what: string,
    starting: Promise<T>,
  ): Promise<T> => {
    const started = await starting;
    let stopping = false;
    undo.push(() => {
      stopping = true;
      return started.stop();
    });
    void started.ended.then(code => {
      if (!stopping) log(`${what} has ended by itself with code ${code}: start dev again`);
    });
    return started;
  };
  const [announce, record, press, expire, proxy] = await settled([
    start('announce', startFunction('announce', functionsEnv, log)),
    start('record', startFunction('record', functionsEnv, log)),
    start('slack', startFunction('slack', functionsEnv, log)),
    start('expire', startFunction('expire', functionsEnv, log)),
    start(
      'the proxy',
      startNode(
        PROXY,
        [],
        {
          ...base,
          HOLDPOINT_POLICY: written,
          HOLDPOINT_HOLDS_TOPIC: topics.holds,
          HOLDPOINT_AUDIT_TOPIC: topics.audit,
          HOLDPOINT_DECISION_KEYS: DECISION_KEY,
          HOLDPOINT_MASK_KEY: MASK_KEY,
          HOLDPOINT_SECRETS_EMULATOR: backends.secrets.host,
          HOLDPOINT_CONSOLE_URL: address,
          HOLDPOINT_LISTEN: '127.0.0.1',
          HOLDPOINT_PG_PORT: String(options.pgPort),
          HOLDPOINT_TLS_CERT: options.tls?.cert,
          HOLDPOINT_TLS_KEY: options.tls?.key,
          PORT: '0',
        },
        line => log(`proxy: ${line}`),
      ),
    ),
  ]);
  await createTopics(
    PROJECT,
    { announce: pushTo(announce, topics.holds), record: pushTo(record, topics.audit) },
    { tail: TAIL },
  );
  if (slack.fake !== null) slack.fake.interactivityUrl = press.url;
  else log(`Slack's interactivity requests have to reach ${press.url}`);
  const ticking = setInterval(() => {
    fetch(expire.url, { method: 'POST', signal: AbortSignal.timeout(30_000) }).then(
      answer => answer.arrayBuffer(),
      error => log(`expire could not be called: ${String(error)}`),
    );
  }, EXPIRE_MS);
  undo.push(() => clearInterval(ticking));

  const fault = (message: string, error?: unknown) =>
    log(error === undefined ? message : `${message}: ${String(error)}`);
  const tail = openAuditTail(PROJECT, TAIL, fault);
  undo.push(() => tail.close());
  const { desk, close } = openDesk(functionsEnv, email => resolveGroups(policy.groups, { email }), fault);
  undo.push(close);
  undo.push(() => closeServer(http));
  const apiToken = randomBytes(24).toString('base64url');
  const page = createConsole({
    book: desk,
    audit: tail,
    approvers: () => approvers(policy),
    apiToken,
    clock: Date.now,
    newToken: () => randomBytes(24).toString('base64url'),
  });
  undo.push(() => page.close());
  const listener: RequestListener = (request, response) => {
    if (issuer.issuerRoutes(request, response) || page(request, response)) return;
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is no such page.\n');
  };
  http.on('request', listener);

  const about = { http: address, token: apiToken, groups: policy.groups, emulators: true } as const;
  tellCommandLine(data, about, undo);
  const pg = Number(proxy.ready.pg);
  return {
    pg: `postgres://${encodeURIComponent(target.role)}@127.0.0.1:${pg}/${encodeURIComponent(target.name)}`,
    http: address,
    data,
    issuer: issuer.issuer,
    policy: options.policy ?? 'the sample policy',
    slack: slack.fake === null ? 'https://slack.com/' : slack.fake.page,
    tunnel: `http://127.0.0.1:${Number(proxy.ready.http)}`,
    stop,
  };
}

/** The real Slack where its secrets are given; otherwise one of our own, whose people are the policy's approvers and one who is none. */
async function slackOf(env: DevOptions['env'], policy: Policy) {
  const { SLACK_BOT_TOKEN: token, SLACK_SIGNING_SECRET: secret } = env;
  if ((token === undefined) !== (secret === undefined))
    throw new Error('SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET belong together: set both for the real Slack');
  if (token !== undefined && secret !== undefined) {
    for (const name of ['SLACK_CHANNEL', 'SLACK_TEAM'])
      if (env[name] === undefined)
        throw new Error(`${name} is not set: with the real Slack, its id is needed`);
    return { fake: null, env: {} };
  }
  const people = [...approvers(policy).map(one => one.email), 'outsider@example.com'];
  const users = people.map((email, i) => ({ id: `U${i + 1}`, name: email.split('@')[0] ?? email, email }));
  const fake = await startSlack({ users });
  return {
    fake,
    env: {
      SLACK_BOT_TOKEN: fake.token,
      SLACK_SIGNING_SECRET: fake.signingSecret,
      SLACK_CHANNEL: fake.channel,
      SLACK_TEAM: fake.team,
      SLACK_API_URL: fake.api,
    },
  };
}

/** Waits for all of them, also when one fails: what has started has to be on the list of what is stopped. */
async function settled<const T extends readonly unknown[]>(
  all: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(all);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map(r => (r as PromiseFulfilledResult<unknown>).value) as never;
}
