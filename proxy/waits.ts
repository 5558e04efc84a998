/** Waits for what calls back with a fault or null. */
export function called(start: (done: (fault: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start(fault => (fault === null ? resolve() : reject(fault)));
  });
}

/** The same as `work`, unless the signal aborts before: then its reason. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
