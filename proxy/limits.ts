import { bytes, type Policy, seconds } from '#schemas/policy.ts';
import { Quota } from './quota.ts';
import type { SessionLimits } from './session/parts.ts';

/** `limits` of the policy, as numbers. */
export interface ProxyLimits extends SessionLimits {
  /** Milliseconds from accept to the session's first ReadyForQuery. */
  readonly startMs: number;
  readonly unproven: number;
}

export function limitsOf({ limits }: Policy): ProxyLimits {
  const { unproven, text, statements, portals } = limits;
  return {
    startMs: seconds(limits.startup) * 1000,
    messageBytes: bytes(limits.message),
    aheadBytes: bytes(limits.ahead),
    ...{ unproven, text, statements, portals },
  };
}

/** What all sessions share, and how much of it one principal may have. */
export interface Quotas {
  readonly connections: Quota;
  /** Bytes. */
  readonly memory: Quota;
}

export function quotasOf({ limits }: Policy): Quotas {
  const { connections, connectionsPerPrincipal, memory, memoryPerPrincipal } = limits;
  return {
    connections: new Quota(
      { all: connections, each: connectionsPerPrincipal },
      { all: 'too_many', each: 'too_many_of_principal' },
    ),
    memory: new Quota(
      { all: bytes(memory), each: bytes(memoryPerPrincipal) },
      { all: 'memory', each: 'memory_of_principal' },
    ),
  };
}
