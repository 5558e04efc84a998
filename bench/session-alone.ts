import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseTarget } from '#cli/dev/target.ts';
import { createLocalSecrets } from '#proxy/local/secrets.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { extendPolicy, loadPolicy } from '#proxy/policy/load.ts';
import type { Recorder } from '#proxy/ports.ts';
import { ProxyServer } from '#proxy/proxy.ts';
import type { Principal } from '#schemas/principal.ts';
import { NO_HOLDS } from '#test/support/lone-session.ts';

/**
 * The proxy with a ledger that takes everything at once and keeps nothing: what is left is the session itself, judging and masks with
 * it. For `bench/cpu.ts`; it records nothing and asks for no token, and is no proxy to use. Run: `node bench/session-alone.ts TARGET POLICY`.
 */
const [url, policyFile] = process.argv.slice(2);
if (url === undefined || policyFile === undefined) throw new Error('a target and a policy are needed');

let ticket = 0;
const nothing: Recorder = {
  append: () => ++ticket,
  get durable() {
    return ticket;
  },
  backlog: 0,
  whenDurable: (_, done) => done(null),
  close: () => Promise.resolve(),
};
const anybody: Principal = { issuer: 'dev', subject: 'bench', groups: [], expires: 4e9 };

await loadParser();
const { name, target, secrets } = parseTarget(url, {});
const loaded = loadPolicy(readFileSync(policyFile, 'utf8'), policyFile, {
  extraTargets: [name],
  extraIssuers: ['dev'],
});
const proxy = new ProxyServer({
  policy: extendPolicy(loaded, { targets: { [name]: target } }),
  verifier: { verify: () => Promise.reject(new Error('nobody is asked for a token')) },
  recorder: nothing,
  holds: NO_HOLDS,
  secrets: createLocalSecrets(secrets),
  authorities: new Map(),
  maskKey: Buffer.alloc(32, 1),
  approveAt: () => '',
  clock: Date.now,
  log: (message, error) => console.error(message, error ?? ''),
});
const server = createServer({ noDelay: true, allowHalfOpen: true }, socket =>
  proxy.accept(socket, 'bench', anybody),
);
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
process.once('SIGTERM', () => process.exit(0));
