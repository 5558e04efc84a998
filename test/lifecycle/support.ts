import assert from 'node:assert/strict';
import type { Gate } from '#test/session/support.ts';
import { type Frame, fields, outline, type RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** What an agent sees: frames in short, with severity and text of errors, and how the connection ended. */
export function seen(frames: readonly Frame[], end = ''): string {
  const told = frames
    .filter(frame => frame.type !== 'S')
    .map(frame => {
      if (frame.type !== 'E' && frame.type !== 'N') return outline([frame]);
      const { V, C, M } = fields(frame);
      return `${frame.type}(${V} ${C} ${M})`;
    });
  return [...told, ...(end === '' ? [] : [end])].join(' ');
}

/**
 * A COPY that the server is in the middle of for as long as a test can last: what it sends at once is more than it keeps back, so that the
 * client has its beginning; every row behind takes a minute.
 */
export const LONG_COPY_OUT =
  "copy (select case when g <= 30 then repeat('x', 1000) else pg_sleep(60)::text end from generate_series(1, 40) g) to stdout";

/** Everything up to the end of the connection. */
export async function toTheEnd(client: RawClient): Promise<string> {
  return seen(await client.untilClosed(), 'closed');
}

/** Runs the same with a connection of the server's own and with one through the proxy, and compares what the agent sees. */
export async function same(gate: Gate, scenario: (client: RawClient) => Promise<string>): Promise<string> {
  const direct = await scenario(await gate.direct());
  const through = await scenario(await gate.agent());
  assert.equal(through, direct);
  return direct;
}

/** The server's process that a session has there. */
export async function backend(client: RawClient): Promise<number> {
  assert.ok(client.backend);
  return client.backend.pid;
}

/** It waits for the agent. Before, it may be busy sending still, and a process that has to end at once leaves its last words out then. */
export const WAITS = "wait_event = 'ClientRead'";

/** Waits until the server says this of the session's process. */
export async function serverState(gate: Gate, client: RawClient, condition: string): Promise<void> {
  const pid = await backend(client);
  await waitFor(
    async () => (await gate.value(`select ${condition} from pg_stat_activity where pid = ${pid}`)) === true,
    { what: `the server's process ${pid} is: ${condition}`, everyMs: 15 },
  );
}
