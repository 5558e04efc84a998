import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Gate, HEAD, startGate } from '#test/session/support.ts';
import type { Frame } from '#test/support/raw.ts';
import { fields, RawClient } from '#test/support/raw.ts';

const RULES = '  - { name: all, verdict: allow }\n';
/** The server cuts it at 63 bytes, and says so. */
const LONG = 'x'.repeat(65);

let gate: Gate;
let guarded: Gate;
before(async () => {
  gate = await startGate(RULES);
  guarded = await startGate(RULES, {
    head: `${HEAD}protected:\n  - { column: public.notes.body, mask: redact }\n`,
  });
});

async function noticesAt(port: number, password: string): Promise<(string | undefined)[]> {
  const client = await RawClient.connect({ port });
  const parameters = { application_name: LONG };
  const frames: Frame[] = await client.login({ user: 'agent', database: 'shop', password, parameters });
  client.destroy();
  return frames.filter(frame => frame.type === 'N').map(frame => fields(frame).M);
}

test('what the server has to say when a session begins reaches the agent', async () => {
  const direct = await noticesAt(gate.db.port, '');
  assert.equal(direct.length, 1);
  assert.deepEqual(await noticesAt(gate.dev.pgPort, gate.token), direct);
});

test('where something is protected its words are withheld: a trigger on login may say anything', async () => {
  const [said, more] = await noticesAt(guarded.dev.pgPort, guarded.token);
  assert.ok(said !== undefined && more === undefined);
  assert.doesNotMatch(said, /xxx/);
});
