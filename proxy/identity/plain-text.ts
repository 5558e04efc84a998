/**
 * Whether a text can be shown to an approver and kept in the record without saying something else there: no control characters or line
 * breaks, nothing invisible or that turns the direction of writing, and no half of a surrogate pair (all of those become one and the same
 * character in UTF-8).
 */
export function isPlain(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
}
