import type { Approval } from '#schemas/approval.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { FAULTS, type FaultCode, HoldpointError } from '#schemas/errors.ts';

/** How a hold ended. `state` and `why` are the body of the audit event `hold.end`. */
export type HoldResult =
  /** Claimed by this hold, and by no other, ever: the statement may go forward now, once. */
  | {
      readonly kind: 'released';
      readonly state: 'approved';
      readonly why: string;
      readonly approval: Approval;
      readonly decisions: readonly SignedDecision[];
    }
  /** Never to be forwarded. `fault` is what the agent is told. */
  | {
      readonly kind: 'refused';
      readonly state: 'denied' | 'expired' | 'withdrawn';
      readonly why: string;
      readonly approval: Approval;
      readonly fault: HoldpointError;
    };

/** The refusal of a hold: the rule in the message, `why` as DETAIL, the approval's id in the HINT. */
export function refusal(approval: Approval, code: FaultCode, why: string, cause?: unknown): HoldResult {
  const rules = approval.requirements.map(r => r.rule).join(', ');
  const fault = new HoldpointError(code, `${FAULTS[code].client} (rule ${rules})`, {
    detail: why,
    hint: `approval ${approval.id}: holdpoint approvals show ${approval.id}`,
    cause,
  });
  return { kind: 'refused', state: STATES[code] ?? 'withdrawn', why, approval, fault };
}

const STATES: { readonly [code in FaultCode]?: 'denied' | 'expired' } = {
  hold_denied: 'denied',
  hold_expired: 'expired',
};
