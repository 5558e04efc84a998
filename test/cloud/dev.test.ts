import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { holdpoint, startDev } from '#test/support/dev.ts';
import { lacksEmulators } from '#test/support/emulators.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { PATIENCE_MS } from './patience.ts';

test('where gcloud or java is missing, dev --emulators says which, and leaves nothing running', async () => {
  const data = tempDir('dev');
  const { code, stderr } = await holdpoint(
    [
      'dev',
      '--emulators',
      '--data',
      data,
      '--pg-port',
      '0',
      '--http-port',
      '0',
      '--target',
      'postgres://a@127.0.0.1:1/b',
    ],
    { env: { PATH: '/nonexistent' } },
  );
  assert.equal(code, 1);
  assert.match(stderr, /--emulators needs gcloud, which is not here/);
});

test('the real Slack needs both its secrets and a channel', async () => {
  for (const [env, why] of [
    [{ SLACK_BOT_TOKEN: 'xoxb' }, /belong together/],
    [{ SLACK_BOT_TOKEN: 'xoxb', SLACK_SIGNING_SECRET: 's'.repeat(32) }, /SLACK_CHANNEL is not set/],
  ] as const) {
    const { code, stderr } = await holdpoint(
      ['dev', '--emulators', '--data', tempDir('dev'), '--pg-port', '0', '--http-port', '0'],
      { env },
    );
    assert.equal(code, 1);
    assert.match(stderr, why);
  }
});

describe('holdpoint dev --emulators', { skip: lacksEmulators() }, () => {
  test('masks, holds, is decided by command line and by button, shows the record on its page, and leaves nobody behind after kill -9', async () => {
    const dev = await startDev({ args: ['--emulators'], readyWithinMs: 120_000 });
    const ready = dev.ready as typeof dev.ready & { slack: string; tunnel: string };
    const token = await dev.token('agent-1', { email: 'agent-1@example.com' });
    const masked = await dev.psql(token, 'select email from customers where id = 1');
    assert.match(masked.stdout, /\*\*\*@\*\*\*/);

    const first = dev.psql(token, 'delete from payments');
    const id = await dev.held(PATIENCE_MS);
    const shown = await dev.json<{ id: string; state: string }>('approvals', 'show', id);
    assert.equal(shown.state, 'held');
    const denied = await dev.cli('approvals', 'deny', id, '--reason', 'no');
    assert.equal(denied.code, 0, denied.stderr);
    assert.match((await first).stderr, /no/);

    const second = dev.psql(token, 'delete from payments');
    const again = await dev.held(PATIENCE_MS);
    const ts = await waitFor(
      async () => {
        const articles = (await (await fetch(ready.slack)).text()).split('<article>');
        const mine = articles.find(text => text.includes(again) && text.includes('value="approve"'));
        return /name="ts" value="([^"]+)"/.exec(mine ?? '')?.[1];
      },
      { what: 'Slack shows a button', deadlineMs: PATIENCE_MS },
    );
    await waitFor(
      async () => {
        await fetch(new URL('/press?as=U1', ready.slack), {
          method: 'POST',
          headers: { 'sec-fetch-site': 'same-origin', origin: new URL(ready.slack).origin },
          body: new URLSearchParams({ ts, action: 'approve' }),
          redirect: 'manual',
        });
        return (await dev.json<{ state: string }>('approvals', 'show', again)).state !== 'held';
      },
      // Where the machine is slow, a first press may come to nothing.
      { what: 'the press is a decision', deadlineMs: PATIENCE_MS },
    );
    assert.match((await second).stdout, /DELETE/);

    const audit = await dev.cli('audit', 'sessions');
    assert.equal(audit.code, 1);
    assert.match(audit.stderr, /runs on emulators here/);
    const sessions = await waitFor(
      async () => {
        const all = (await (await fetch(`${ready.http}/api/sessions`)).json()) as {
          session: string;
          held: number;
        }[];
        return all.filter(s => s.held > 0).length >= 2 && all;
      },
      { what: 'the record is on the page', deadlineMs: PATIENCE_MS },
    );
    const held = sessions.find(s => s.held > 0)?.session;
    // The events come in any order: until all are there, one is missing.
    await waitFor(
      async () => {
        const replay = (await (await fetch(`${ready.http}/api/sessions/${held}`)).json()) as {
          report: { findings: unknown[] };
        };
        assert.deepEqual(replay.report.findings, []);
        return true;
      },
      { what: 'the chain is whole', deadlineMs: PATIENCE_MS },
    );

    const { pid } = JSON.parse(readFileSync(join(dev.data, 'dev.json'), 'utf8')) as { pid: number };
    assert.equal(pid, dev.process.pid);
    await dev.kill9({ postgres: true });
    for (const url of [ready.slack, ready.tunnel])
      await waitFor(
        () =>
          fetch(url).then(
            () => false,
            () => true,
          ),
        { what: `nobody answers at ${url}`, deadlineMs: PATIENCE_MS },
      );
  });
});
