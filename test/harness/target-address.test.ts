import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from '#cli/dev/target.ts';

const parse = (rest: string) => parseTarget(`postgres://app@db.example.com/shop${rest}`, {});

test('--target takes libpq’s words for TLS and client certificates', () => {
  assert.equal(parse('').target.tls, 'verify-full');
  assert.equal(parse('?sslmode=verify-ca').target.tls, 'verify-ca');
  assert.equal(parse('?sslnegotiation=direct').target.tlsNegotiation, 'direct');
  const { roles } = parse('?sslcert=/a.crt&sslkey=/a.key').target;
  assert.deepEqual(roles.app, { certificate: 'file:/a.crt', key: 'file:/a.key' });
});

test('--target refuses what would be left out in silence', () => {
  for (const [rest, why] of [
    ['?sslmode=disable&sslnegotiation=direct', /need TLS/],
    ['?sslmode=disable&sslcert=/a&sslkey=/b', /need TLS/],
    ['?host=/run/postgresql&sslmode=require&sslnegotiation=direct', /need TLS/],
    ['?sslnegotiation=maybe', /unknown sslnegotiation maybe/],
    ['?sslmode=perhaps', /unknown sslmode perhaps/],
    ['?sslcert=/a.crt', /belong together/],
  ] as const)
    assert.throws(() => parse(rest), why, rest);
  assert.throws(() => parseTarget('postgres://app@localhost/shop?sslnegotiation=direct', {}), /need TLS/);
});
