import type { SessionsRow } from './sessions.ts';
import type { Failure, ThroughputRow } from './throughput.ts';
import type { WideRow } from './wide.ts';

export interface Report {
  readonly machine: string;
  readonly clients: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly scale: number;
  readonly throughput: readonly ThroughputRow[];
  readonly wide: readonly WideRow[];
  readonly sessions: readonly SessionsRow[];
  /** Ways that were not measured, and why. */
  readonly skipped: readonly { readonly way: string; readonly why: string }[];
  readonly failures: readonly (Failure | { readonly way: string; readonly error: string })[];
}

/** The report as Markdown, to be pasted into the README. */
export function markdown(report: Report): string {
  const { clients, seconds, rounds, scale } = report;
  const parts = [
    report.machine,
    `pgbench, scale ${scale}, ${clients} clients, medians of ${rounds} interleaved rounds of ${seconds} s`,
    table(
      ['pgbench', 'way', 'tps', 'latency', 'of pgbouncer', 'added latency, × pgbouncer'],
      report.throughput.map(row => [
        row.script,
        row.way,
        row.tps.toFixed(0),
        `${row.latencyMs.toFixed(3)} ms`,
        row.ofPgbouncer === null ? '' : `${(row.ofPgbouncer * 100).toFixed(0)} %`,
        row.addedLatency === null ? '' : row.addedLatency.toFixed(1),
      ]),
    ),
    table(
      ['whole table', 'time', '× direct', 'bytes', 'proxy memory before → peak'],
      report.wide.map(row => [
        row.way,
        `${row.seconds.toFixed(2)} s`,
        row.ofDirect.toFixed(2),
        `${row.mebibytes.toFixed(0)} MiB`,
        row.memory === null
          ? ''
          : `${row.memory.beforeMiB.toFixed(0)} → ${row.memory.peakMiB.toFixed(0)} MiB`,
      ]),
    ),
    table(
      ['sessions', 'number', 'memory before → peak', 'each', 'until all are'],
      report.sessions.map(row => [
        row.what,
        `${row.sessions}`,
        `${row.beforeMiB.toFixed(0)} → ${row.peakMiB.toFixed(0)} MiB`,
        `${row.perSessionKiB.toFixed(0)} KiB`,
        `${row.seconds.toFixed(1)} s`,
      ]),
    ),
    ...report.skipped.map(({ way, why }) => `Not measured: ${way} (${why}).`),
    ...report.failures.map(failure => `Failed: ${failure.way}: ${failure.error}`),
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

/** Empty when there are no rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}
