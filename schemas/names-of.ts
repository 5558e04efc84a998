import type { Principal } from './principal.ts';

/** Everything by which somebody could be known elsewhere: whoever has one of these names is not somebody else. */
export function namesOf({
  subject,
  email,
  claimedEmails = [],
}: Pick<Principal, 'subject' | 'email' | 'claimedEmails'>): string[] {
  return [subject, ...(email === undefined ? [] : [email]), ...claimedEmails];
}
