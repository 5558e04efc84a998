/** What has to be undone, last first. */
export type Undo = (() => unknown)[];

/**
 * Starts something of many parts, each of which puts onto the list how it is ended. When a part fails, what had started is ended, and
 * the failure passed on. `stop` ends all; one that cannot be ended keeps none of the others from it, and is thrown when they have.
 */
export async function undoable<T>(start: (undo: Undo, stop: () => Promise<void>) => Promise<T>): Promise<T> {
  const undo: Undo = [];
  const stop = async () => {
    const failures: unknown[] = [];
    for (const step of undo.splice(0).reverse())
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  };
  try {
    return await start(undo, stop);
  } catch (error) {
    // Why it did not start is what a person has to know, not what could not be ended then.
    await stop().catch(() => undefined);
    throw error;
  }
}
