import type { Approval } from './approval.ts';
import { revocationDocument } from './approval-document.ts';
import { canonical } from './canonical.ts';
import { type SignedDecision, signedDecision } from './decision.ts';
import { IllegalMove, transition } from './hold.ts';

/** The denial or revocation that is kept apart from its approval. Where somebody else has written there, it still is one: nobody can say what it was. */
export type Revocation = SignedDecision | 'unreadable';

export function readRevocation(data: unknown): Revocation {
  const document = revocationDocument.safeParse(data);
  if (!document.success) return 'unreadable';
  try {
    const signed = signedDecision.safeParse(JSON.parse(document.data.signed));
    return signed.success ? signed.data : 'unreadable';
  } catch {
    return 'unreadable'; // not JSON
  }
}

/**
 * The approval with its denial or revocation among the decisions, also where its own record has lost that: whoever proves it counts it. Null
 * where that cannot be read.
 */
export function withRevocation(approval: Approval, revocation: Revocation | null): Approval | null {
  if (revocation === null) return approval;
  if (revocation === 'unreadable') return null;
  const own = canonical(revocation);
  if (approval.decisions.some(d => canonical(d) === own)) return approval;
  return { ...approval, decisions: [...approval.decisions, revocation] };
}

/**
 * What is to be shown of an approval whose denial or revocation is kept: ended by it, whatever its record says meanwhile, and whatever its
 * proxy said of its end in the same moment. Only what has run has run.
 */
export function endedBy(approval: Approval, revocation: Revocation): Approval {
  const open = approval.state === 'held' || approval.state === 'approved';
  if (revocation === 'unreadable')
    return open
      ? { ...approval, state: 'withdrawn', outcome: 'taken back, and it cannot be read by whom' }
      : approval;
  const own = canonical(revocation);
  const others = approval.decisions.filter(d => canonical(d) !== own);
  if (approval.state === 'executed' || (!open && others.length < approval.decisions.length)) return approval;
  try {
    return transition({ ...approval, decisions: others }, { kind: 'decide', signed: revocation });
  } catch (error) {
    if (!(error instanceof IllegalMove)) throw error;
  }
  const { reason, verdict } = revocation.decision;
  return {
    ...approval,
    state: verdict === 'deny' ? 'denied' : 'withdrawn',
    outcome: `${saidBy(revocation)}${reason === '' ? '' : `: ${reason}`}`,
    decisions: [...others, revocation],
  };
}

/** What somebody is told who decides on what was denied or revoked before, whatever its record says now. */
export function alreadyEnded(id: string, revocation: Revocation): IllegalMove {
  const how = revocation === 'unreadable' ? 'taken back' : saidBy(revocation);
  return new IllegalMove(`approval ${id} was ${how} and can no longer be decided`);
}

function saidBy({ decision }: SignedDecision): string {
  return `${decision.verdict === 'deny' ? 'denied' : 'revoked'} by ${decision.by}`;
}
