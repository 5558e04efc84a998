import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCluster } from './cluster.ts';
import { pgbench, type Script } from './pgbench.ts';
import { median } from './throughput.ts';
import { throughTunnel } from './tunnel.ts';
import { STARTERS, type Way } from './ways.ts';

/**
 * `node bench/tunnel-cpu.ts [SECONDS]`: processor time for each statement, straight to the proxy's port and through `holdpoint connect`, of the
 * proxy and of the near end. Unlike throughput it hardly depends on who else uses the machine. Linux only.
 */
const seconds = Number(process.argv[2] ?? 4);
const ROUNDS = 3;
/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

function cpuMicros(pid: number): number {
  // The name in parentheses may have spaces in it; utime and stime are the 12th and 13th fields behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

const cluster = await startCluster({
  dir: join(import.meta.dirname, 'results', 'postgres'),
  scale: 10,
  rows: 0,
  log: () => {},
});
const proxy = await STARTERS.holdpoint(cluster, {});
const tunnel = await throughTunnel(proxy);
const proxyPid = proxy.dev!.process.pid!;
try {
  for (const script of ['simple', 'prepared'] as Script[]) {
    const spent = new Map<Way, { proxy: number; near: number }[]>([
      [proxy, []],
      [tunnel, []],
    ]);
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [way, list] of spent) {
        const before = [cpuMicros(proxyPid), cpuMicros(tunnel.nearPid)] as const;
        const { tps } = await pgbench(way, { script, clients: 8, seconds });
        const each = (micros: number) => micros / (tps * seconds);
        // The first round warms up.
        if (round > 0)
          list.push({
            proxy: each(cpuMicros(proxyPid) - before[0]),
            near: each(cpuMicros(tunnel.nearPid) - before[1]),
          });
      }
    for (const [{ name }, list] of spent) {
      const of = (who: 'proxy' | 'near') => median(list.map(figures => figures[who])).toFixed(0);
      console.log(
        `${script}, ${name}: proxy ${of('proxy')} µs, near end ${of('near')} µs for each statement`,
      );
    }
  }
} finally {
  await tunnel.stop();
  await cluster.stop();
}
