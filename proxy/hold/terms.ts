import type { Releases, Requirement } from '#schemas/approval.ts';

/** How long a hold goes, and what its approval lets happen. */
export interface Terms {
  readonly releases: Exclude<Releases, 'session'>;
  readonly deadlineSeconds: number;
  /** On the open connection; 0: its agent is told at once that it has to come back. */
  readonly waitSeconds: number;
  readonly grantSeconds: number;
}

/**
 * All requirements have to be met, so of each time the shortest counts. An approval outlives its connection where the agent may wait for
 * less than approvers have. `bound`: the statement means something in its own session alone, so nothing of it can outlive that.
 */
export function termsOf(requirements: readonly Requirement[], bound = false): Terms {
  const least = (of: (requirement: Requirement) => number) => Math.min(...requirements.map(of));
  const waitSeconds = least(r => r.waitSeconds);
  const deadlineSeconds = bound
    ? Math.min(
        waitSeconds,
        least(r => r.deadlineSeconds),
      )
    : least(r => r.deadlineSeconds);
  return {
    releases: waitSeconds < deadlineSeconds ? 'once' : 'parked',
    deadlineSeconds,
    waitSeconds: Math.min(waitSeconds, deadlineSeconds),
    grantSeconds: least(r => r.grantSeconds),
  };
}
