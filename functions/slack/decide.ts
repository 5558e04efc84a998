import type { Approval } from '#schemas/approval.ts';
import type { Decision } from '#schemas/decision.ts';
import { IllegalMove } from '#schemas/hold.ts';
import type { ApprovalBook } from '../ports.ts';
import type { ButtonValue } from './message.ts';
import type { Decider } from './people.ts';

export interface Press {
  readonly user: string;
  readonly verdict: Decision['verdict'];
  readonly reason: string;
  readonly value: ButtonValue;
}

/** What the person who pressed is told; null when the message itself says it. */
export type Told = string | null;

/**
 * One press of a button. `book` is asked with the groups that the person is in, so that they are signed with the decision. Never throws
 * for what the person did wrong: that is a sentence for them. What does not work is thrown.
 */
export async function press(
  { user, verdict, reason, value }: Press,
  deps: {
    readonly people: (user: string) => Promise<Decider>;
    readonly book: (groups: readonly string[]) => Pick<ApprovalBook, 'get' | 'decide'>;
  },
): Promise<{ readonly told: Told; readonly approval: Approval | null }> {
  const decider = await deps.people(user);
  if (decider.kind === 'nobody') return { told: `Nothing has changed: ${decider.why}.`, approval: null };
  const book = deps.book(decider.groups);
  const present = await book.get(value.id);
  if (present === null) return { told: `There is no approval ${value.id}.`, approval: null };
  try {
    const approval = await book.decide(value.id, {
      by: decider.email,
      account: decider.account,
      verdict,
      reason,
      shown: value.request,
    });
    return { told: null, approval };
  } catch (error) {
    if (!(error instanceof IllegalMove)) throw error;
    return { told: `Nothing has changed: ${error.message}.`, approval: present };
  }
}
