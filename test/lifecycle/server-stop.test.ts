import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Gate, heldNotice, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { fields, RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { LONG_COPY_OUT, seen, serverState, toTheEnd, WAITS } from './support.ts';

/** `pg_ctl stop`, in each of its modes, under sessions in every state: the agent sees what it would see without the proxy. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
const HELD = "update notes set body = 'x' where id = 1";
const SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** What each session sends, and how it is known that the server is at it. */
const STATES: readonly (readonly [string, Buffer | null, string | null])[] = [
  ['idle', null, null],
  ['idle in a transaction', raw.query('begin'), 'Z'],
  ['in a statement', raw.query('select pg_sleep(60)'), null],
  [
    'in a pipeline',
    Buffer.concat([raw.parse({ sql: 'select pg_sleep(60)' }), raw.bind(), raw.execute(), raw.sync()]),
    null,
  ],
  ['in COPY in', raw.query('copy items from stdin'), 'G'],
  ['in COPY out', raw.query(LONG_COPY_OUT), 'H'],
];

async function begin(
  gate: Gate,
  client: RawClient,
  bytes: Buffer | null,
  until: string | null,
): Promise<void> {
  if (bytes !== null) client.send(bytes);
  if (until !== null) await client.until(until);
  else if (bytes !== null) await serverState(gate, client, "state = 'active'");
  if (bytes === null || until === 'Z' || until === 'G') await serverState(gate, client, WAITS);
}

/** One of each state, direct and through the proxy. */
async function sessions(gate: Gate): Promise<{ direct: RawClient; proxied: RawClient }[]> {
  return Promise.all(
    STATES.map(async ([, bytes, until]) => {
      const [direct, proxied] = await Promise.all([gate.direct(), gate.agent()]);
      await Promise.all([direct, proxied].map(client => begin(gate, client, bytes, until)));
      return { direct, proxied };
    }),
  );
}

function stop(gate: Gate, mode: keyof typeof SIGNALS): void {
  const pid = Number(readFileSync(join(gate.db.dir, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, SIGNALS[mode]);
}

/** The server's answer to a new connection: severity, SQLSTATE and message. Rejects where there is none. */
async function refused(
  port: number,
  login: { user: string; database: string; password: string },
): Promise<string> {
  const client = await RawClient.connect({ port });
  try {
    client.send(raw.startup({ user: login.user, database: login.database }), raw.password(login.password));
    const told = (await client.untilClosed()).filter(frame => frame.type === 'E').map(fields);
    return told.map(({ S, C, M }) => `${S} ${C} ${M}`).join();
  } finally {
    client.destroy();
  }
}

for (const mode of ['fast', 'immediate'] as const)
  test(`a server that is stopped, ${mode}: each session ends as over a direct connection, and what is held never runs`, async () => {
    const gate = await startGate(RULES);
    const pairs = await sessions(gate);
    const holder = await gate.agent();
    holder.send(raw.query(HELD));
    const id = await heldNotice(holder);
    stop(gate, mode);
    for (const [i, { direct, proxied }] of pairs.entries()) {
      const [one, other] = await Promise.all(
        [direct, proxied].map(async client => (await toTheEnd(client)).replaceAll(/( d)+/g, '')),
      );
      assert.equal(other, one, STATES[i]![0]);
      assert.match(one!, /(E\(FATAL|N\(WARNING) 57P01 .*closed$/, STATES[i]![0]);
    }
    assert.match(await toTheEnd(holder), /(E\(FATAL|N\(WARNING) 57P01 [^)]*\) closed$/);
    await gate.becomes(id, 'withdrawn');
    assert.notEqual(await gate.approve(id), '');
    assert.equal((await gate.dev.cli('audit', 'verify')).code, 0);
    await waitFor(() => refused(gate.dev.pgPort, login(gate)).then(said => /^FATAL 58000 /.test(said)), {
      what: 'nobody gets in any more, and is told why',
      deadlineMs: 30_000,
    });
    await gate.clear();
  });

test('a server that is stopped, smart: sessions go on, a hold can be decided, and newcomers get 57P03', async () => {
  const gate = await startGate(RULES);
  const pairs = await sessions(gate);
  const holder = await gate.agent();
  holder.send(raw.query(HELD));
  const id = await heldNotice(holder);
  stop(gate, 'smart');
  await waitFor(
    async () =>
      (await refused(gate.db.port, login(gate))) === 'FATAL 57P03 the database system is shutting down',
    { what: 'the server lets nobody in', deadlineMs: 30_000 },
  );
  assert.equal(
    await refused(gate.dev.pgPort, login(gate)),
    'FATAL 57P03 the database system is shutting down',
  );
  for (const client of [pairs[0]!.direct, pairs[0]!.proxied]) {
    client.send(raw.query('select 1'));
    assert.equal(seen(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  }
  assert.equal(await gate.approve(id), '');
  assert.equal(seen((await holder.untilReady()).filter(frame => frame.type !== 'N')), 'C:UPDATE 1 Z:I');
  stop(gate, 'fast');
  for (const { direct, proxied } of pairs) {
    const [one, other] = await Promise.all([direct, proxied].map(toTheEnd));
    assert.equal(other!.replaceAll(/( d)+/g, ''), one!.replaceAll(/( d)+/g, ''));
  }
  await gate.clear();
});

function login(gate: Gate): { user: string; database: string; password: string } {
  return { user: 'agent', database: 'shop', password: gate.token };
}
