/**
 * An e-mail as it is compared: A to Z in lower case, everything else as it is. Unicode's own lower case would turn other letters into
 * ASCII ones (the Kelvin sign into `k`), and somebody's address into somebody else's.
 */
export function lowerEmail(email: string): string {
  return email.replace(/[A-Z]/g, letter => letter.toLowerCase());
}
