import type { Analysis } from '#schemas/analysis.ts';

/** Why nothing is known of a statement whose analysis came to the end of the stack. */
export const DEEP = 'it nests deeper than it can be read';

/** As the server says it of a text that is too deep for its own stack. */
export const TOO_DEEP: Analysis = {
  kind: 'syntax-error',
  message: 'stack depth limit exceeded',
  detail: 'The text nests deeper than it can be read to judge it.',
  position: null,
  sqlstate: '54001',
};

/** The end of the stack is the only one of its kind that says so: others are lengths that cannot be. */
export function isTooDeep(fault: unknown): boolean {
  return fault instanceof RangeError && /call stack/i.test(fault.message);
}
