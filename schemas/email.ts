/**
 * An e-mail as it is compared: A to Z in lower case, everything else as it is. Unicode's own lower case would turn other letters into
 * ASCII ones (the Kelvin sign into `k`), and somebody's address into somebody else's.
 */
export function lowerEmail(email: string): string {
  return email.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

/**
 * What two addresses of one person have in common: `ann+ci@…` arrives where `ann@…` does, and whoever may choose their address must not
 * thereby become a second person. Only for telling people apart, never for giving somebody a right.
 */
export function mailbox(email: string): string {
  return lowerEmail(email).replace(/^([^+@]+)\+[^@]*@/, '$1@');
}
