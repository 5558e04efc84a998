import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RawClient } from '#test/support/raw.ts';
import { type BenchCluster, startCluster } from './cluster.ts';
import { median } from './throughput.ts';

/**
 * `npx node bench/cold-start.ts [rounds]`: from starting `holdpoint dev --target` to its ready line, and to the first byte that a client
 * gets, and the CPU time until ready, which a busy machine changes little; medians. The database runs already, and the data folder is there from the first round on.
 */
const rounds = Number(process.argv[2] ?? 7);
const COMMAND = join(import.meta.dirname, '..', 'cli', 'holdpoint.ts');

const cluster = await startCluster({
  dir: join(import.meta.dirname, 'results', 'postgres'),
  scale: 10,
  rows: 0,
  log: line => process.stderr.write(`${line}\n`),
});
const data = mkdtempSync(join(tmpdir(), 'holdpoint-bench-cold-'));
try {
  const taken: Awaited<ReturnType<typeof round>>[] = [];
  for (let i = 0; i <= rounds; i++) taken.push(await round(cluster));
  // The first one fills caches.
  taken.shift();
  for (const what of ['ready', 'firstByte', 'cpu'] as const)
    console.log(
      `${what.padEnd(10)} ${median(taken.map(t => t[what]))
        .toFixed(0)
        .padStart(5)} ms`,
    );
} finally {
  await cluster.stop();
  rmSync(data, { recursive: true, force: true });
}

async function round(server: BenchCluster): Promise<{ ready: number; firstByte: number; cpu: number }> {
  const began = performance.now();
  const { child, ready } = start(server);
  try {
    const { pg } = await ready;
    const isReady = performance.now() - began;
    const cpu = cpuTime(child.pid!);
    const client = await RawClient.connect({ port: Number(new URL(pg).port) });
    const answered = once(client.socket, 'data');
    client.socket.ref();
    client.send(sslRequest());
    await answered;
    const firstByte = performance.now() - began;
    client.destroy();
    return { ready: isReady, firstByte, cpu };
  } finally {
    const gone = once(child, 'exit');
    child.kill('SIGINT');
    await gone;
  }
}

/** Milliseconds that all threads of a process have run, from proc(5) schedstat. */
function cpuTime(pid: number): number {
  let nanos = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`))
    nanos += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]);
  return nanos / 1e6;
}

function sslRequest(): Buffer {
  const packet = Buffer.alloc(8);
  packet.writeInt32BE(8, 0);
  packet.writeInt32BE(80_877_103, 4);
  return packet;
}

function start({ user, password, port, database }: BenchCluster): {
  child: ChildProcess;
  ready: Promise<{ pg: string }>;
} {
  const target = `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const args = ['dev', '--json', '--data', data, '--pg-port', '0', '--http-port', '0', '--target', target];
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const ready = once(createInterface({ input: child.stdout }), 'line').then(
    ([line]) => JSON.parse(line as string) as { pg: string },
  );
  return { child, ready };
}
