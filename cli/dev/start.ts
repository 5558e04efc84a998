import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { createConsole } from '#functions/console/server.ts';
import { LocalApprovals } from '#functions/local/approvals.ts';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { composeProxy } from '#proxy/compose.ts';
import { watchCertificate } from '#proxy/door/tls-files.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { createLocalSecrets } from '#proxy/local/secrets.ts';
import { extendPolicy } from '#proxy/policy/load.ts';
import { TunnelServer } from '#proxy/tunnel/server.ts';
import { resolveGroups } from '#schemas/groups.ts';
import { approvers } from './approvers.ts';
import { begin, readOptions, tellCommandLine } from './begin.ts';
import { maskKey } from './data-folder.ts';
import { closeServer, listen, portOf } from './listening.ts';
import type { Dev, DevOptions } from './options.ts';
import { startSampleShop } from './sample-shop.ts';
import type { DevTarget } from './target.ts';
import { type Undo, undoable } from './undo.ts';

/** To import it would load Node's whole HTTP client with it, for a tenth of the time until ready: the module's facade reads all exports. */
const { createServer } = process.getBuiltinModule('node:http');

/** How often it is looked at what the clock has ended. */
const EXPIRE_MS = 1000;

/** Composes everything on one machine. Rejects with an Error of one line, and leaves nothing running. */
export function startDev(options: DevOptions): Promise<Dev> {
  return undoable((undo, stop) => compose(options, undo, stop));
}

async function compose(options: DevOptions, undo: Undo, stop: () => Promise<void>): Promise<Dev> {
  const { log } = options;
  // The policy and the ports first: what a person got wrong is told at once.
  const { data, given, policy: loaded } = readOptions(options);
  const certificate = options.tls === undefined ? undefined : watchCertificate(options.tls, log, undo);
  const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
  const { address, issuer } = await begin(http, options, undo);
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
    openDirectory: () => {
      throw new Error('holdpoint dev asks no directory for groups: leave `directory` out of the issuers');
    },
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

  tellCommandLine(data, { http: address, token: apiToken, groups: policy.groups }, undo);
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

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
