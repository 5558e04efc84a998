import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Dev, startDev } from '#test/support/dev.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { createAuthority } from '#test/tls/authority.ts';
import { type Near, startHttp, startNear } from './fixtures.ts';
import { ACCOUNT, type Google, startGoogle } from './google.ts';

let dev: Dev;
let own: string;
let google: Google;
const nears: Near[] = [];

before(async () => {
  dev = await startDev();
  own = await dev.token('agent-1', { email: 'agent-1@example.com' });
  google = await startGoogle(createAuthority(), async aud => mint(aud));
});
after(async () => {
  google.close();
  await Promise.all(nears.map(near => near.stop()));
});

/** The proxy takes the one; the other is for Cloud Run's check, which is not here. */
function mint(aud: string): string {
  if (aud === 'holdpoint') return own;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ aud, exp: Math.floor(Date.now() / 1000) + 3600 })}.c2ln`;
}

/** A near end with these default credentials. */
async function nearWith(credentials: object, env: Record<string, string> = {}): Promise<Near> {
  const file = join(tempDir('adc'), 'credentials.json');
  writeFileSync(file, JSON.stringify(credentials));
  return near({ GOOGLE_APPLICATION_CREDENTIALS: file, ...env });
}

async function near(env: Record<string, string>): Promise<Near> {
  const args = ['--url', dev.ready.http, '--listen', '127.0.0.1:0'];
  const source = ['--token-source', 'gcp-default', '--audience', 'holdpoint'];
  const started = await startNear([...args, ...source], { ...google.env, ...env });
  nears.push(started);
  return started;
}

async function connect(through: Near): Promise<raw.RawClient> {
  const [host = '', port = ''] = through.at.split(':');
  return raw.RawClient.connect({ host, port: Number(port) });
}

async function works(through: Near): Promise<void> {
  const client = await connect(through);
  await client.login({ user: 'agent', database: 'shop' });
  client.send(raw.query('select 1'));
  assert.match(raw.outline(await client.untilReady()), /C:SELECT 1/);
  client.destroy();
}

async function refused(through: Near): Promise<Record<string, string>> {
  const client = await connect(through);
  client.send(raw.startup({ user: 'agent', database: 'shop' }));
  const [frame] = await client.untilClosed(40_000);
  assert.equal(frame?.type, 'E');
  return raw.fields(frame!);
}

test('a service account’s key file: Google’s library signs for a token, which is kept for the next connection', async () => {
  const through = await nearWith(google.files.serviceAccount);
  const before = google.seen.length;
  await works(through);
  await works(through);
  const asked = google.seen.slice(before);
  assert.deepEqual(
    asked,
    Array(2).fill('POST oauth2.googleapis.com/token'),
    'one for the proxy, one for Cloud Run',
  );
});

test('workload identity federation through a service account; without one it is told why there is no token', async () => {
  const subject = join(tempDir('job'), 'token');
  writeFileSync(subject, 'job');
  const before = google.seen.length;
  await works(await nearWith(google.files.federation(subject)));
  const asked = google.seen.slice(before);
  assert.ok(asked.includes('POST sts.googleapis.com/v1/token'));
  assert.ok(asked.at(-1)?.endsWith(`${ACCOUNT}:generateIdToken`));
  const said = await refused(await nearWith(google.files.federationAlone(subject)));
  assert.equal(said.C, '28000');
  assert.match(said.M ?? '', /has to name a service account to impersonate$/);
});

test('a person’s credentials get a token for gcloud, and that is told instead of sent', async () => {
  const said = await refused(await nearWith(google.files.person));
  assert.equal(said.C, '28000');
  assert.match(
    said.M ?? '',
    /another audience than (?:holdpoint|http:\S+): those of a person .*--impersonate-service-account/,
  );
});

test('on a machine of Google’s, the library finds the metadata server', async () => {
  const metadata = await startHttp((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const audience = url.searchParams.get('audience');
    response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'text/plain' });
    response.end(audience === null ? 'acme' : mint(audience));
  });
  await works(await near({ GCE_METADATA_HOST: metadata.host, HOME: tempDir('home'), NO_PROXY: '127.0.0.1' }));
  const asked = metadata.seen.filter(({ url }) => url.includes('audience=holdpoint'));
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.headers['metadata-flavor'], 'Google');
});

test('no credentials, a broken file and a refusal by Google are each one line with nothing secret in it', async () => {
  const none = await refused(
    await near({
      HOME: tempDir('home'),
      METADATA_SERVER_DETECTION: 'none',
      CLOUDSDK_CONFIG: tempDir('gcloud'),
    }),
  );
  assert.match(
    none.M ?? '',
    /Google's default credentials give no ID token: Could not load the default credentials/,
  );
  const gone = await refused(await near({ GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' }));
  assert.match(gone.M ?? '', /give no ID token: .*\/nowhere\/key\.json/);
  const revoked = await refused(await nearWith({ ...google.files.person, refresh_token: 'hush-hush' }));
  assert.match(revoked.M ?? '', /give no ID token: .*(invalid_grant|400)/);
  for (const said of [none, gone, revoked]) {
    assert.equal(said.C, '28000');
    assert.doesNotMatch(said.M ?? '', /\n|hush|public/);
  }
});
