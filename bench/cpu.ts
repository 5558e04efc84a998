import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type BenchCluster, startCluster } from './cluster.ts';
import { pgbench, SCRIPTS, type Script } from './pgbench.ts';
import { type ThreadTimes, threadTimes, used } from './threads.ts';
import { STARTERS, startHoldpoint, type Way } from './ways.ts';

const HELP = `npx node bench/cpu.ts [--scripts simple,extended,prepared] [--ways pipe,alone,holdpoint] [--seconds 3] [--warm 20000] [--profile DIR]
npx node bench/cpu.ts --against DIR [--at-once] [--rounds 8] [--scripts …]
CPU time per transaction, of the proxy's own thread, libuv's pool, V8's helpers and workers. Throughput is what other work on the machine leaves of
it; CPU time is less so, and taken in turns with something else still less. Measured after so many transactions (--warm), or half a minute.
  pipe       bench/pipe.ts: what two sockets in Node cost
  alone      bench/session-alone.ts: the proxy without its ledger
  holdpoint  the whole of it
  --against  the whole of it, in turns with that of another checkout: medians of so many rounds
  --at-once  both at the same time instead, so that whatever else the machine does disturbs them alike: steadier where it is busy`;

const { values } = parseArgs({
  options: {
    scripts: { type: 'string', default: 'simple,extended,prepared' },
    ways: { type: 'string', default: 'pipe,alone,holdpoint' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '8' },
    warm: { type: 'string', default: '20000' },
    against: { type: 'string' },
    'at-once': { type: 'boolean', default: false },
    rounds: { type: 'string', default: '8' },
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

type Cost = ThreadTimes & { readonly tps: number };

const seconds = Number(values.seconds);
const WARM_MS = 30_000;
const cluster = await startCluster({
  dir: join(values.data, 'postgres'),
  scale: 10,
  rows: 0,
  log: line => process.stderr.write(`${line}\n`),
});
try {
  if (values.against === undefined) await eachWay();
  else await inTurns(resolve(values.against));
} finally {
  await cluster.stop();
}

async function eachWay(): Promise<void> {
  for (const name of values.ways.split(',')) {
    const way = await starters[name]!(cluster);
    try {
      for (const script of scripts()) {
        await warmUp(way, script);
        print(name, script, [await measure(way, script)]);
      }
    } finally {
      await way.stop();
    }
  }
}

async function inTurns(other: string): Promise<void> {
  const ways: { name: string; way: Measured; of: Cost[] }[] = [];
  try {
    for (const [name, dir] of [
      ['there', other],
      ['here', undefined],
    ] as const) {
      const way = await startHoldpoint(cluster, { checkout: dir });
      ways.push({ name, way: { ...way, pid: way.dev!.process.pid! }, of: [] });
    }
    for (const script of scripts()) {
      for (const { way } of ways) await warmUp(way, script);
      for (let round = 0; round < Number(values.rounds); round += 1) {
        if (values['at-once'])
          await Promise.all(ways.map(async ({ way, of }) => of.push(await measure(way, script))));
        else for (const { way, of } of ways) of.push(await measure(way, script));
      }
      for (const { name, of } of ways) print(name, script, of.splice(0));
    }
  } finally {
    for (const { way } of ways) await way.stop();
  }
}

function scripts(): Script[] {
  const wanted = values.scripts.split(',') as Script[];
  for (const script of wanted)
    if (SCRIPTS[script] === undefined) throw new Error(`there is no script ${script}`);
  return wanted;
}

/** V8 compiles what is hot for a long time: on a slow machine, a few seconds are hardly anything of it. */
async function warmUp(way: Measured, script: Script): Promise<void> {
  const late = performance.now() + WARM_MS;
  for (let done = 0; done < Number(values.warm) && performance.now() < late; ) {
    const { tps } = await pgbench(way, { script, clients: Number(values.clients), seconds: 2 });
    done += tps * 2;
  }
}

async function measure(way: Measured, script: Script): Promise<Cost> {
  const before = threadTimes(way.pid);
  const { tps } = await pgbench(way, { script, clients: Number(values.clients), seconds });
  return { ...used(before, threadTimes(way.pid), tps * seconds), tps };
}

function print(name: string, script: Script, costs: readonly Cost[]): void {
  const median = (of: (cost: Cost) => number) => costs.map(of).sort((a, b) => a - b)[costs.length >> 1]!;
  const columns = (['main', 'pool', 'v8', 'workers'] as const).map(
    part =>
      `${median(cost => cost[part])
        .toFixed(1)
        .padStart(6)} µs ${part}`,
  );
  const all = median(({ main, pool, v8, workers }) => main + pool + v8 + workers);
  console.log(
    [
      name.padEnd(10),
      script.padEnd(10),
      ...columns,
      `${all.toFixed(1).padStart(6)} µs in all`,
      `${median(cost => cost.tps)
        .toFixed(0)
        .padStart(7)} tps`,
    ].join('  '),
  );
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
