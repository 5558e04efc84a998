import { runProgram } from '#test/support/psql.ts';
import type { Way } from './ways.ts';

export const SCRIPTS = {
  simple: ['-S', '-M', 'simple'],
  extended: ['-S', '-M', 'extended'],
  prepared: ['-S', '-M', 'prepared'],
  'read-write': ['-b', 'tpcb-like', '-M', 'simple'],
} as const;
export type Script = keyof typeof SCRIPTS;

export interface Figures {
  /** Transactions per second, without the time that connecting took. */
  readonly tps: number;
  readonly latencyMs: number;
}

/** One run of pgbench. Rejects when a client was aborted or a transaction failed: a fast wrong answer is no figure. */
export async function pgbench(
  way: Way,
  options: { script: Script; clients: number; seconds: number },
): Promise<Figures> {
  const args = [
    ...['-n', '-h', '127.0.0.1', '-p', `${way.port}`, '-U', way.user],
    ...['-c', `${options.clients}`, '-j', '1', '-T', `${options.seconds}`],
    ...SCRIPTS[options.script],
  ];
  const run = await runProgram('pgbench', [...args, way.database], {
    env: way.password === undefined ? {} : { PGPASSWORD: way.password },
    deadlineMs: (options.seconds + 60) * 1000,
  });
  const figure = (pattern: RegExp): number => Number(pattern.exec(run.stdout)?.[1] ?? Number.NaN);
  const tps = figure(/^tps = ([0-9.]+)/m);
  const latencyMs = figure(/^latency average = ([0-9.]+) ms/m);
  const failed = figure(/^number of failed transactions: ([0-9]+)/m);
  if (run.code !== 0 || !(tps > 0) || failed > 0) {
    const said = run.stderr.trim().split('\n').slice(-3).join(' ');
    throw new Error(`pgbench ${options.script} through ${way.name}: exit code ${run.code}, ${said}`);
  }
  return { tps, latencyMs };
}
