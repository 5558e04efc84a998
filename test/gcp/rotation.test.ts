import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SecretManagerEmulator, startSecretManager } from '#cli/emulators/secret-manager.ts';
import { createCloudSecrets } from '#proxy/gcp/secrets.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import { Targets } from '#proxy/targets.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { secretManagerAt } from '#test/gcp/clients.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';

const SECRET = 'projects/p/secrets/agent';
const SETTINGS = new Map([['client_encoding', 'UTF8']]);
let db: TestPostgres;
let manager: SecretManagerEmulator;
let client: ReturnType<typeof secretManagerAt>;
before(async () => {
  [db, manager] = await Promise.all([startPostgres(), startSecretManager()]);
  client = secretManagerAt(manager.host);
  await db.query(`create role agent login password 'first'`);
  manager.add(SECRET, 'first');
});
after(async () => {
  await client.close();
  manager.stop();
});

/** Logs in once as a session would, and gives the version that is recorded for it. */
async function login(): Promise<string> {
  const policy = loadPolicy(
    `version: 1
targets:
  db: { host: 127.0.0.1, port: ${db.port}, database: postgres, tls: disable, roles: { agent: { secret: ${SECRET} } } }
access: [{ name: all, targets: [db], roles: [agent] }]
`,
    'test',
  );
  const targets = new Targets(policy, createCloudSecrets(client), new Map(), () => {});
  const target = policy.targets.db!;
  manager.asked.length = 0;
  const { connection, credential } = await targets.connect(
    { name: 'db', target, user: 'agent', references: target.roles.agent! },
    SETTINGS,
  );
  connection.socket.destroy();
  return credential;
}

async function refused(asked: Promise<unknown>, code: string, why: RegExp): Promise<void> {
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof HoldpointError);
    assert.equal(error.code, code);
    assert.match(error.detail ?? '', why);
    return true;
  });
}

test('a password that is rotated between the fetch and the login is read once more, and the session records the new version', async () => {
  assert.equal(await login(), `${SECRET}/versions/1`);
  assert.equal(manager.asked.length, 1);
  await db.query(`alter role agent password 'second'`);
  // The rotation's second half comes after the proxy's first look.
  manager.before = () => {
    if (manager.asked.length === 2) manager.add(SECRET, 'second');
  };
  assert.equal(await login(), `${SECRET}/versions/2`);
  assert.equal(manager.asked.length, 2);
  manager.before = () => {};
});

test('a credential that is the same when it is read again is not tried again', async () => {
  await db.query(`alter role agent password 'third'`);
  await refused(login(), 'upstream_unavailable', /SQLSTATE 28P01/);
  assert.equal(manager.asked.length, 2, 'it was read twice');
  manager.add(SECRET, 'wrong too');
  await refused(login(), 'upstream_unavailable', /SQLSTATE 28P01/);
  assert.equal(manager.asked.length, 2, 'and never a third time');
});

test('a version that is disabled or destroyed while the server refuses the old one ends the session with that', async () => {
  for (const state of ['disabled', 'destroyed'] as const) {
    const version = manager.add(SECRET, 'old');
    manager.before = () => {
      if (manager.asked.length === 2) manager.set(version, state);
    };
    await refused(login(), 'secret_unavailable', /disabled or destroyed/);
    manager.before = () => {};
    await refused(login(), 'secret_unavailable', /disabled or destroyed/);
  }
  manager.add(SECRET, 'third');
  assert.match(await login(), /\/versions\/\d+$/);
});

test('a fault that is not about the credential costs one look at it', async () => {
  await db.query('alter role agent nologin');
  await refused(login(), 'upstream_unavailable', /SQLSTATE 28000/);
  await db.query('alter role agent login connection limit 0');
  await assert.rejects(login(), { code: 'upstream_unavailable', sqlstate: '53300' });
  assert.equal(manager.asked.length, 1);
});
