import type { ApprovalDesk } from '../ports.ts';

/**
 * One tick of the scheduler: ends what nobody can decide or use any more, and brings messages up to date that an interrupted function has
 * left behind. Gives how many of each; a message that cannot be shown is told to `log` and tried again at the next tick.
 */
export function createExpire(deps: {
  readonly desk: Pick<ApprovalDesk, 'expireDue'>;
  /** Approvals whose message may be behind. */
  readonly stale: () => Promise<readonly string[]>;
  readonly show: (id: string) => Promise<void>;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
}): () => Promise<{ readonly expired: number; readonly shown: number }> {
  const { desk, stale, show, clock, log } = deps;
  return async () => {
    const ended = await desk.expireDue(clock());
    const ids = new Set([...ended.map(a => a.id), ...(await stale())]);
    let shown = 0;
    for (const id of ids) {
      try {
        await show(id);
        shown += 1;
      } catch (error) {
        log(`the message about ${id} could not be brought up to date`, error);
      }
    }
    return { expired: ended.length, shown };
  };
}
