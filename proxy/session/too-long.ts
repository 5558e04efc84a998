import { HoldpointError } from '#schemas/errors.ts';
import { INVARIANT, type Verdict } from '#schemas/verdict.ts';
import type { Core } from './core.ts';

/** What is known of a text that has more in it than may be read: nothing. */
export interface TooLong {
  readonly kind: 'too-long';
}

/**
 * Refuses a text that nobody has read, wherever it stands: the server looks at a text before it looks at its transaction, too. It is in the
 * record, whole, like anything else that was refused.
 */
export function refuseTooLong(
  core: Pick<Core, 'judge' | 'limits' | 'run' | 'submit'>,
  text: string,
  protocol: 'simple' | 'parse',
  refuse: (error: HoldpointError) => void,
): void {
  const fault = new HoldpointError('text_too_long', undefined, {
    detail: `The limit is ${core.limits.text} words, numbers, signs and literals; the end of a statement counts for five.`,
  });
  const deny: Verdict = { kind: 'deny', rule: INVARIANT, message: fault.message };
  core.submit({
    run: core.run([]),
    judged: {
      text,
      statements: [],
      alone: true,
      reads: false,
      escapes: false,
      verdict: { outside: deny, inTransaction: deny },
      fault,
      recorded: false,
    },
    protocol,
    parameters: [],
    forward: NEVER,
    refuse,
    again: NEVER,
  });
}

const NEVER = () => {
  throw new HoldpointError('internal', 'a text that nobody has read was let through');
};
