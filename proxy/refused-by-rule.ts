import { HoldpointError } from '#schemas/errors.ts';
import { INVARIANT, type Verdict } from '#schemas/verdict.ts';

/** What the agent hears of a denial; `what` was refused. */
export function refusedByRule(
  verdict: Extract<Verdict, { kind: 'deny' }>,
  what = 'this statement',
): HoldpointError {
  return new HoldpointError('denied', verdict.message, {
    detail: `rule "${verdict.rule}" of the policy refused ${what}`,
    hint:
      verdict.rule === INVARIANT
        ? 'No policy can allow it: the proxy could not keep its promises.'
        : 'Ask the owner of the policy.',
  });
}
