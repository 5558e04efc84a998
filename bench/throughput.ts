import { type Figures, pgbench, type Script } from './pgbench.ts';
import type { Way, WayName } from './ways.ts';

export interface ThroughputRow {
  readonly script: Script;
  readonly way: WayName;
  /** Medians over the rounds. */
  readonly tps: number;
  readonly latencyMs: number;
  /** tps as a share of pgbouncer's in the same rounds; null without pgbouncer. */
  readonly ofPgbouncer: number | null;
  /** Latency on top of direct, as a multiple of pgbouncer's; null where either is missing. */
  readonly addedLatency: number | null;
  readonly rounds: readonly Figures[];
}

export interface Failure {
  readonly script: Script;
  readonly way: WayName;
  readonly error: string;
}

/**
 * Every way in turn, and that again for each round: what disturbs the machine for a while disturbs all of them alike, which a run
 * of one way after the other would not give.
 */
export async function throughput(
  ways: readonly Way[],
  options: {
    scripts: readonly Script[];
    rounds: number;
    clients: number;
    seconds: number;
    log: (line: string) => void;
  },
): Promise<{ rows: ThroughputRow[]; failures: Failure[] }> {
  const rows: ThroughputRow[] = [];
  const failures: Failure[] = [];
  for (const script of options.scripts) {
    const taken = new Map<WayName, Figures[]>(ways.map(way => [way.name, []]));
    const failed = new Set<WayName>();
    // A first short run for each, not counted: connections, caches, compiled code.
    for (let round = 0; round <= options.rounds; round += 1) {
      for (const way of ways) {
        if (failed.has(way.name)) continue;
        try {
          const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
          const figures = await pgbench(way, { script, clients: options.clients, seconds });
          if (round === 0) continue;
          taken.get(way.name)!.push(figures);
          options.log(`${script}, round ${round}, ${way.name}: ${figures.tps.toFixed(0)} tps`);
        } catch (error) {
          failed.add(way.name);
          failures.push({ script, way: way.name, error: (error as Error).message });
          options.log((error as Error).message);
        }
      }
    }
    rows.push(...summarize(script, taken, failed));
  }
  return { rows, failures };
}

function summarize(script: Script, taken: Map<WayName, Figures[]>, failed: Set<WayName>): ThroughputRow[] {
  const middle = [...taken]
    .filter(([way, rounds]) => rounds.length > 0 && !failed.has(way))
    .map(([way, rounds]) => ({
      way,
      rounds,
      tps: median(rounds.map(figures => figures.tps)),
      latencyMs: median(rounds.map(figures => figures.latencyMs)),
    }));
  const of = (name: WayName) => middle.find(({ way }) => way === name);
  const [direct, bouncer] = [of('direct'), of('pgbouncer')];
  return middle.map(row => {
    const comparable = direct !== undefined && bouncer !== undefined && row !== direct;
    const added = bouncer === undefined || direct === undefined ? 0 : bouncer.latencyMs - direct.latencyMs;
    return {
      script,
      ...row,
      ofPgbouncer: bouncer === undefined ? null : row.tps / bouncer.tps,
      addedLatency: comparable && added > 0 ? (row.latencyMs - direct.latencyMs) / added : null,
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
