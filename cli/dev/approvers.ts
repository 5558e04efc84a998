import type { Policy } from '#schemas/policy.ts';

/** Whom the policy names as approvers, of statements and of sessions, as far as it says who is in their groups. */
export function approvers(policy: Policy): { email: string }[] {
  const emails = new Set<string>();
  const asking = [
    ...policy.rules.flatMap(rule => (rule.verdict === 'hold' ? [rule] : [])),
    ...policy.access.flatMap(({ approval }) => approval ?? []),
  ];
  for (const approver of asking.flatMap(one => one.approvers)) {
    const members = approver.startsWith('email:') ? [approver.slice(6)] : (policy.groups[approver] ?? []);
    for (const member of members) if (member.includes('@')) emails.add(member.toLowerCase());
  }
  return [...emails].sort().map(email => ({ email }));
}
