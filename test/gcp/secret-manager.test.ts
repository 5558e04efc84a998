import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SecretManagerEmulator, startSecretManager } from '#cli/emulators/secret-manager.ts';
import { createCloudSecrets } from '#proxy/gcp/secrets.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { secretManagerAt } from '#test/gcp/clients.ts';

const SECRET = 'projects/p/secrets/shop-agent';
let manager: SecretManagerEmulator;
let client: ReturnType<typeof secretManagerAt>;
before(async () => {
  manager = await startSecretManager();
  client = secretManagerAt(manager.host);
});
after(async () => {
  await client.close();
  manager.stop();
});

test('each session fetches its credential anew and is told the version that it got, also for the newest', async () => {
  const secrets = createCloudSecrets(client);
  const first = manager.add(SECRET, 'one\n');
  assert.deepEqual(await secrets.fetch(SECRET), { password: 'one', version: first });
  const second = manager.add(SECRET, 'two');
  assert.deepEqual(await secrets.fetch(SECRET), { password: 'two', version: second });
  assert.deepEqual(await secrets.fetch(first), { password: 'one', version: first });
  assert.equal(manager.asked.length, 3, 'nothing is kept between two sessions');
});

test('a version that is disabled, destroyed or not there is refused with its name and without its value', async () => {
  const secrets = createCloudSecrets(client);
  const version = manager.add('projects/p/secrets/other', 'sesame-open');
  for (const state of ['disabled', 'destroyed'] as const) {
    manager.set(version, state);
    await refused(secrets.fetch('projects/p/secrets/other'), /disabled or destroyed/);
  }
  await refused(secrets.fetch('projects/p/secrets/none'), /no such secret/);
  await refused(secrets.fetch('env:PASSWORD'), /names no secret/);
});

test('what cannot be a password, or arrives damaged, is refused', async () => {
  const secrets = createCloudSecrets(client);
  for (const value of ['\n', 'a\0b']) {
    manager.add('projects/p/secrets/odd', value);
    await refused(secrets.fetch('projects/p/secrets/odd'), /is no password/);
  }
  const damaged = {
    accessSecretVersion: async () => [{ name: 'v', payload: { data: Buffer.from('x'), dataCrc32c: '1' } }],
  };
  await refused(createCloudSecrets(damaged as never).fetch(SECRET), /arrived damaged/);
});

test('a Secret Manager that does not answer costs a session its deadline, not more', async () => {
  manager.before = () => new Promise(() => {});
  await refused(createCloudSecrets(client, 100).fetch(SECRET), /did not answer in time/);
  manager.before = () => {};
});

async function refused(asked: Promise<unknown>, why: RegExp): Promise<void> {
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof HoldpointError);
    assert.equal(error.code, 'secret_unavailable');
    assert.match(error.detail ?? '', why);
    assert.ok(!`${error.message}${error.detail}${error.stack}`.includes('sesame'));
    return true;
  });
}
