import { inParallel } from '../in-parallel.ts';
import type { ApprovalDesk } from '../ports.ts';

/** A scheduler comes every minute: what one tick does not get done, the next one does. */
const TICK_MS = 45_000;
/** Messages brought up to date by one tick, and how many of them at the same time: Slack allows about one change a second. */
const MESSAGES = 50;
const AT_ONCE = 4;

/**
 * One tick of the scheduler: ends what nobody can decide or use any more, and brings messages up to date that an interrupted function has
 * left behind. Gives how many of each. A message that cannot be shown is told to `log` and tried again at the next tick; where Slack wants to
 * be left in peace, all of them are.
 */
export function createExpire(deps: {
  readonly desk: Pick<ApprovalDesk, 'expireDue' | 'behind' | 'putLast'>;
  readonly show: (id: string) => Promise<void>;
  /** Whether this error says that Slack takes no more calls for now. */
  readonly tooMany: (error: unknown) => boolean;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
}): () => Promise<{ readonly expired: number; readonly shown: number }> {
  const { desk, show, tooMany, clock, log } = deps;
  return async () => {
    const end = clock() + TICK_MS;
    const inTime = () => clock() < end;
    const ended = await desk.expireDue(clock(), inTime);
    let shown = 0;
    let peace = false;
    await inParallel(
      await desk.behind(MESSAGES),
      AT_ONCE,
      async id => {
        try {
          await show(id);
          shown += 1;
        } catch (error) {
          peace ||= tooMany(error);
          log(`the message about ${id} could not be brought up to date`, error);
          if (!peace) await desk.putLast(id);
        }
      },
      () => inTime() && !peace,
    );
    return { expired: ended.length, shown };
  };
}
