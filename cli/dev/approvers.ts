import type { Policy } from '#schemas/policy.ts';

/** Whom the policy's rules name as approvers, as far as it says who is in their groups. */
export function approvers(policy: Policy): { email: string }[] {
  const emails = new Set<string>();
  for (const rule of policy.rules) {
    if (rule.verdict !== 'hold') continue;
    for (const approver of rule.approvers) {
      const members = approver.startsWith('email:') ? [approver.slice(6)] : (policy.groups[approver] ?? []);
      for (const member of members) if (member.includes('@')) emails.add(member.toLowerCase());
    }
  }
  return [...emails].sort().map(email => ({ email }));
}
