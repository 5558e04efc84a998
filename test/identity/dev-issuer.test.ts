import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { mintToken, openDevIssuer } from '#cli/dev-issuer.ts';
import { createVerifier } from '#proxy/identity/verify.ts';
import { tempDir } from '#test/support/temp.ts';

const clock = () => Date.now();

function tokenCommand(...args: string[]) {
  const script = `const { tokenCommand } = await import('#cli/token.ts');
    await tokenCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, '--', ...args], {
    cwd: join(import.meta.dirname, '..', '..'),
  });
}

test('a token minted while nothing runs is accepted by a verifier with the keys of the folder', async () => {
  const dir = tempDir('issuer');
  const text = await mintToken({
    dir,
    subject: 'ci',
    email: 'Ann@Example.com',
    groups: ['ops'],
    now: Date.now(),
  });
  const { issuer, entry, jwks } = await openDevIssuer(dir);
  const verifier = createVerifier({ issuers: [entry], fixed: new Map([[issuer, jwks]]), clock });
  const verified = await verifier.verify(text);
  assert.equal(verified.issuer, issuer);
  assert.equal(verified.email, 'ann@example.com');
  assert.deepEqual(verified.claimGroups, ['ops']);
  assert.deepEqual(Object.keys(jwks.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

test('the issuer is the same on every start and another in every folder', async () => {
  const dir = tempDir('issuer');
  const [a, b] = await Promise.all([openDevIssuer(dir), openDevIssuer(dir)]);
  assert.equal(a.issuer, b.issuer);
  assert.notEqual((await openDevIssuer(tempDir('issuer'))).issuer, a.issuer);
  assert.equal(statSync(join(dir, 'keys', 'issuer.key')).mode & 0o777, 0o600);
});

test('a token of another folder’s issuer is refused', async () => {
  const { issuer, entry, jwks } = await openDevIssuer(tempDir('issuer'));
  const verifier = createVerifier({ issuers: [entry], fixed: new Map([[issuer, jwks]]), clock });
  const foreign = await mintToken({ dir: tempDir('issuer'), subject: 'ci', now: Date.now() });
  await assert.rejects(verifier.verify(foreign), /issuer is not configured/);
});

test('dev serves discovery and keys on any port, and a verifier that fetches them accepts its tokens', async () => {
  const dev = await openDevIssuer(tempDir('issuer'));
  const server = createServer((request, response) => {
    if (!dev.issuerRoutes(request, response)) response.writeHead(404).end('other');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const document = await (await fetch(`${http}/.well-known/openid-configuration`)).json();
    assert.deepEqual([document.issuer, document.jwks_uri], [dev.issuer, `${http}/jwks.json`]);
    assert.equal((await fetch(`${http}/other`)).status, 404);
    assert.equal((await fetch(`${http}/jwks.json`, { method: 'POST' })).status, 405);
    const entry = { ...dev.entry, jwks: document.jwks_uri };
    const text = await dev.mint({ subject: 'ci', now: Date.now() });
    assert.equal((await createVerifier({ issuers: [entry], clock }).verify(text)).subject, 'ci');
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
});

test('holdpoint token prints a token that lives as long as asked', async () => {
  const dir = join(tempDir('issuer'), 'not', 'there', 'yet');
  const plain = (await tokenCommand('--subject', 'ci', '--group', 'a', '--group', 'b', '--data', dir)).stdout;
  const { issuer, entry, jwks } = await openDevIssuer(dir);
  const verifier = createVerifier({ issuers: [entry], fixed: new Map([[issuer, jwks]]), clock });
  assert.deepEqual((await verifier.verify(plain.trim())).claimGroups, ['a', 'b']);
  const json = JSON.parse(
    (await tokenCommand('--subject', 'ci', '--ttl', '2h', '--json', '--data', dir)).stdout,
  );
  assert.deepEqual([json.issuer, json.subject], [issuer, 'ci']);
  const { expires } = await verifier.verify(json.token);
  assert.equal(expires * 1000, Date.parse(json.expires));
  assert(expires * 1000 - Date.now() > 7100_000);
});

test('holdpoint token says what is wrong in one line', async () => {
  const dir = tempDir('issuer');
  const broken = tempDir('issuer');
  await openDevIssuer(broken);
  writeFileSync(join(broken, 'keys', 'issuer.key'), 'rubbish');
  for (const [args, sentence] of [
    [['--data', dir], /--subject/],
    [['--subject', ' ', '--data', dir], /subject has/],
    [['--subject', 'ci', '--ttl', '1 day', '--data', dir], /not a duration/],
    [['--subject', 'ci', '--ttl', '9999h', '--data', dir], /at most/],
    [['--subject', 'ci', '--email', 'ann', '--data', dir], /not an e-mail/],
    [['--subject', 'ci', '--data', broken], /is not a private key/],
  ] as const)
    await assert.rejects(tokenCommand(...args), (error: { code: number; stderr: string; stdout: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, sentence);
      assert.equal(error.stderr.trim().split('\n').length, 1, error.stderr);
      assert.equal(error.stdout, '');
      return true;
    });
  assert.equal(readFileSync(join(broken, 'keys', 'issuer.key'), 'utf8'), 'rubbish', 'nothing is overwritten');
});
