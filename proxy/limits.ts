import { bytes, type Policy, seconds } from '#schemas/policy.ts';
import type { SessionLimits } from './session/parts.ts';

/** `limits` of the policy, as numbers. */
export interface ProxyLimits extends SessionLimits {
  /** Milliseconds from accept to the session's first ReadyForQuery. */
  readonly startMs: number;
  readonly unproven: number;
  readonly connections: number;
  readonly connectionsPerPrincipal: number;
}

export function limitsOf({ limits }: Policy): ProxyLimits {
  const { unproven, connections, connectionsPerPrincipal, statements, portals } = limits;
  return {
    startMs: seconds(limits.startup) * 1000,
    messageBytes: bytes(limits.message),
    aheadBytes: bytes(limits.ahead),
    ...{ unproven, connections, connectionsPerPrincipal, statements, portals },
  };
}
