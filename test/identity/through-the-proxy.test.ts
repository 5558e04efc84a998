import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { composeProxy } from '#proxy/compose.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { Recorder } from '#proxy/ports.ts';
import { TunnelServer } from '#proxy/tunnel/server.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { openRaw } from '#test/tunnel/fixtures.ts';
import { type SigningKey, signingKey, token } from './issuer-server.ts';

const ISSUER = 'https://accounts.google.com';
let db: TestPostgres;
let key: SigningKey;
let url: string;
let stop = async () => {};
const opened: Record<string, unknown>[] = [];
const directory = { mode: 'up' as 'up' | 'down', asked: [] as string[] };

before(async () => {
  [db, key] = [await startPostgres({ trust: true }), await signingKey('k1')];
  await db.query('create role agent login');
  await loadParser();
  const recorder: Recorder = {
    append: (_session, kind, body) => {
      if (kind === 'session.open') opened.push(body);
      return 1;
    },
    durable: 1,
    whenDurable: (_ticket, done) => done(null),
    close: async () => {},
  } as Recorder;
  const policy = `version: 1
issuers:
  - name: google
    issuer: ${ISSUER}
    audience: holdpoint
    algorithms: [ES256]
    claims: { hd: example.com }
    directory: { source: cloud-identity }
agents: { gateway: same-email }
targets:
  shop: { host: 127.0.0.1, port: ${db.port}, database: postgres, tls: disable, weakAuth: [trust], roles: { agent: {} } }
access: [{ name: dbas, principals: { groups: ["google:dba@example.com"] }, targets: [shop], roles: [agent] }]
`;
  const { proxy, tunnel } = composeProxy({
    policy: loadPolicy(policy, 'p.yaml'),
    recorder,
    approvals: {
      open: () => assert.fail('nothing is held here'),
      watch: () => assert.fail('nothing is held here'),
      end: () => assert.fail('nothing is held here'),
      claim: () => assert.fail('nothing is held here'),
      stands: () => assert.fail('nothing is held here'),
      find: () => assert.fail('nothing is held here'),
    },
    decisions: { verify: () => assert.fail('nothing is held here') },
    openDirectory: () => ({
      groupsOf: async email => {
        directory.asked.push(email);
        if (directory.mode === 'down') throw new HoldpointError('groups_unavailable');
        return email === 'ann@example.com' ? ['dba@example.com'] : [];
      },
    }),
    fixedKeys: new Map([[ISSUER, { keys: [key.jwk] }]]),
    secrets: { fetch: () => assert.fail('no secret is named') },
    maskKey: randomBytes(32),
    certificate: undefined,
    approveAt: () => '',
    clock: Date.now,
    log: (message, error) => console.error(message, error),
  });
  const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
  http.on('upgrade', tunnel.upgrade);
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  stop = async () => {
    tunnel.close();
    http.close();
    await proxy.close();
  };
});
after(() => stop());

const mint = (who: string, claims: object = {}) =>
  token(key, ISSUER, Date.now(), {
    sub: who,
    email: `${who}@example.com`,
    email_verified: true,
    hd: 'example.com',
    ...claims,
  });
/** As Cloud Run passes it on. */
const looked = (text: string) => `${text.slice(0, text.lastIndexOf('.'))}.SIGNATURE_REMOVED_BY_GOOGLE`;
const headers = (app: string, gateway?: string) => ({
  authorization: `Bearer ${app}`,
  ...(gateway === undefined ? {} : { 'x-serverless-authorization': `Bearer ${gateway}` }),
});

test('a session through Cloud Run has the groups of the directory, and its record says where they are from', async () => {
  const text = await mint('ann');
  const ws = await openRaw(url, headers(text, looked(text)));
  ws.send(raw.startup({ user: 'agent', database: 'shop' }));
  const open = await waitFor(() => opened.shift(), { what: 'the session is in the record' });
  assert.deepEqual(
    [open.issuer, open.subject, open.email, open.groups, open.directory],
    [ISSUER, 'ann', 'ann@example.com', ['google:dba@example.com'], 'resolved'],
  );
  ws.terminate();
});

test('nobody gets in by what Cloud Run has looked at, by another’s account beside their own, or without either', async () => {
  const [ann, bob] = [await mint('ann'), await mint('bob')];
  for (const [own, gateway, why] of [
    [looked(ann), looked(ann), /401 .*removed its signature/],
    [ann, looked(bob), /401 .*is of somebody else/],
    [ann, undefined, /401 .*wants another one in X-Serverless-Authorization/],
    [await mint('ann', { hd: 'evil.example' }), looked(ann), /401 .*does not take its claim hd/],
    [await mint('ann', { email_verified: false }), looked(ann), /401 .*no verified e-mail/],
    [bob, looked(bob), /403 /],
  ] as const)
    await assert.rejects(openRaw(url, headers(own, gateway)), why);
  assert.deepEqual(opened, []);
});

test('a directory that does not answer keeps people out with a fault that may pass', async () => {
  directory.mode = 'down';
  const cleo = await mint('cleo');
  await assert.rejects(
    openRaw(url, headers(cleo, looked(cleo))),
    /503 the groups of the token's holder cannot be looked up/,
  );
  assert.deepEqual(directory.asked, ['ann@example.com', 'bob@example.com', 'cleo@example.com'], 'each once');
});
