import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Gate, heldNotice, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { backend, LONG_COPY_OUT, same, seen, serverState, toTheEnd, WAITS } from './support.ts';

/** kill -9 of a process of the server, which then starts anew: for the agent as over a direct connection, and for the next one too. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
  - { name: unknown, match: { effects: { unknown: true } }, verdict: allow }
`;
let gate: Gate;

before(async () => {
  gate = await startGate(RULES);
});

async function crash(of: RawClient): Promise<void> {
  process.kill(await backend(of), 'SIGKILL');
}

/** The server takes connections again, and so does the proxy. */
async function back(): Promise<void> {
  const what = { what: 'the server is back', everyMs: 50 };
  await waitFor(async () => (await gate.value('select 1').catch(() => null)) === 1, what);
  await waitFor(
    async () => {
      const client = await gate.agent().catch(() => null);
      if (client === null) return false;
      client.send(raw.query('select count(*) from items'));
      return seen(await client.untilReady()) === 'T D C:SELECT 1 Z:I';
    },
    { what: 'agents work again', everyMs: 50 },
  );
}

for (const whose of ["the agent's own", "somebody else's"])
  for (const [name, bytes, begun] of [
    ['idle', null, null],
    ['in a statement', raw.query('select pg_sleep(20)'), null],
    ['in COPY in', raw.query('copy items from stdin'), 'G'],
    ['in COPY out', raw.query(LONG_COPY_OUT), 'H'],
  ] as const)
    test(`kill -9 of ${whose} process ${name}: what the agent sees is what the server says`, async () => {
      await same(gate, async client => {
        const other = await gate.direct();
        if (bytes !== null) client.send(bytes);
        if (begun !== null) await client.until(begun);
        else if (bytes !== null) await serverState(gate, client, "state = 'active'");
        if (begun === 'G' || bytes === null) await serverState(gate, client, WAITS);
        // All that it sends before the rows that take their time has gone.
        if (begun === 'H') await serverState(gate, client, "wait_event = 'PgSleep'");
        await crash(whose === "somebody else's" ? other : client);
        const told = (await toTheEnd(client)).replaceAll(/( d)+/g, '');
        await back();
        return told;
      });
    });

test('kill -9 of a process of the server while a statement is held: the hold is withdrawn and nothing runs', async () => {
  const client = await gate.agent();
  client.send(raw.query("update notes set body = 'x' where id = 1"));
  const id = await heldNotice(client);
  await crash(client);
  await client.untilClosed();
  await gate.becomes(id, 'withdrawn');
  assert.notEqual(await gate.approve(id), '');
  await back();
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
  assert.equal((await gate.dev.cli('audit', 'verify')).code, 0);
});
