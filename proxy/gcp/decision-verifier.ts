import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import type { DecisionVerifier } from '#proxy/ports.ts';
import { crc32c } from '#schemas/crc32c.ts';
import { decisionBytes, signedDecision } from '#schemas/decision.ts';

/**
 * Checks decisions against the public halves of KMS key versions, by their resource names; several, so that what an earlier version has
 * signed still counts during a rotation. Fetches them once: the proxy cannot sign, and a version's key never changes. Rejects with an
 * Error of one sentence when a version is no P-256 signing key, or arrives damaged.
 */
export async function openKmsVerifier(
  client: Pick<KeyManagementServiceClient, 'getPublicKey'>,
  versions: readonly string[],
): Promise<DecisionVerifier> {
  if (versions.length === 0)
    throw new Error('no key version is configured that decisions may be signed with');
  const keys = new Map<string, KeyObject>();
  for (const name of versions) keys.set(name, await fetchKey(client, name));
  return {
    async verify(signed) {
      const checked = signedDecision.safeParse(signed);
      if (!checked.success) return false;
      const { decision, signature, algorithm, keyId } = checked.data;
      const key = keys.get(keyId);
      if (key === undefined || algorithm !== 'ES256') return false;
      const bytes = Buffer.from(signature, 'base64');
      if (bytes.toString('base64') !== signature) return false;
      return verify('sha256', decisionBytes(decision), key, bytes);
    },
  };
}

async function fetchKey(
  client: Pick<KeyManagementServiceClient, 'getPublicKey'>,
  name: string,
): Promise<KeyObject> {
  const [answer] = await client.getPublicKey({ name });
  const { pem, pemCrc32c, algorithm } = answer;
  if (answer.name !== name || typeof pem !== 'string') throw new Error(`KMS gave no public key for ${name}`);
  if (pemCrc32c?.value !== undefined && Number(pemCrc32c.value) !== crc32c(Buffer.from(pem)))
    throw new Error(`the public key of ${name} arrived damaged: its checksum is wrong`);
  if (algorithm !== 'EC_SIGN_P256_SHA256')
    throw new Error(`${name} is a key for ${String(algorithm)}: decisions need EC_SIGN_P256_SHA256`);
  const key = createPublicKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error(`${name} is no P-256 key`);
  return key;
}
