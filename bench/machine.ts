import { cpus, release, totalmem } from 'node:os';

/** One line that says what the figures were taken on. */
export function machineLine(postgres: string): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `${all.length} × ${all[0]?.model.trim() ?? process.arch}`,
    `${memory} GiB`,
    `${process.platform} ${release()}`,
    `Node ${process.versions.node}`,
    `Postgres ${postgres}`,
    new Date().toISOString().slice(0, 10),
  ].join(', ');
}
