import { query, RawClient } from '#test/support/raw.ts';
import { memoryOf, resetPeak } from './memory.ts';
import type { Way } from './ways.ts';

export interface SessionsRow {
  readonly what: 'idle' | 'parked';
  readonly sessions: number;
  readonly beforeMiB: number;
  readonly peakMiB: number;
  readonly perSessionKiB: number;
  /** Until all were open, or all parked. */
  readonly seconds: number;
}

/** A statement that bench/policy.yaml holds. */
const HELD = 'truncate bench_people';

/** What this many sessions cost the proxy in memory: open and idle, or each with a statement that waits for its approval. */
export async function sessions(
  way: Way,
  options: { what: 'idle' | 'parked'; count: number; log: (line: string) => void },
): Promise<SessionsRow> {
  const pid = way.dev?.process.pid;
  const before = pid === undefined ? null : memoryOf(pid);
  if (pid === undefined || before === null)
    throw new Error('memory can be measured only of our own process on Linux');
  resetPeak(pid);
  const open: RawClient[] = [];
  const began = performance.now();
  try {
    while (open.length < options.count) {
      const batch = Math.min(20, options.count - open.length);
      open.push(...(await Promise.all(Array.from({ length: batch }, () => login(way)))));
    }
    if (options.what === 'parked') {
      for (const client of open) client.send(query(HELD));
      for (const client of open) await client.until('N', 120_000);
    }
    const seconds = (performance.now() - began) / 1000;
    const { peakMiB } = memoryOf(pid)!;
    options.log(`${options.count} sessions ${options.what}: ${peakMiB.toFixed(0)} MiB`);
    const perSessionKiB = ((peakMiB - before.nowMiB) * 1024) / options.count;
    return {
      what: options.what,
      sessions: options.count,
      beforeMiB: before.nowMiB,
      peakMiB,
      perSessionKiB,
      seconds,
    };
  } finally {
    for (const client of open) client.destroy();
  }
}

async function login(way: Way): Promise<RawClient> {
  const client = await RawClient.connect({ port: way.port });
  await client.login({ user: way.user, database: way.database, password: way.password ?? '' });
  return client;
}
