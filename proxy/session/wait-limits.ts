import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';
import { TIMEOUT } from './settings.ts';
import type { Wait } from './waits.ts';

const LOCK_TIMEOUT = 'lock_timeout';
const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
/** The longest that a timer takes. */
const MOST_MS = 2 ** 31 - 1;

/**
 * A statement that waits in the proxy for another session would wait for its lock at the server: the limits that the agent has set for that hold here, too, and in
 * the server's words. Inside a pipeline nothing is asked: there the statement before it may not have ended.
 */
export function limitWait({ line, segment, status }: Core, wait: Pick<Wait, 'end'>): void {
  if (segment || status === 'E') return;
  const after = (shown: string | undefined, error: () => HoldpointError) => {
    const [, count = '0', unit = ''] = /^(\d+)(ms|s|min|h|d)$/.exec(shown ?? '') ?? [];
    const ms = Math.min(Number(count) * (UNITS.get(unit) ?? 0), MOST_MS);
    if (ms > 0) setTimeout(() => wait.end(error()), ms).unref();
  };
  line.show(
    [LOCK_TIMEOUT, TIMEOUT],
    false,
    answers => {
      after(answers.get(LOCK_TIMEOUT), () => new HoldpointError('lock_timeout'));
      after(
        answers.get(TIMEOUT),
        () => new HoldpointError('cancelled', 'canceling statement due to statement timeout'),
      );
    },
    () => {},
  );
}
