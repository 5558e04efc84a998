import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until the condition gives something other than false, null or undefined, and gives that. A condition that throws counts as
 * not yet; its last error is the cause of the rejection at the deadline.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { what: string; deadlineMs?: number; everyMs?: number },
): Promise<Exclude<T, false | null | undefined>> {
  const deadlineMs = options.deadlineMs ?? 10_000;
  const end = Date.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const got = await condition();
      if (got !== false && got !== null && got !== undefined) {
        return got as Exclude<T, false | null | undefined>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= end) throw new Error(`not within ${deadlineMs} ms: ${options.what}`, { cause });
    await delay(options.everyMs ?? 20);
  }
}
