import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import { resolveGroups } from '#schemas/groups.ts';
import type { Principal } from '#schemas/principal.ts';
import { createHolds } from './hold/hold.ts';
import { approvalId } from './hold/id.ts';
import { rememberGroups } from './identity/directory.ts';
import { createVerifier } from './identity/verify.ts';
import type { Approvals, DecisionVerifier, GroupResolver } from './ports.ts';
import { type ProxyOptions, ProxyServer } from './proxy.ts';
import { Quota } from './quota.ts';
import { readText } from './read-text.ts';
import { TunnelServer } from './tunnel/server.ts';

/** What differs between one machine and the cloud; everything else is put together here, the same for both. */
export interface ProxyParts
  extends Pick<
    ProxyOptions,
    'policy' | 'recorder' | 'secrets' | 'maskKey' | 'certificate' | 'approveAt' | 'clock' | 'log'
  > {
  readonly approvals: Approvals;
  readonly decisions: DecisionVerifier;
  /** Makes the directory, where the policy names one. */
  readonly openDirectory: () => GroupResolver;
  /** Keys of issuers that are not fetched. */
  readonly fixedKeys?: ReadonlyMap<string, JSONWebKeySet>;
  /** Of a tunnel's agent, for the record. */
  readonly addressOf?: (request: IncomingMessage) => string;
}

/** The proxy and the tunnel that leads into it; neither listens yet. Throws an Error of one sentence when an authority's file cannot be read. */
export function composeProxy(parts: ProxyParts): {
  readonly proxy: ProxyServer;
  readonly tunnel: TunnelServer<Principal>;
} {
  const { policy, approvals, clock, log } = parts;
  const authorities = new Map<string, string>();
  for (const [name, { ca }] of Object.entries(policy.targets))
    if (ca !== undefined) authorities.set(name, readText(`the authority of target ${name}`, ca));
  const holds = createHolds({
    approvals,
    verifier: parts.decisions,
    clock,
    newId: () => approvalId(randomBytes),
    groupsOf: email => resolveGroups(policy.groups, { email }),
    room: new Quota(
      { all: policy.limits.parked, each: policy.limits.parkedPerPrincipal },
      { all: 'too_many_parked', each: 'too_many_parked_of_principal' },
    ),
    trouble: (error, approval) =>
      log(`approval ${approval.id}: the store could not be told how it ended`, error),
  });
  const proxy = new ProxyServer({
    ...parts,
    verifier: createVerifier({
      issuers: policy.issuers,
      ...(parts.fixedKeys === undefined ? {} : { fixed: parts.fixedKeys }),
      clock,
    }),
    ...(policy.issuers.some(issuer => issuer.directory !== undefined)
      ? { directory: rememberGroups(parts.openDirectory(), clock) }
      : {}),
    holds,
    authorities,
  });
  const tunnel = new TunnelServer({
    identify: (token, gateway) => proxy.identifyBehind(gateway, token),
    accept: (stream, from, who) => proxy.accept(stream, from, who),
    needsTls: socket => proxy.needsTls(socket),
    ...(parts.addressOf === undefined ? {} : { addressOf: parts.addressOf }),
    log,
  });
  return { proxy, tunnel };
}
