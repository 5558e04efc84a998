import { readFileSync, writeFileSync } from 'node:fs';

export interface Memory {
  /** Resident now, in MiB. */
  readonly nowMiB: number;
  /** The most since `resetPeak`, in MiB. */
  readonly peakMiB: number;
}

/** Memory of a process, from proc(5); null where there is none. */
export function memoryOf(pid: number): Memory | null {
  if (process.platform !== 'linux') return null;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+([0-9]+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { nowMiB: field('VmRSS'), peakMiB: field('VmHWM') };
}

/** The peak counts from here on. */
export function resetPeak(pid: number): void {
  if (process.platform === 'linux') writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
