import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type KmsEmulator, startKms } from '#cli/emulators/kms.ts';
import { type SlackEmulator, startSlack } from '#cli/emulators/slack.ts';
import { openDesk } from '#cli/gcp/desk.ts';
import { compose, type Functions } from '#functions/compose.ts';
import type { Approval } from '#schemas/approval.ts';
import type { HoldMessage } from '#schemas/messages.ts';
import { requestDigest } from '#schemas/request.ts';
import { statementDigest } from '#schemas/statement.ts';
import { requirement, statement } from '#test/hold/fixture.ts';
import { type Emulators, lacksEmulators, startEmulators } from '#test/support/emulators.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { fresh } from './approvals-suite.ts';
import { openChanges } from './tail.ts';

const POLICY = `
version: 1
groups:
  approvers: [ann@example.com, dev@example.com]
access:
  - name: all
    targets: ['*']
    roles: ['*']
`;
const USERS = [
  { id: 'UANN', name: 'Ann', email: 'Ann@example.com' },
  { id: 'UBOB', name: 'Bob', email: 'bob@example.com' },
  { id: 'UDEV', name: 'Dev', email: 'dev@example.com' },
  { id: 'UEVE', name: 'Eve', email: 'eve@example.com' },
  { id: 'UGUEST', name: 'Guest', email: 'ann@example.com', guest: true },
  { id: 'UGONE', name: 'Gone', email: 'ann@example.com', deleted: true },
  { id: 'UOTHER', name: 'Other', email: 'ann@example.com', team: 'T9' },
];

describe(
  'the functions, with Slack over HTTP, KMS over gRPC and the Firestore emulator',
  { skip: lacksEmulators() },
  () => {
    let emulators: Emulators;
    let kms: KmsEmulator;
    let slack: SlackEmulator;
    let functions: Functions;
    let server: Server;
    let env: Record<string, string>;
    let changes: Awaited<ReturnType<typeof openChanges>>;

    before(async () => {
      [emulators, kms, slack] = await Promise.all([
        startEmulators(),
        startKms(),
        startSlack({ users: USERS }),
      ]);
      changes = await openChanges('test', 'holds', message => functions.announce({ message }));
      // Bob is an approver because Slack's user group says so.
      slack.userGroups.set('SAPPROVERS', ['UBOB', 'UGUEST']);
      const policy = join(tempDir('functions'), 'policy.yaml');
      writeFileSync(policy, POLICY);
      env = {
        GOOGLE_CLOUD_PROJECT: 'test',
        HOLDPOINT_POLICY: policy,
        HOLDPOINT_DECISION_KEY: 'projects/test/locations/l/keyRings/r/cryptoKeys/d/cryptoKeyVersions/1',
        HOLDPOINT_CONSOLE_URL: 'https://console.example.com',
        HOLDPOINT_KMS_EMULATOR: kms.host,
        HOLDPOINT_HOLDS_TOPIC: 'projects/test/topics/holds',
        SLACK_BOT_TOKEN: slack.token,
        SLACK_SIGNING_SECRET: slack.signingSecret,
        SLACK_CHANNEL: slack.channel,
        SLACK_API_URL: slack.api,
        SLACK_TEAM: 'T0',
        SLACK_USER_GROUPS: JSON.stringify({ approvers: 'SAPPROVERS' }),
      };
      functions = compose(env);
      await functions.warm('slack');
      server = createServer((request, response) => {
        // As functions-framework hands it over.
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const rawBody = Buffer.concat(chunks);
          functions.slack(Object.assign(request, { rawBody, body: rawBody.toString() }), response);
        });
      });
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the server does not listen');
      slack.interactivityUrl = `http://127.0.0.1:${address.port}/`;
    });
    after(async () => {
      await new Promise(done => (server === undefined ? done(null) : server.close(done)));
      await changes?.close();
      await slack?.stop();
      kms?.stop();
      await emulators?.stop();
    });

    const delivery = (value: unknown, attributes: Record<string, string> = {}) => ({
      message: { data: Buffer.from(JSON.stringify(value)).toString('base64'), attributes },
    });
    const held = (approval: Approval): HoldMessage => ({ v: 1, kind: 'held', approval, instance: 'i' });
    const messageOf = (id: string) =>
      slack.messages.filter(m => JSON.stringify(m.metadata).includes(`"${id}"`));

    const until = (condition: () => boolean | Promise<boolean>, what: string) =>
      waitFor(condition, { what, deadlineMs: 60_000 });

    async function stored(id: string) {
      const { desk, close } = openDesk(
        env,
        () => [],
        () => {},
      );
      const approval = await desk.get(id);
      await close();
      assert.ok(approval);
      return approval;
    }

    async function announced(more: Partial<Approval> = {}) {
      const approval = fresh(more);
      await functions.announce(delivery(held(approval)));
      const [message] = messageOf(approval.id);
      assert.ok(message, 'a message is in the channel');
      return { approval, message, shown: () => JSON.stringify(message.blocks) };
    }

    test('a hold becomes one message that shows what would run, and an approval by its button is signed', async () => {
      const { approval, message, shown } = await announced();
      for (const part of [
        'delete from orders where id = $1',
        '$1 = 7',
        'dev@example.com',
        'ci-7',
        'deletes',
        'Approve',
      ])
        assert.ok(shown().includes(part), part);
      const { status, dialog } = await slack.press(message.ts, 'approve', 'UANN');
      assert.equal(status, 200);
      assert.equal(dialog, null);
      await until(() => /Approved.*ann@example\.com/.test(shown()), 'the message shows the approval');
      assert.ok(!shown().includes('"action_id"'), 'nothing is left to press');
      assert.equal(messageOf(approval.id).length, 1);
    });

    test('deliveries that come twice, at once, and after an interruption anywhere make one message', async () => {
      const approval = fresh();
      const both = await Promise.allSettled([
        functions.announce(delivery(held(approval))),
        functions.announce(delivery(held(approval))),
      ]);
      assert.ok(both.some(r => r.status === 'fulfilled'));
      await functions.announce(delivery(held(approval)));
      assert.equal(messageOf(approval.id).length, 1);
    });

    test('who may not decide is told so alone, and nothing changes', async () => {
      const { message, shown } = await announced();
      const before = shown();
      for (const [user, why] of [
        ['UDEV', /their own statement/],
        ['UEVE', /not among the approvers/],
        ['UGUEST', /guests/],
        ['UGONE', /active account/],
        ['UOTHER', /another workspace/],
      ] as const) {
        slack.whispers.length = 0;
        await until(async () => {
          await slack.press(message.ts, 'approve', user);
          return slack.whispers.some(w => why.test(w.text));
        }, `${user} is told`);
        assert.ok(slack.whispers.every(w => w.user === user));
      }
      assert.equal(shown(), before);
    });

    test('a member of the Slack user group decides, and a denial carries its reason', async () => {
      const { message, shown } = await announced();
      const { dialog } = await slack.press(message.ts, 'deny', 'UBOB');
      assert.ok(dialog);
      await slack.submit(dialog, 'UBOB', 'not <!channel> on a *Friday*');
      const denied = /Denied.*bob@example\.com.*not <!channel> on a \*Friday\*/;
      await until(() => denied.test(shown()), 'the message shows the denial');
      await until(async () => {
        const { body } = await slack.submit(dialog, 'UANN', '');
        return /can no longer be decided/.test(JSON.stringify(body));
      }, 'who comes second is told');
    });

    test('two people who press at once complete a quorum, and the message shows both', async () => {
      const { message, shown } = await announced({ requirements: [requirement({ quorum: 2 })] });
      await Promise.all([
        slack.press(message.ts, 'approve', 'UANN'),
        slack.press(message.ts, 'approve', 'UBOB'),
      ]);
      // The emulator may take longer for two transactions on one document than Slack waits, and whoever showed the message first may
      // have shown the first half: the next tick of `expire` makes it good.
      await waitFor(
        async () => {
          await functions.expire();
          return /ann@example\.com/.test(shown()) && /bob@example\.com/.test(shown());
        },
        { what: 'the message shows both', deadlineMs: 30_000 },
      );
      assert.ok(!shown().includes('"approve"'));
    });

    test('a press that takes longer than Slack waits is answered in time, is decided once, and the message shows it later', async () => {
      const { approval, message, shown } = await announced();
      let open = () => {};
      const gate = new Promise<null>(done => {
        open = () => done(null);
      });
      slack.before = method => (method === 'users.info' ? gate : null);
      // Somebody whom Slack has not been asked about for a while.
      functions = compose(env);
      slack.whispers.length = 0;
      try {
        await until(async () => {
          assert.equal((await slack.press(message.ts, 'approve', 'UANN')).status, 200);
          return slack.whispers.some(w => /still being recorded/.test(w.text));
        }, 'who presses is told');
      } finally {
        open();
        slack.before = () => null;
      }
      await until(async () => {
        if (/Approved.*ann@example\.com/.test(shown())) return true;
        // Slack's answer may have come too late on this machine: then they press again, as they were told.
        await slack.press(message.ts, 'approve', 'UANN').catch(() => {});
        return false;
      }, 'the message shows the approval');
      const { decisions } = await stored(approval.id);
      assert.equal(decisions.length, 1);
    });

    test('a decision by console or command line is in the message without anybody looking for it', async () => {
      const { approval, shown } = await announced();
      const { desk, close } = openDesk(
        env,
        () => ['approvers'],
        message => assert.fail(message),
      );
      await desk.decide(approval.id, { by: 'ann@example.com', verdict: 'deny', reason: 'not today' });
      await until(() => /Denied.*ann@example\.com.*not today/.test(shown()), 'the message shows it');
      await close();
      // Told again, it shows the same.
      const before = shown();
      await functions.announce(delivery({ v: 1, kind: 'changed', approval: approval.id }));
      assert.equal(shown(), before);
      assert.equal(messageOf(approval.id).length, 1);
    });

    test('a statement too long for Slack has no approve button, and a link to all of it', async () => {
      const long = { ...statement, text: `delete from orders where id in (${'1234567890,'.repeat(400)}$1)` };
      const { approval, message, shown } = await announced({
        statement: long,
        digest: statementDigest(long),
      });
      assert.ok(shown().includes(`https://console.example.com/#${approval.id}`));
      assert.ok(shown().includes('"deny"'));
      await assert.rejects(slack.press(message.ts, 'approve', 'UANN'), /has no button approve/);
    });

    test('what the agent writes stays text: mentions, links, hidden characters and lines that look like values', async () => {
      const sly = {
        ...statement,
        text: 'delete from orders -- <!channel> <https://evil.example|ok> *b* `c`\u202e\n\n$1 = 0',
        parameters: [{ format: 'text' as const, type: 25, value: "x\n$2 = 'y'" }],
      };
      const { message } = await announced({ statement: sly, digest: statementDigest(sly) });
      const rich = message.blocks
        .filter(b => b.type === 'rich_text')
        .flatMap(b => b.elements as { type: string; elements: { type: string; text?: string }[] }[]);
      const [sql, values] = rich.filter(e => e.type === 'rich_text_preformatted');
      assert.deepEqual(sql!.elements, [
        {
          type: 'text',
          text: 'delete from orders -- <!channel> <https://evil.example|ok> *b* `c`⟦U+202E RLO⟧\n\n$1 = 0',
        },
      ]);
      assert.equal(values!.elements[0]!.text, "$1 = 'x⟦U+000A LF⟧$2 = ''y''' (text)");
      assert.ok(!message.text.includes('orders'));
    });

    test('a request that is altered, stale, from the future or not signed is refused, and decides nothing', async () => {
      const { approval, message } = await announced();
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        type: 'block_actions',
        team: { id: 'T0' },
        user: { id: 'UANN', team_id: 'T0' },
        channel: { id: slack.channel },
        trigger_id: 't',
        actions: [
          {
            type: 'button',
            action_id: 'approve',
            value: JSON.stringify({ id: approval.id, request: requestDigest(approval) }),
          },
        ],
      };
      for (const at of [now - 400, now + 400, Number.NaN])
        assert.equal((await slack.send(payload, at)).status, 401, String(at - now));
      const unsigned = await fetch(slack.interactivityUrl, {
        method: 'POST',
        body: new URLSearchParams({ payload: JSON.stringify(payload) }),
        headers: { 'x-slack-request-timestamp': String(now), 'x-slack-signature': `v0=${'0'.repeat(64)}` },
      });
      assert.equal(unsigned.status, 401);
      const stale = {
        ...payload,
        actions: [
          { ...payload.actions[0], value: JSON.stringify({ id: approval.id, request: '0'.repeat(64) }) },
        ],
      };
      slack.whispers.length = 0;
      await until(async () => {
        assert.equal((await slack.send(stale)).status, 200);
        return slack.whispers.some(w => /its record was changed/.test(w.text));
      }, 'who presses is told');
      assert.ok(JSON.stringify(message.blocks).includes('"approve"'), 'it is still to be decided');
    });

    test('Slack that does not answer while a hold is announced is asked again, and then there is one message', async () => {
      const approval = fresh();
      slack.before = method => (method === 'chat.postMessage' ? 'internal_error' : null);
      await assert.rejects(functions.announce(delivery(held(approval))));
      slack.before = () => null;
      assert.equal(messageOf(approval.id).length, 0);
    });

    test('a message that is no hold message is dropped, not tried for days', async () => {
      const { length } = slack.messages;
      await functions.announce(delivery({ v: 2 }));
      await functions.announce({ message: { data: '!!' } });
      assert.equal(slack.messages.length, length);
    });
  },
);
