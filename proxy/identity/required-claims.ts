import { lowerEmail } from '#schemas/email.ts';
import type { Issuer } from '#schemas/policy.ts';
import { claimAt } from './claim-at.ts';

/**
 * The name of the first claim that is not what the issuer's entry in the policy asks for; null when all are. A claim that is missing, or
 * of a kind that cannot be compared, is never right. A claim that is a list is right when any of its elements is. `email` is compared only
 * where the issuer vouches for it, which is what `email` gives.
 */
export function unmetClaim(
  claims: object,
  required: NonNullable<Issuer['claims']>,
  email: string | undefined,
): string | null {
  for (const [name, wanted] of Object.entries(required)) {
    const accepted = [wanted].flat();
    const met =
      name === 'email'
        ? email !== undefined &&
          accepted.some(value => typeof value === 'string' && lowerEmail(value) === email)
        : [claimAt(claims, name)].flat().some(value => accepted.some(one => equal(value, one)));
    if (!met) return name;
  }
  return null;
}

/** Issuers write ids as texts or as numbers; the policy has them as texts, where no digit is lost. */
function equal(value: unknown, wanted: string | boolean): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && String(value) === wanted;
  return value === wanted;
}
