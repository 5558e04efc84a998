import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { type SlackEmulator, startSlack } from '#cli/emulators/slack.ts';
import { MaybeStored } from '#functions/ports.ts';
import { createSlackApp } from '#functions/slack/app.ts';
import type { press as pressed } from '#functions/slack/decide.ts';
import { waitFor } from '#test/support/wait-for.ts';

const FOREVER = new Promise<never>(() => {});
let slack: SlackEmulator;
let press: typeof pressed;
let close: () => void;
before(async () => {
  slack = await startSlack({ users: [{ id: 'UANN', name: 'Ann' }] });
  const app = createSlackApp({
    token: slack.token,
    signingSecret: slack.signingSecret,
    apiUrl: slack.api,
    press: (...call) => press(...call, undefined as never),
    changed: async () => {},
    clock: Date.now,
    log: () => {},
    budgetMs: 600,
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const rawBody = Buffer.concat(chunks);
      app(Object.assign(request, { rawBody, body: rawBody.toString() }), response);
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  slack.interactivityUrl = `http://127.0.0.1:${address.port}/`;
  close = () => {
    server.close();
    server.closeAllConnections();
  };
});
after(async () => {
  close();
  await slack.stop();
});

const VALUE = JSON.stringify({ id: 'ap_1', request: '0'.repeat(64) });
const button = (action: string) => ({
  type: 'block_actions',
  team: { id: 'T0' },
  user: { id: 'UANN', team_id: 'T0' },
  channel: { id: slack.channel },
  trigger_id: 't',
  actions: [{ type: 'button', action_id: action, value: VALUE }],
});
const dialog = {
  type: 'view_submission',
  team: { id: 'T0' },
  user: { id: 'UANN', team_id: 'T0' },
  view: { callback_id: 'deny', private_metadata: VALUE, state: { values: {} } },
};

test('a press is answered within its time where neither the decision nor Slack itself comes to an end', async () => {
  press = () => FOREVER;
  slack.before = () => FOREVER;
  for (const payload of [button('approve'), button('deny'), dialog]) {
    const answer = await slack.send(payload);
    assert.equal(answer.status, 200);
    if (payload === dialog) assert.match(await answer.text(), /still being recorded/);
  }
});

test('whoever pressed is told that it is still being recorded, within the same time, and only of what failed that it did not count', async () => {
  slack.before = () => null;
  const told = async (how: typeof pressed, what: RegExp) => {
    press = how;
    slack.whispers.length = 0;
    // Where the machine is too slow to tell them in time, they press again.
    await waitFor(
      async () => {
        assert.equal((await slack.send(button('approve'))).status, 200);
        return slack.whispers.some(w => what.test(w.text));
      },
      { what: String(what), deadlineMs: 60_000 },
    );
  };
  await told(() => FOREVER, /still being recorded.*nothing counts twice/);
  await told(() => Promise.reject(new Error('no')), /nothing was decided/);
  // Stored, perhaps: then that is what they are told, and not that nothing was decided.
  slack.whispers.length = 0;
  await told(() => Promise.reject(new MaybeStored('lost')), /still being recorded/);
  assert.ok(!slack.whispers.some(w => /nothing was decided/.test(w.text)));
});
