/** Waits for all of them, then rejects as the first of them did: nothing goes on behind the caller's back. */
export async function settled<T>(all: readonly T[]): Promise<Awaited<T>[]> {
  const results = await Promise.allSettled(all);
  return results.map(result => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
