import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from './cluster.ts';
import { machineLine } from './machine.ts';
import { SCRIPTS, type Script } from './pgbench.ts';
import { markdown, type Report } from './report.ts';
import { sessions } from './sessions.ts';
import { throughput } from './throughput.ts';
import { absent, STARTERS, type Way, type WayName } from './ways.ts';
import { wide } from './wide.ts';

const HELP = `npm run bench -- [options]
  --cloud         button and record on the emulators instead (bench/cloud.ts); all that follows is for it then: --cloud --help
  --seconds N     length of one pgbench run (5)
  --rounds N      how often each is measured, interleaved; the median counts (3)
  --clients N     (8)
  --scale N       of pgbench's tables (10)
  --scripts a,b   of ${Object.keys(SCRIPTS).join(', ')} (all)
  --ways a,b      of ${Object.keys(STARTERS).join(', ')} (all)
  --rows N        rows of the table that is read whole with one column masked; 0 leaves it out (1000000)
  --idle N        open sessions for the memory figure; 0 leaves it out (1000)
  --parked N      sessions with a held statement each; 0 leaves it out (0)
  --json          the report as JSON on stdout instead of Markdown
  --profile DIR   leaves CPU profiles of the proxy there; \`node bench/profile.ts DIR\` reads them
  --data DIR      where the database is kept from run to run (bench/results)`;

if (process.argv.includes('--cloud')) {
  // With a stack and an environment of its own.
  const script = join(import.meta.dirname, 'cloud.ts');
  const rest = process.argv.slice(2).filter(word => word !== '--cloud');
  process.exit(spawnSync(process.execPath, [script, ...rest], { stdio: 'inherit' }).status ?? 1);
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '8' },
    scale: { type: 'string', default: '10' },
    scripts: { type: 'string', default: Object.keys(SCRIPTS).join() },
    ways: { type: 'string', default: Object.keys(STARTERS).join() },
    rows: { type: 'string', default: '1000000' },
    idle: { type: 'string', default: '1000' },
    parked: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    data: { type: 'string', default: join(import.meta.dirname, 'results') },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const log = (line: string) => process.stderr.write(`${line}\n`);
const number = (name: 'seconds' | 'rounds' | 'clients' | 'scale' | 'rows' | 'idle' | 'parked', least = 1) => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} takes a whole number from ${least} on`);
};
const choice = <T extends string>(name: 'scripts' | 'ways', known: readonly T[]): T[] => {
  const wanted = values[name].split(',').map(word => word.trim());
  const strange = wanted.find(word => !known.includes(word as T));
  if (strange !== undefined)
    throw new Error(`--${name} does not know ${strange}; there are ${known.join(', ')}`);
  return known.filter(word => wanted.includes(word));
};
const scripts = choice('scripts', Object.keys(SCRIPTS) as Script[]);
const names = choice('ways', Object.keys(STARTERS) as WayName[]);
const [seconds, rounds, clients] = [number('seconds'), number('rounds'), number('clients')];
const [scale, rows] = [number('scale'), number('rows', 0)];

mkdirSync(values.data, { recursive: true });
const skipped: { way: string; why: string }[] = [];
const failures: Report['failures'][number][] = [];
const ways: Way[] = [];
const cluster = await startCluster({ dir: join(values.data, 'postgres'), scale, rows, log });
try {
  for (const name of names) {
    const why = absent(name);
    if (why !== false) {
      skipped.push({ way: name, why });
      continue;
    }
    try {
      ways.push(await STARTERS[name](cluster, { profile: values.profile }));
    } catch (error) {
      failures.push({ way: name, error: (error as Error).message });
      log(`${name} does not start: ${(error as Error).message}`);
    }
  }
  const measured = await throughput(ways, { scripts, rounds, clients, seconds, log });
  failures.push(...measured.failures);
  const report: Report = {
    machine: machineLine(cluster.version),
    ...{ clients, seconds, rounds, scale, skipped, failures },
    throughput: measured.rows,
    wide: rows === 0 ? [] : await attempt('whole table', wholeTable, []),
    sessions: [...(await memoryOfSessions('idle')), ...(await memoryOfSessions('parked'))],
  };
  const name = `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`;
  writeFileSync(join(values.data, name), `${JSON.stringify(report, null, 2)}\n`);
  console.log(values.json ? JSON.stringify(report, null, 2) : markdown(report));
  if (failures.length > 0) process.exitCode = 1;
} finally {
  for (const way of ways.reverse()) await way.stop();
  await cluster.stop();
}

/** Memory is measured on a proxy that has just started: what earlier measurements left in its heap is not its answer to this one. */
async function afresh<T>(measure: (proxy: Way) => Promise<T>): Promise<T> {
  const proxy = await STARTERS.holdpoint(cluster, {});
  try {
    return await measure(proxy);
  } finally {
    await proxy.stop();
  }
}

function wholeTable(): Promise<Report['wide']> {
  if (!ways.some(way => way.name === 'holdpoint')) return wide(cluster, { ways, rounds, log });
  return afresh(proxy =>
    wide(cluster, { ways: ways.map(way => (way.name === 'holdpoint' ? proxy : way)), rounds, log }),
  );
}

async function memoryOfSessions(what: 'idle' | 'parked'): Promise<Report['sessions']> {
  const count = number(what, 0);
  if (count === 0 || !ways.some(way => way.name === 'holdpoint')) return [];
  const measure = (proxy: Way) => sessions(proxy, { what, count, log });
  return attempt(`${what} sessions`, async () => [await afresh(measure)], []);
}

/** What fails is reported as failed, and the rest is measured all the same. */
async function attempt<T>(what: string, run: () => Promise<T>, instead: T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    failures.push({ way: what, error: (error as Error).message });
    return instead;
  }
}
