import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type BenchCluster, startCluster } from './cluster.ts';
import { pgbench, SCRIPTS, type Script } from './pgbench.ts';
import { STARTERS, type Way } from './ways.ts';

const HELP = `npx node bench/cpu.ts [--scripts simple,extended,prepared] [--ways pipe,alone,holdpoint] [--seconds 3] [--profile DIR]
CPU time per transaction, of the proxy's own thread and of its others: unlike throughput, it is nearly the same on a busy machine.
  pipe       bench/pipe.ts: what two sockets in Node cost
  alone      bench/session-alone.ts: the proxy without its ledger
  holdpoint  the whole of it`;

const { values } = parseArgs({
  options: {
    scripts: { type: 'string', default: 'simple,extended,prepared' },
    ways: { type: 'string', default: 'pipe,alone,holdpoint' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '8' },
    profile: { type: 'string' },
    data: { type: 'string', default: join(import.meta.dirname, 'results') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

type Measured = Way & { readonly pid: number };

const starters: Record<string, (cluster: BenchCluster) => Promise<Measured>> = {
  pipe: cluster => startNode('node pipe', 'pipe.ts', [`${cluster.port}`], cluster),
  alone: cluster => {
    const { user, password, port, database } = cluster;
    const url = `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
    return startNode(
      'holdpoint',
      'session-alone.ts',
      [url, join(import.meta.dirname, 'policy.yaml')],
      cluster,
    );
  },
  holdpoint: async cluster => {
    const way = await STARTERS.holdpoint(cluster, { profile: values.profile });
    return { ...way, pid: way.dev!.process.pid! };
  },
};

const seconds = Number(values.seconds);
const cluster = await startCluster({
  dir: join(values.data, 'postgres'),
  scale: 10,
  rows: 0,
  log: line => process.stderr.write(`${line}\n`),
});
try {
  for (const name of values.ways.split(',')) {
    const way = await starters[name]!(cluster);
    try {
      for (const script of values.scripts.split(',') as Script[])
        console.log(await measure(name, way, script));
    } finally {
      await way.stop();
    }
  }
} finally {
  await cluster.stop();
}

async function measure(name: string, way: Measured, script: Script): Promise<string> {
  if (SCRIPTS[script] === undefined) throw new Error(`there is no script ${script}`);
  const clients = Number(values.clients);
  await pgbench(way, { script, clients, seconds: 2 });
  const before = threadTimes(way.pid);
  const { tps } = await pgbench(way, { script, clients, seconds });
  const after = threadTimes(way.pid);
  const used = (tid: number) => (after.get(tid) ?? 0) - (before.get(tid) ?? 0);
  const transactions = tps * seconds;
  const main = used(way.pid) / transactions;
  let others = 0;
  for (const tid of after.keys()) if (tid !== way.pid) others += used(tid) / transactions;
  return [
    name.padEnd(10),
    script.padEnd(10),
    `${main.toFixed(1).padStart(6)} µs main`,
    `${others.toFixed(1).padStart(6)} µs others`,
    `${tps.toFixed(0).padStart(7)} tps`,
  ].join('  ');
}

/** Microseconds that each thread has run, from proc(5) schedstat. */
function threadTimes(pid: number): Map<number, number> {
  const times = new Map<number, number>();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const [nanos] = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ');
    times.set(Number(tid), Number(nanos) / 1000);
  }
  return times;
}

async function startNode(
  name: Way['name'],
  file: string,
  args: readonly string[],
  { user, password, database }: BenchCluster,
): Promise<Measured> {
  const profile =
    values.profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`, '--cpu-prof-interval=200'];
  const child: ChildProcess = spawn(
    process.execPath,
    [...profile, join(import.meta.dirname, file), ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.once('exit', () => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return {
    ...{ name, port: Number(line), user, password, database, pid: child.pid! },
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
