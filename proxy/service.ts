import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Server } from 'node:net';
import { HoldpointError } from '#schemas/errors.ts';
import { composeProxy } from './compose.ts';
import type { ProxyConfig } from './config.ts';
import { watchCertificate } from './door/tls-files.ts';
import { CloudApprovals } from './gcp/approvals.ts';
import { AuditRecorder } from './gcp/audit-recorder.ts';
import { type Clients, openClients } from './gcp/clients.ts';
import { cloudIdentity } from './gcp/cloud-identity.ts';
import { openKmsVerifier } from './gcp/decision-verifier.ts';
import { openPublisher } from './gcp/publisher.ts';
import { createCloudSecrets } from './gcp/secrets.ts';
import { loadPolicy } from './policy/load.ts';
import type { Secrets } from './ports.ts';
import { readText } from './read-text.ts';
import { TunnelServer } from './tunnel/server.ts';

export interface Service {
  readonly http: number;
  /** Null without a port for Postgres clients. */
  readonly pg: number | null;
  /** Refuses what is new, withdraws what is held, ends the sessions, and resolves when the record has all of it; rejects when it could not. */
  stop(): Promise<void>;
}

/** A probe's path. Cloud Run keeps some that end in z for itself. */
const READY_PATH = '/ready';
/** Of the ten seconds that Cloud Run gives: what could not be published until then is lost with the instance, and said so. */
const FLUSH_MS = 4000;

const { createServer } = process.getBuiltinModule('node:http');

/** Composes the proxy on Google Cloud's services and listens. Rejects with an Error for the operator, and leaves nothing open. */
export async function startService(
  config: ProxyConfig,
  log: (message: string, error?: unknown) => void,
): Promise<Service> {
  const clients = openClients(config);
  const undo: (() => Promise<void> | void)[] = [() => clients.close()];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await compose(config, clients, log, undo, unwind);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function compose(
  config: ProxyConfig,
  clients: Clients,
  log: (message: string, error?: unknown) => void,
  undo: (() => Promise<void> | void)[],
  unwind: () => Promise<void>,
): Promise<Service> {
  const clock = Date.now;
  const file = config.HOLDPOINT_POLICY;
  const policy = loadPolicy(readText('the policy', file), file);
  const { HOLDPOINT_TLS_CERT: cert, HOLDPOINT_TLS_KEY: key } = config;
  const certificate =
    cert === undefined || key === undefined ? undefined : watchCertificate({ cert, key }, log, undo);
  const secrets = createCloudSecrets(clients.secrets);
  const [maskKey, decisions, holds, audit] = await Promise.all([
    fetchMaskKey(secrets, config.HOLDPOINT_MASK_KEY),
    openKmsVerifier(clients.kms, config.HOLDPOINT_DECISION_KEYS),
    openPublisher(config.HOLDPOINT_HOLDS_TOPIC),
    openPublisher(config.HOLDPOINT_AUDIT_TOPIC),
  ]);
  const recorder = new AuditRecorder({ publisher: audit, clock, deadlineMs: FLUSH_MS });
  undo.push(() => recorder.close());
  const approvals = new CloudApprovals({
    publisher: holds,
    approvals: clients.approvals,
    claims: clients.claims,
    instance: `${config.K_REVISION ?? 'proxy'}-${randomUUID()}`,
    clock,
    log,
  });
  undo.push(() => approvals.close());
  const { proxy, tunnel } = composeProxy({
    policy,
    recorder,
    approvals,
    decisions,
    openDirectory: cloudIdentity,
    secrets,
    maskKey,
    certificate,
    approveAt: id => `approve or deny it in Slack or at ${config.HOLDPOINT_CONSOLE_URL}/#${id}`,
    ...(config.K_SERVICE === undefined ? {} : { addressOf: behindGateway }),
    clock,
    log,
  });

  let stopping = false;
  const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
  const listener: RequestListener = (request, response) => {
    if (tunnel.answer(request, response)) return;
    const ready = request.url?.split('?')[0] === READY_PATH;
    response.writeHead(ready ? (stopping ? 503 : 200) : 404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(ready ? (stopping ? 'stopping\n' : 'ready\n') : 'There is no such page.\n');
  };
  http.on('request', listener).on('upgrade', tunnel.upgrade);
  const pg = config.HOLDPOINT_PG_PORT === undefined ? null : proxy.server();
  undo.push(async () => {
    stopping = true;
    http.close();
    pg?.close();
    await proxy.close();
    tunnel.close();
    http.closeAllConnections();
  });
  await listen(http, config.PORT, config.HOLDPOINT_LISTEN);
  if (pg !== null) await listen(pg, config.HOLDPOINT_PG_PORT ?? 0, config.HOLDPOINT_LISTEN);
  return { http: portOf(http), pg: pg === null ? null : portOf(pg), stop: unwind };
}

async function fetchMaskKey(secrets: Secrets, reference: string): Promise<Buffer> {
  const { password } = await secrets.fetch(reference).catch((error: unknown) => {
    const why = error instanceof HoldpointError ? error.detail : undefined;
    throw new Error(`the mask key cannot be fetched: ${why ?? String(error)}`, { cause: error });
  });
  if (!/^[0-9a-fA-F]{64}$/.test(password))
    throw new Error(`${reference} is not a mask key: 64 hex digits are expected`);
  return Buffer.from(password, 'hex');
}

/** Google's front end puts the address that it was called from at the end; what stands before it came from the caller. */
function behindGateway({ headers, socket }: IncomingMessage): string {
  const told = [headers['x-forwarded-for']].flat().at(-1)?.split(',').at(-1)?.trim();
  return told === undefined || told === '' ? (socket.remoteAddress ?? '?') : told;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => reject(new Error(`port ${port} cannot be listened on`, { cause })));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}
