import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type KmsEmulator, startKms } from '#cli/emulators/kms.ts';
import { signDigest } from '#cli/emulators/sign-digest.ts';
import { createKmsSigner } from '#functions/gcp/decision-signer.ts';
import { openKmsVerifier } from '#proxy/gcp/decision-verifier.ts';
import { sha256 } from '#schemas/canonical.ts';
import { crc32c } from '#schemas/crc32c.ts';
import type { Decision } from '#schemas/decision.ts';
import { kmsAt } from '#test/gcp/clients.ts';

const KEY = 'projects/p/locations/l/keyRings/r/cryptoKeys/decisions/cryptoKeyVersions/';
const DECISION: Decision = {
  approval: 'ap_1',
  digest: 'a'.repeat(64),
  verdict: 'approve',
  by: 'ann@example.com',
  groups: ['dbas'],
  reason: '',
  at: '2026-03-01T12:00:00.000Z',
};

let kms: KmsEmulator;
let client: ReturnType<typeof kmsAt>;
before(async () => {
  kms = await startKms();
  client = kmsAt(kms.host);
});
after(async () => {
  await client.close();
  kms.stop();
});

test('a decision signed by KMS verifies, and not one word of it can be changed afterwards', async () => {
  const signed = await createKmsSigner(client, `${KEY}1`)(DECISION);
  const verifier = await openKmsVerifier(client, [`${KEY}1`]);
  assert.equal(await verifier.verify(signed), true);
  const changes: Partial<Decision>[] = [
    { verdict: 'deny' },
    { by: 'bob@example.com' },
    { digest: 'b'.repeat(64) },
    { approval: 'ap_2' },
    { groups: [] },
    { reason: 'x' },
    { at: '2026-03-01T12:00:01.000Z' },
  ];
  for (const change of changes)
    assert.equal(await verifier.verify({ ...signed, decision: { ...DECISION, ...change } }), false);
  const flipped = Buffer.from(signed.signature, 'base64');
  flipped[flipped.length - 1]! ^= 1;
  assert.equal(await verifier.verify({ ...signed, signature: flipped.toString('base64') }), false);
  assert.equal(await verifier.verify({ ...signed, algorithm: 'Ed25519' }), false);
});

test('what another version of the key has signed counts only where that version is configured', async () => {
  const signed = await createKmsSigner(client, `${KEY}2`)(DECISION);
  assert.equal(await (await openKmsVerifier(client, [`${KEY}1`])).verify(signed), false);
  assert.equal(
    await (await openKmsVerifier(client, [`${KEY}1`])).verify({ ...signed, keyId: `${KEY}1` }),
    false,
  );
  assert.equal(await (await openKmsVerifier(client, [`${KEY}1`, `${KEY}2`])).verify(signed), true);
});

test('KMS that is slow, down, or answers with another key is an error, never a decision', async () => {
  kms.before = () => new Promise(resolve => setTimeout(resolve, 400));
  await assert.rejects(createKmsSigner(client, `${KEY}1`, 50)(DECISION), /DEADLINE|exceeded/i);
  kms.before = () => {};
  await assert.rejects(openKmsVerifier(client, []), /no key version is configured/);
  await assert.rejects(openKmsVerifier(client, ['projects/p/nothing']), /CryptoKeyVersion/);
  const lying = { getPublicKey: async () => [{ name: `${KEY}9`, pem: 'x' }] };
  await assert.rejects(openKmsVerifier(lying as never, [`${KEY}1`]), /gave no public key/);
});

test('CRC-32C and the signature over a digest are those of everybody else', () => {
  // RFC 3720 appendix B.4: 32 zeros, 32 ones, 0…31.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  for (let round = 0; round < 20; round += 1) {
    const message = Buffer.from(`message ${round}`);
    const digest = Buffer.from(sha256(message.toString()), 'hex');
    assert.equal(verify('sha256', message, publicKey, signDigest(digest, privateKey)), true);
  }
});
