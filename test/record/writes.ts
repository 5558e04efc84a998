import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';

type Place = [fd: number, bytes: Buffer, from: number, length: number, at: number];
type Pool = (...args: [...Place, done: (error: Error | null, written: number) => void]) => void;
type Own = (...args: Place) => number;

export interface JournalWrites {
  /** Writes of the proxy's own thread, and of the pool. */
  own: number;
  pool: number;
  /** What the own thread's next writes do instead of `real`; null while they do what they should. */
  instead: ((real: Own, ...args: Place) => number) | null;
}

/** Stands in front of the file system's writes of this thread, until the test ends. */
export function journalWrites(context: TestContext): JournalWrites {
  const own = fs.writeSync as unknown as Own;
  const pool = fs.write as unknown as Pool;
  const writes: JournalWrites = { own: 0, pool: 0, instead: null };
  const mocks = [
    context.mock.method(fs, 'write', ((...args: Parameters<Pool>) => {
      writes.pool += 1;
      pool(...args);
    }) as never),
    context.mock.method(fs, 'writeSync', ((...args: Place) => {
      // Others write without a place.
      if (args.length !== 5) return own(...args);
      writes.own += 1;
      return writes.instead === null ? own(...args) : writes.instead(own, ...args);
    }) as never),
  ];
  syncBuiltinESMExports();
  context.after(() => {
    for (const mock of mocks) mock.mock.restore();
    syncBuiltinESMExports();
  });
  return writes;
}

/** This thread does nothing for so long, as in a write that a disk does not answer. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
