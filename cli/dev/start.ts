import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';
import { openDevIssuer } from '#cli/dev-issuer.ts';
import { createConsole } from '#functions/console/server.ts';
import { LocalApprovals } from '#functions/local/approvals.ts';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { composeProxy } from '#proxy/compose.ts';
import { type TlsFiles, watchCertificate } from '#proxy/door/tls-files.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { createLocalSecrets } from '#proxy/local/secrets.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { extendPolicy, loadPolicy } from '#proxy/policy/load.ts';
import { readText } from '#proxy/read-text.ts';
import { TunnelServer } from '#proxy/tunnel/server.ts';
import { resolveGroups } from '#schemas/groups.ts';
import type { Policy } from '#schemas/policy.ts';
import { startSampleShop } from './sample-shop.ts';
import { type DevTarget, parseTarget } from './target.ts';

export interface DevOptions {
  readonly data: string;
  readonly pgPort: number;
  readonly httpPort: number;
  /** Default: the sample policy. */
  readonly policy: string | undefined;
  /** Default: the sample shop. */
  readonly target: string | undefined;
  /** TLS towards agents. Default: none. */
  readonly tls?: TlsFiles | undefined;
  readonly log: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Dev {
  /** Without a password. */
  readonly pg: string;
  readonly http: string;
  readonly data: string;
  readonly issuer: string;
  readonly policy: string;
  /** Withdraws what is held, ends the sessions, seals the ledger, stops what was started. */
  stop(): Promise<void>;
}

/** To import it would load Node's whole HTTP client with it, for a tenth of the time until ready: the module's facade reads all exports. */
const { createServer } = process.getBuiltinModule('node:http');

export const SAMPLE_POLICY = new URL('../sample/policy.yaml', import.meta.url);

/** How often it is looked at what the clock has ended. */
const EXPIRE_MS = 1000;

/** Things to undo, last first. */
type Undo = (() => Promise<void> | void)[];

/** Composes everything on one machine. Rejects with an Error of one line, and leaves nothing running. */
export async function startDev(options: DevOptions): Promise<Dev> {
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await compose(options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(options: DevOptions, undo: Undo, stop: () => Promise<void>): Promise<Dev> {
  const { log } = options;
  const data = resolve(options.data);
  const given = options.target === undefined ? null : parseTarget(options.target, options.env);
  const policyFile = options.policy ?? SAMPLE_POLICY.pathname;
  // The policy and the ports first: what a person got wrong is told at once.
  const name = given?.name ?? 'shop';
  const loaded = loadPolicy(readText('the policy', policyFile), options.policy ?? 'sample policy', {
    extraTargets: [name],
    extraIssuers: ['dev'],
  });
  const certificate = options.tls === undefined ? undefined : watchCertificate(options.tls, log, undo);
  const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
  await listen(http, options.httpPort, '--http-port');
  undo.push(() => closeServer(http));
  await probe(options.pgPort);

  const address = `http://127.0.0.1:${portOf(http)}`;
  makeDataFolder(data);
  await loadParser();
  const issuer = await openDevIssuer(data);
  const shop = given === null ? await startSampleShop(data, log) : null;
  if (shop !== null) undo.push(() => shop.postgres.stop());
  const target: DevTarget = given ?? shop!.target;
  const policy = extendPolicy(loaded, {
    issuers: [issuer.entry],
    ...(Object.hasOwn(loaded.targets, target.name) ? {} : { targets: { [target.name]: target.target } }),
  });

  const groupsOf = (email: string) => resolveGroups(policy.groups, { email });
  const recorder = await openLedger({
    file: join(data, 'ledger.db'),
    keyFile: join(data, 'keys', 'ledger.key'),
  });
  undo.push(() => recorder.close());
  const approvals = new LocalApprovals({
    path: join(data, 'approvals.db'),
    signer: openDecisionSigner(data),
    groupsOf,
    clock: Date.now,
  });
  undo.push(() => approvals.close());
  const expiring = setInterval(expirer(approvals, log), EXPIRE_MS);
  undo.push(() => clearInterval(expiring));
  // Once more: pages and decisions read the stores, so no request may be left when these close. Tunnels are cut before, or it would
  // wait for them.
  undo.push(() => closeServer(http));
  const fault = (message: string, error?: unknown) =>
    log(error === undefined ? message : `${message}: ${describe(error)}`);
  const { proxy, tunnel } = composeProxy({
    policy,
    recorder,
    approvals,
    decisions: openDecisionVerifier(join(data, 'keys', 'decision.pub')),
    fixedKeys: new Map([[issuer.issuer, issuer.jwks]]),
    secrets: createLocalSecrets({ ...options.env, ...target.secrets }),
    maskKey: maskKey(join(data, 'keys', 'mask.key')),
    certificate,
    approveAt: id => `approve or deny it at ${address}/#${id} or with: holdpoint approvals show ${id}`,
    clock: Date.now,
    log: fault,
  });
  undo.push(() => tunnel.close());

  const audit = openAuditReader(join(data, 'ledger.db'));
  const apiToken = randomBytes(24).toString('base64url');
  const console = createConsole({
    book: approvals,
    audit,
    approvers: () => approvers(policy),
    apiToken,
    clock: Date.now,
    newToken: () => randomBytes(24).toString('base64url'),
  });
  undo.push(() => console.close());
  const listener: RequestListener = (request, response) => {
    if (tunnel.answer(request, response) || issuer.issuerRoutes(request, response)) return;
    if (console(request, response)) return;
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is no such page.\n');
  };
  http.on('request', listener).on('upgrade', tunnel.upgrade);
  const server = proxy.server();
  await listen(server, options.pgPort, '--pg-port');
  undo.push(async () => {
    server.close();
    await proxy.close();
  });

  const devFile = join(data, 'dev.json');
  writePrivately(
    devFile,
    JSON.stringify({ http: address, token: apiToken, groups: policy.groups, pid: process.pid }),
  );
  undo.push(() => rmSync(devFile, { force: true }));
  return {
    pg: `postgres://${encodeURIComponent(target.role)}@127.0.0.1:${portOf(server)}/${encodeURIComponent(target.name)}`,
    http: address,
    data,
    issuer: issuer.issuer,
    policy: options.policy ?? 'the sample policy',
    stop,
  };
}

/** A record that was altered by hand, or a store that is down, is told once, and looked at again and again. */
function expirer(approvals: LocalApprovals, log: (line: string) => void): () => void {
  let told = '';
  return () => {
    try {
      approvals.expireDue();
      told = '';
    } catch (error) {
      if (told !== String(error)) log(`approvals that are over could not be ended: ${String(error)}`);
      told = String(error);
    }
  };
}

/** 0700 where it is made here; a folder that is there already keeps its mode. */
function makeDataFolder(data: string): void {
  if (!existsSync(data)) mkdirSync(data, { recursive: true, mode: 0o711 });
  mkdirSync(join(data, 'keys'), { recursive: true, mode: 0o700 });
  chmodSync(join(data, 'keys'), 0o700);
}

function maskKey(file: string): Buffer {
  if (!existsSync(file)) writePrivately(file, randomBytes(32).toString('hex'));
  const key = Buffer.from(readFileSync(file, 'utf8'), 'hex');
  if (key.length !== 32) throw new Error(`${file} is not a mask key: 64 hex digits are expected`);
  return key;
}

function approvers(policy: Policy): { email: string }[] {
  const emails = new Set<string>();
  for (const rule of policy.rules) {
    if (rule.verdict !== 'hold') continue;
    for (const approver of rule.approvers) {
      const members = approver.startsWith('email:') ? [approver.slice(6)] : (policy.groups[approver] ?? []);
      for (const member of members) if (member.includes('@')) emails.add(member.toLowerCase());
    }
  }
  return [...emails].sort().map(email => ({ email }));
}

/** Whole or not at all, and for nobody else to read. */
function writePrivately(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function listen(server: Server, port: number, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is in use by another program'
          : `cannot be listened on (${error.code})`;
      reject(new Error(`port ${port} ${why}: choose another with ${option}`, { cause: error }));
    });
    server.listen(port, '127.0.0.1', () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

/** Finds out that the agents' port is taken before the database is started. */
async function probe(port: number): Promise<void> {
  if (port === 0) return;
  const { createServer: createTcp } = await import('node:net');
  const server = createTcp();
  await listen(server, port, '--pg-port');
  await closeServer(server);
}

/** Also of a server that is closed already. */
function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
