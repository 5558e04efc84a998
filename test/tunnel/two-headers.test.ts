import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { assertGateway } from '#proxy/identity/gateway.ts';
import { TunnelServer } from '#proxy/tunnel/server.ts';
import type { Principal } from '#schemas/principal.ts';

const asked: { token: string; gateway: string | null }[] = [];
const tunnel = new TunnelServer<string>({
  identify: async (token, gateway) => {
    asked.push({ token, gateway });
    return token;
  },
  accept: stream => void stream.destroy(),
  log: () => {},
});
const http = createServer({ shouldUpgradeCallback: TunnelServer.wants });
http.on('upgrade', tunnel.upgrade);
before(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
after(() => {
  tunnel.close();
  http.close();
});

/** The head of the answer to an upgrade with exactly these lines, and its body. */
async function ask(...lines: string[]): Promise<string> {
  const socket = connect((http.address() as { port: number }).port, '127.0.0.1');
  const head = [
    'GET /connect HTTP/1.1',
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...lines,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  let answer = '';
  socket.setEncoding('latin1').on('data', text => {
    answer += text;
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return answer;
}

test('the agent’s own token is the one in Authorization; Cloud Run’s goes beside it', async () => {
  for (const [lines, gateway] of [
    [['Authorization: Bearer app'], null],
    [['authorization:bearer app', 'X-SERVERLESS-AUTHORIZATION: BEARER iam'], 'iam'],
    [['x-serverless-authorization: Bearer iam', 'AUTHORIZATION:   bEaReR   app  '], 'iam'],
  ] as const) {
    assert.match(await ask(...lines), /^HTTP\/1\.1 101 /);
    assert.deepEqual(asked.pop(), { token: 'app', gateway });
  }
});

test('only Cloud Run’s header is refused, with the way out', async () => {
  const answer = await ask('X-Serverless-Authorization: Bearer iam');
  assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*is for Cloud Run alone and proves nothing here/);
  assert.deepEqual(asked, []);
});

test('headers that two readers could read in two ways are refused', async () => {
  const good = 'Authorization: Bearer app';
  for (const lines of [
    [good, 'Authorization: Bearer other'],
    [good, good],
    [good, 'authorization: Basic eDp5'],
    ['Authorization:', good],
    ['Authorization: Bearer app, Bearer other'],
    ['Authorization: Bearer app,other'],
    ['Authorization: Bearer app other'],
    ['Authorization: Bearer'],
    ['Authorization: Bearer\tapp'],
    ['Authorization: Basic eDp5'],
    ['Authorization: DPoP app'],
    ['Authorization: app'],
    ['Authorization: "Bearer app"'],
    ['Authorization: Bearer app;x=1'],
    ['Authorization: Bearer \xe4pp'],
    [good, 'X-Serverless-Authorization: Bearer a', 'X-Serverless-Authorization: Bearer b'],
    [good, 'X-Serverless-Authorization: Bearer a, Bearer b'],
    [good, 'X-Serverless-Authorization: a'],
    [good, 'X-Serverless-Authorization:'],
  ]) {
    const answer = await ask(...lines);
    assert.match(answer, /^HTTP\/1\.1 401 /, lines.join(' | '));
    assert.match(answer, /holdpoint-fault: token_invalid/);
  }
  // Node's own parser refuses what could end a line early.
  for (const line of [
    'Authorization: Bearer app\n x',
    'Authorization : Bearer app',
    'Authorization: Bearer app\rX: y',
  ])
    assert.match(await ask(line), /^HTTP\/1\.1 40[01] /, line);
  assert.deepEqual(asked, []);
});

describe('the token that Cloud Run has looked at', () => {
  const GOOGLE = 'https://accounts.google.com';
  const principal: Principal = {
    issuer: GOOGLE,
    subject: '117',
    email: 'ci@acme.example',
    groups: [],
    expires: 1,
  };
  const stripped = (claims: object) =>
    `${[{ alg: 'RS256' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`;
  const check = (claims: object | null, mode: 'consistent' | 'same-email' = 'consistent', who = principal) =>
    assertGateway(claims === null ? null : stripped(claims), who, mode);
  const github: Principal = {
    issuer: 'https://token.actions.githubusercontent.com',
    subject: 'repo:a/b',
    groups: [],
    expires: 1,
  };

  test('must not be of another subject of the same issuer', () => {
    check({ iss: GOOGLE, sub: '117' });
    check(null);
    check({ iss: GOOGLE, sub: '118' }, 'consistent', github);
    for (const sub of ['118', 117, null, undefined, ['117']])
      assert.throws(() => check({ iss: GOOGLE, sub }), {
        code: 'token_invalid',
        message: /is of somebody else$/,
      });
  });

  test('must be there with the same e-mail where the policy says so', () => {
    check({ iss: GOOGLE, sub: '117', email: 'CI@acme.example' }, 'same-email');
    check({ iss: 'https://other.example', sub: 'x', email: 'ci@acme.example' }, 'same-email');
    for (const email of ['c1@acme.example', '', undefined, ['ci@acme.example'], null])
      assert.throws(
        () => check({ iss: GOOGLE, sub: '117', email }, 'same-email'),
        /does not have its e-mail/,
      );
    assert.throws(() => check({ iss: GOOGLE, sub: '9' }, 'same-email', github), /does not have its e-mail/);
    assert.throws(() => check(null, 'same-email'), /wants another one in X-Serverless-Authorization/);
  });

  test('has to be a token at all', () => {
    for (const text of ['x', 'a.b.c', '..', `e30.${Buffer.from('[]').toString('base64url')}.x`])
      assert.throws(() => assertGateway(text, principal, 'consistent'), /is none$/);
  });
});
