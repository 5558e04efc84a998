import { readdirSync, readFileSync } from 'node:fs';

/** CPU time (µs) that the threads of a process have used: its own, libuv's pool, V8's helpers, and the others, such as workers. */
export interface ThreadTimes {
  readonly main: number;
  readonly pool: number;
  readonly v8: number;
  readonly workers: number;
}

/** From proc(5) schedstat. */
export function threadTimes(pid: number): ThreadTimes {
  const times = { main: 0, pool: 0, v8: 0, workers: 0 };
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${tid}`;
    const [nanos] = readFileSync(`${path}/schedstat`, 'utf8').split(' ');
    times[partOf(pid, tid, readFileSync(`${path}/comm`, 'utf8'))] += Number(nanos) / 1000;
  }
  return times;
}

/** What was used between the two, for each of `many`. */
export function used(before: ThreadTimes, after: ThreadTimes, many: number): ThreadTimes {
  const each = (part: keyof ThreadTimes) => (after[part] - before[part]) / many;
  return { main: each('main'), pool: each('pool'), v8: each('v8'), workers: each('workers') };
}

function partOf(pid: number, tid: string, name: string): keyof ThreadTimes {
  if (tid === `${pid}`) return 'main';
  if (name.startsWith('libuv')) return 'pool';
  return name.startsWith('V8') ? 'v8' : 'workers';
}
