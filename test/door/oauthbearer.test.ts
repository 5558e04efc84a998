import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertDummyResponse, errorResult, readClientResponse } from '#proxy/door/oauthbearer.ts';
import { HoldpointError } from '#schemas/errors.ts';

const read = (text: string) => readClientResponse(Buffer.from(text, 'latin1'));
const K = '\u0001';

function refused(text: string, code: string, detail: RegExp): void {
  assert.throws(
    () => read(text),
    (error: unknown) => {
      assert.ok(error instanceof HoldpointError, `${JSON.stringify(text)}: ${String(error)}`);
      assert.equal(error.code, code, JSON.stringify(text));
      assert.match(`${error.message} ${error.detail}`, detail, JSON.stringify(text));
      return true;
    },
  );
}

test('the examples of RFC 7628 are read: a token, with and without host and port', () => {
  const token = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==';
  assert.deepEqual(read(`n,,${K}auth=Bearer ${token}${K}${K}`), { kind: 'token', token });
  const more = `n,,${K}host=server.example.com${K}port=143${K}auth=Bearer ${token}${K}${K}`;
  assert.deepEqual(read(more), { kind: 'token', token });
  assert.deepEqual(read(`y,,${K}auth=bEARER   ${token}${K}${K}`), { kind: 'token', token });
});

test('an empty auth asks where a token comes from', () => {
  assert.deepEqual(read(`n,,${K}auth=${K}${K}`), { kind: 'discovery' });
});

test('another scheme, no token and a token of other characters are told apart from a broken message', () => {
  for (const auth of [
    'Basic dXNlcjpwYXNz',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Bearer ===',
    'x',
    ' ',
  ])
    assert.equal(read(`n,,${K}auth=${auth}${K}${K}`).kind, 'unusable', auth);
});

test('what the grammar does not allow is refused, and each fault by its name', () => {
  const good = `auth=Bearer abc${K}${K}`;
  for (const [text, detail] of [
    ['', /empty/],
    [K, /Unexpected channel-binding flag/],
    [`n,,${K}auth=Bearer abc${K}\0${K}`, /length does not match/],
    [`p=tls-server-end-point,,${K}${good}`, /does not support channel binding/],
    [`x,,${K}${good}`, /Unexpected channel-binding flag/],
    [`F,n,,${K}${good}`, /Unexpected channel-binding flag/],
    [`n${K}${good}`, /Comma expected/],
    [`nn,,${K}${good}`, /Comma expected/],
    [`n,${K}${good}`, /Unexpected attribute/],
    [`n,b=c,${K}${good}`, /Unexpected attribute/],
    [`n,,${good}`, /Key-value separator expected/],
    [`n,,`, /Key-value separator expected/],
    [`n,,${K}`, /final terminator/],
    [`n,,${K}auth=Bearer abc`, /final terminator/],
    [`n,,${K}auth=Bearer abc${K}`, /final terminator/],
    [`n,,${K}${K}`, /does not contain an auth/],
    [`n,,${K}host=a${K}${K}`, /does not contain an auth/],
    [`n,,${K}Auth=Bearer abc${K}${K}`, /does not contain an auth/],
    [`n,,${K}auth=${K}auth=Bearer abc${K}${K}`, /multiple auth/],
    [`n,,${K}${good}${K}`, /additional data/],
    [`n,,${K}auth=Bearer abc${K}${K}host=a${K}${K}`, /additional data/],
    [`n,,${K}=x${K}${good}`, /invalid key or value/],
    [`n,,${K}auth${K}${good}`, /invalid key or value/],
    [`n,,${K}ho st=x${K}${good}`, /invalid key or value/],
    [`n,,${K}h0st=x${K}${good}`, /invalid key or value/],
    [`n,,${K}host=\u0007${K}${good}`, /invalid key or value/],
    [`n,,${K}auth=Bearer abc\u00e9${K}${K}`, /invalid key or value/],
  ] as const)
    refused(text, 'protocol', detail);
  refused(`n,a=postgres,${K}${good}`, 'unsupported', /authorization identity/);
});

test('no text is anything but read or refused, and no token has a character in it that ends a header', () => {
  const part = fc.constantFrom(
    'n,,',
    'y,,',
    K,
    K,
    'auth=',
    'Bearer ',
    'abc.def-_~+/=',
    ',',
    'a=',
    'host=',
    '\0',
    'p',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), parts => {
      try {
        const said = read(parts.join(''));
        if (said.kind === 'token') assert.match(said.token, /^[\w.~+/-]+=*$/);
      } catch (error) {
        assert.ok(error instanceof HoldpointError);
      }
    }),
    { numRuns: 20_000 },
  );
});

test('an error tells status, scope and discovery document, and its answer is one separator', () => {
  const configuration = 'https://login.example.com/.well-known/openid-configuration';
  assert.deepEqual(JSON.parse(errorResult('invalid_token', { configuration, scope: 'openid' }).toString()), {
    status: 'invalid_token',
    'openid-configuration': configuration,
    scope: 'openid',
  });
  assert.deepEqual(
    JSON.parse(errorResult('invalid_request', { configuration: null, scope: 'a b' }).toString()),
    {
      status: 'invalid_request',
      scope: 'a b',
    },
  );
  assertDummyResponse(Buffer.of(1));
  for (const other of ['', `${K}${K}`, 'n,,', `n,,${K}auth=Bearer abc${K}${K}`])
    assert.throws(() => assertDummyResponse(Buffer.from(other)), /malformed/);
});
