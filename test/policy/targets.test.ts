import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPolicy } from '#proxy/policy/load.ts';

const ACCESS = 'access: [{ name: all, targets: ["*"], roles: ["*"] }]\n';

function faults(yaml: string): string {
  try {
    loadPolicy(`version: 1\n${ACCESS}${yaml}`, 'p.yaml', { extraIssuers: ['dev'], extraTargets: ['other'] });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const target = (keys: string, role: string) =>
  `targets: { shop: { host: db, database: shop, ${keys} roles: { agent: { ${role} } } } }\n`;

test('a client certificate and its key are references, belong together, and need TLS', () => {
  const pair = 'certificate: "file:/a.crt", key: "env:KEY"';
  assert.equal(faults(target('', pair)), '');
  assert.equal(faults(target('tls: verify-ca, tlsNegotiation: direct,', pair)), '');
  assert.match(faults(target('', 'certificate: "file:/a.crt"')), /belong together/);
  assert.match(faults(target('', 'key: "file:/a.key"')), /belong together/);
  assert.match(faults(target('', 'certificate: "-----BEGIN", key: "env:KEY"')), /a secret itself does not/);
  assert.match(faults(target('tls: disable,', pair)), /is never shown/);
  assert.match(faults(target('', pair).replace('host: db', 'host: /run/pg')), /is never shown/);
});

test('TLS that begins directly needs TLS, and ways that are none are named', () => {
  assert.match(faults(target('tls: disable, tlsNegotiation: direct,', '')), /no TLS to this target/);
  assert.match(faults(target('tls: prefer,', '')), /one of verify-full, verify-ca, require, disable/);
  assert.match(faults(target('weakAuth: [scram],', '')), /one of md5, cleartext, trust/);
});

test('the agents’ door: known ways, each once, a known issuer, scopes as OAuth writes them', () => {
  const agents = (keys: string) => faults(`agents: { ${keys} }\n`);
  assert.equal(
    agents('tls: required, authentication: [oauthbearer], oauthIssuer: dev, oauthScope: "a b"'),
    '',
  );
  assert.match(agents('tls: never'), /one of required, beyond-loopback, optional/);
  assert.match(agents('authentication: []'), /empty list/);
  assert.match(agents('authentication: [password, password]'), /here twice/);
  assert.match(agents('authentication: [kerberos]'), /one of password, oauthbearer/);
  assert.match(agents('oauthIssuer: devv'), /no issuer "devv"; did you mean dev\?/);
  assert.match(agents('oauthIssuer: "*"'), /no issuer/);
  for (const scope of ['', ' a', 'a  b', 'a"b', 'ä'])
    assert.match(agents(`oauthScope: ${JSON.stringify(scope)}`), /scopes/, scope);
});
