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
    }
  /** Not forwarded now; the approval stays open for whoever asks again. */
  | {
      readonly kind: 'returned';
      readonly state: 'returned';
      readonly why: string;
      readonly approval: Approval;
      readonly fault: HoldpointError;
    };

/** The refusal of a hold: the rule in the message, `why` as DETAIL, the approval's id in the HINT. */
export function refusal(
  approval: Approval,
  code: FaultCode,
  why: string,
  cause?: unknown,
): Extract<HoldResult, { kind: 'refused' }> {
  const rules = approval.requirements.map(r => r.rule).join(', ');
  const fault = new HoldpointError(code, `${FAULTS[code].client} (rule ${rules})`, {
    detail: why,
    hint: `approval ${approval.id}: holdpoint approvals show ${approval.id}`,
    cause,
  });
  return { kind: 'refused', state: STATES[code] ?? 'withdrawn', why, approval, fault };
}

/** The agent is not kept waiting: what it has to know to come back is in the error. */
export function returned(approval: Approval): HoldResult {
  const { id, deadline, releases, requirements } = approval;
  const rules = requirements.map(r => r.rule).join(', ');
  const says = [...new Set(requirements.map(r => r.message).filter(m => m !== ''))].join('; ');
  const approvers = [...new Set(requirements.flatMap(r => r.approvers))].join(', ');
  const grant = spoken(Math.min(...requirements.map(r => r.grantSeconds)));
  const next =
    releases === 'session'
      ? `connect again once it is approved; sessions can then be opened for ${grant}`
      : `run the same statement again once it is approved; it then runs once, within ${grant} of the approval`;
  const fault = new HoldpointError('hold_returned', `${FAULTS.hold_returned.client} (rule ${rules})`, {
    detail: `${says === '' ? '' : `${says}; `}approvers: ${approvers}; they can decide until ${deadline}`,
    hint: `approval ${id}: ${next}. See: holdpoint approvals show ${id}`,
  });
  return {
    kind: 'returned',
    state: 'returned',
    why: `it can be approved until ${deadline}`,
    approval,
    fault,
  };
}

function spoken(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

const STATES: { readonly [code in FaultCode]?: 'denied' | 'expired' } = {
  hold_denied: 'denied',
  hold_expired: 'expired',
};
