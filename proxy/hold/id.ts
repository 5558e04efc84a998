/** Crockford's base32 without case: nothing in it is mistaken for something else when it is read out or typed. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new approval id: `ap_` and 10 base32 characters, 50 bits of `random` (which gives that many random bytes). */
export function approvalId(random: (bytes: number) => Uint8Array): string {
  return `ap_${Array.from(random(10), byte => ALPHABET[byte & 31]).join('')}`;
}
