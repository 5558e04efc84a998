import type { Approval } from '#schemas/approval.ts';
import type { Decision } from '#schemas/decision.ts';
import { lowerEmail } from '#schemas/email.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { statementDigest } from '#schemas/statement.ts';
import type { DecisionInput } from './ports.ts';

/**
 * The decision that one person makes on an approval as it is stored now, ready to be signed. Throws IllegalMove, whose message is for that
 * person, where they may not make it: a signature over a decision that nobody may make must not come to exist. `groupsOf` gives the
 * groups of a lower-case e-mail, `now` is in milliseconds since 1970.
 */
export function decisionOn(
  present: Approval,
  input: DecisionInput,
  groupsOf: (email: string) => readonly string[],
  now: number,
): Decision {
  const by = lowerEmail(input.by.trim());
  if (input.reason.length > 2000) throw new IllegalMove('the reason is longer than 2000 characters');
  // Who has seen it approved takes it back with another word.
  if (input.verdict === 'deny' && present.state !== 'held')
    throw new IllegalMove(`approval ${present.id} is ${present.state} and can no longer be decided`);
  // The digest is what gets signed, the statement is what was shown: they are the same, or nobody signs.
  if (statementDigest(present.statement) !== present.digest)
    throw new IllegalMove(
      `the statement of ${present.id} is not the one that is held: its record was changed`,
    );
  const request = requestDigest(present);
  if (input.shown !== undefined && input.shown !== request)
    throw new IllegalMove(`what was shown of ${present.id} is not what is held: its record was changed`);
  const decision: Decision = {
    approval: present.id,
    digest: present.digest,
    request,
    verdict: input.verdict,
    by,
    ...(input.account === undefined ? {} : { account: input.account }),
    groups: [...groupsOf(by)].sort(),
    reason: input.reason,
    at: new Date(now).toISOString(),
  };
  transition(present, {
    kind: 'decide',
    signed: { decision, keyId: '', algorithm: 'Ed25519', signature: '' },
  });
  return decision;
}
