import { parseArgs } from 'node:util';
import pg from 'pg';
import { fresh, type Stack, startStack } from '#test/cloud/stack.ts';
import { startFloor } from '#test/gcp/floor.ts';
import { machineLine } from './machine.ts';

const HELP = `npm run bench -- --cloud [options]: holds and record in the cloud's processes, on the emulators of this machine
  --holds N        held statements that are approved by a button (30)
  --statements N   reads, and as many writes, one after the other (300)`;

const { values } = parseArgs({
  options: {
    holds: { type: 'string', default: '30' },
    statements: { type: 'string', default: '300' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [holds, statements] = [Number(values.holds), Number(values.statements)];

const stack = await startStack();
try {
  const [version] = await stack.db.query<{ server_version: string }>('show server_version');
  const rows: [string, number[]][] = [...(await button(stack, holds)), ...(await record(stack, statements))];
  console.log(`${machineLine(version?.server_version ?? '')}\n`);
  console.log('| what | median | 95 % | number |\n| --- | ---: | ---: | ---: |');
  for (const [what, times] of rows)
    console.log(`| ${what} | ${at(times, 0.5)} | ${at(times, 0.95)} | ${times.length} |`);
} finally {
  await stack.stop();
}
process.exit(0);

/** In turns, so that what disturbs the machine disturbs both. */
async function button(stack: Stack, count: number): Promise<[string, number[]][]> {
  const [bare, told, released]: number[][] = [[], [], []];
  const floor = await startFloor();
  const agent = await stack.agent();
  for (let i = -2; i < count; i += 1) {
    const direct = await floor.once();
    const tag = fresh();
    await stack.put('one', tag);
    const sent = performance.now();
    const { id, done } = await agent.hold(`delete from one where tag = '${tag}'`);
    const message = await stack.message(id);
    const shown = performance.now() - sent;
    const pressed = performance.now();
    const pressing = stack.slack.press(message.ts, 'approve', 'UANN');
    const result = await done;
    const took = performance.now() - pressed;
    await pressing;
    if (result instanceof Error) throw result;
    // What follows a release goes on beside the next one otherwise.
    await stack.becomes(id, 'executed');
    if (i < 0) continue;
    bare?.push(direct);
    told?.push(shown);
    released?.push(took);
  }
  await floor.stop();
  return [
    ['floor: bare publish → function → Firestore create → onSnapshot', bare ?? []],
    ['statement sent → message with buttons in Slack', told ?? []],
    ['button pressed → statement released and answered', released ?? []],
  ];
}

async function record(stack: Stack, count: number): Promise<[string, number[]][]> {
  const { client } = await stack.agent();
  const direct = new pg.Client({ connectionString: stack.db.url({ database: 'shop' }) });
  await direct.connect();
  const floor = await startFloor();
  const ways = [
    ['read, direct', () => direct.query('select email from people where id = 1')],
    [
      'read through the proxy, its event published meanwhile',
      () => client.query('select email from people where id = 1'),
    ],
    ['write, direct', () => direct.query(`update people set email = 'a@example.com' where id = 1`)],
    [
      'write through the proxy, its event acknowledged before',
      () => client.query(`update people set email = 'b@example.com' where id = 1`),
    ],
    ['floor: one bare publish, acknowledged', () => floor.publish()],
  ] as const;
  const times = ways.map(() => [] as number[]);
  for (let i = -20; i < count; i += 1)
    for (const [w, [, run]] of ways.entries()) {
      const begun = performance.now();
      await run();
      if (i >= 0) times[w]?.push(performance.now() - begun);
    }
  await floor.stop();
  await direct.end();
  return ways.map(([what], w) => [what, times[w] ?? []]);
}

function at(times: readonly number[], share: number): string {
  const sorted = [...times].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? '' : `${value.toFixed(1)} ms`;
}
