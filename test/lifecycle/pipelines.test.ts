import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { seen, serverState } from './support.ts';

/** Pipelines that fail anywhere come to their end: every Sync and every Query is answered, as over a direct connection. */
const RULES = `
  - { name: no-truncate, match: { effects: { anyCommand: [truncate] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const ROUNDS = Number(process.env.HOLDPOINT_ROUNDS ?? 150);
let gate: Gate;

before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

const piped = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];

test('a Sync that waits for the catalog while a statement before it fails is still sent', async () => {
  const [lock, system, agent, other] = [
    await gate.direct(),
    await RawClient.connect({ port: gate.db.port }),
    await gate.agent(),
    await gate.agent(),
  ];
  await system.login({ user: gate.db.superuser, database: 'shop' });
  const ask = async (client: RawClient, sql: string) => {
    client.send(raw.query(sql));
    return seen(await client.untilReady());
  };
  await ask(lock, 'begin; lock table items');
  await ask(agent, 'select 1');
  agent.send(
    raw.parse({ sql: 'select 1 / (id - 1) from items where id = 1' }),
    raw.bind(),
    raw.execute(),
    raw.flush(),
  );
  await serverState(gate, agent, "wait_event = 'relation'");
  // The proxy cannot read the catalog anew as long as this is held; a table can be made all the same.
  await ask(system, 'begin');
  await ask(system, 'lock table pg_catalog.pg_policy in access exclusive mode');
  assert.match(await ask(other, 'create table fresh (id integer)'), /CREATE TABLE/);
  agent.send(raw.sync());
  await agent.expectSilence(200);
  // Unlocking by SQL would need the catalog; the end of the connection does not.
  lock.destroy();
  await agent.until('E');
  await ask(system, 'rollback');
  assert.equal(seen(await agent.untilReady(5_000)), 'Z:I');
  assert.equal(await ask(agent, 'select 1'), 'T D C:SELECT 1 Z:I');
  system.destroy();
});

/** A small generator of its own, so that a round that fails can be run again by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return below => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

const UNITS: readonly Buffer[][] = [
  piped('select 1'),
  piped('select name from items where id < 4'),
  piped('update items set name = name where id = 1'),
  piped('set application_name = x'),
  piped(''),
  piped('select 1/0'),
  piped('select * from nowhere'),
  piped('selekt'),
  [raw.parse({ sql: 'select $1::int' }), raw.bind({ values: ['seven'] }), raw.execute()],
  [
    raw.parse({ sql: 'select 1 / $1::int' }),
    raw.bind({ values: ['0'] }),
    raw.describe('portal'),
    raw.execute(),
  ],
  [raw.bind({ statement: 'unknown' })],
  [raw.describe('statement', 'unknown')],
  [raw.execute('unknown')],
  [raw.close('statement', 'unknown'), raw.close('portal', '')],
  [raw.flush()],
  [...piped('begin'), ...piped('select 1/0'), ...piped('commit')],
];

/** Not inside a pipeline: what a Query does to an implicit transaction, Postgres itself does not always survive (XX000). */
const QUERIES: readonly Buffer[] = [
  raw.query('select 2'),
  raw.query('select 1/0'),
  raw.query('select 1; select 1/0; select 3'),
  raw.query('begin'),
  raw.query('rollback'),
];

function script(seed: number): Buffer {
  const below = random(seed);
  const parts: Buffer[] = [];
  for (let segments = 1 + below(4); segments > 0; segments -= 1) {
    if (below(4) === 0) {
      parts.push(QUERIES[below(QUERIES.length)]!);
      continue;
    }
    for (let units = below(6); units > 0; units -= 1) parts.push(...UNITS[below(UNITS.length)]!);
    parts.push(raw.sync());
  }
  parts.push(raw.query('rollback'), raw.query(`select 'end of ${seed}'`));
  return Buffer.concat(parts);
}

async function play(client: RawClient, seed: number): Promise<string> {
  const sending = client.sendInPieces(script(seed), 1 + random(seed + 7)(400));
  const frames: raw.Frame[] = [];
  for (;;) {
    const batch = await client.untilReady();
    frames.push(...batch);
    if (batch.some(frame => frame.type === 'D' && frame.body.includes(`end of ${seed}`))) break;
  }
  await sending;
  return raw.outline(frames.filter(frame => frame.type !== 'S' && frame.type !== 'N'));
}

test(`pipelines with errors at random places, cut at random places, while the catalog changes: ${ROUNDS} rounds as directly`, async () => {
  const direct = await gate.direct();
  const agent = await gate.agent();
  const other = await gate.agent();
  const first = Number(process.env.HOLDPOINT_SEED ?? 1);
  for (let seed = first; seed < first + ROUNDS; seed += 1) {
    const below = random(seed);
    if (below(3) === 0) other.send(raw.query('create table if not exists churn (); drop table churn'));
    const want = await play(direct, seed);
    const got = await play(agent, seed).catch(error => {
      throw new Error(`seed ${seed}: directly it is ${want}`, { cause: error });
    });
    assert.equal(got, want, `seed ${seed}`);
  }
});
