import { createHash } from 'node:crypto';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import { crc32c } from '#schemas/crc32c.ts';
import { type Decision, decision, decisionBytes, type SignedDecision } from '#schemas/decision.ts';

/**
 * Signs decisions with one version of a KMS key (EC_SIGN_P256_SHA256), which only the functions' service account may use. KMS gets the
 * digest, and both ways are guarded by checksums, as its documentation asks. Rejects with an Error when KMS does not answer within
 * `deadlineMs`, or answers with something else than what was asked for.
 */
export function createKmsSigner(
  client: Pick<KeyManagementServiceClient, 'asymmetricSign' | 'getPublicKey'>,
  version: string,
  deadlineMs = 1500,
): ((value: Decision) => Promise<SignedDecision>) & { readonly warm: () => Promise<unknown> } {
  const sign = async (value: Decision): Promise<SignedDecision> => {
    const checked = decision.parse(value);
    const sha256 = createHash('sha256').update(decisionBytes(checked)).digest();
    const [answer] = await client.asymmetricSign(
      { name: version, digest: { sha256 }, digestCrc32c: { value: crc32c(sha256) } },
      { timeout: deadlineMs },
    );
    const { signature } = answer;
    if (answer.name !== version || !answer.verifiedDigestCrc32c || !signature)
      throw new Error(`KMS did not sign with ${version} what it was given`);
    const bytes = typeof signature === 'string' ? Buffer.from(signature, 'base64') : Buffer.from(signature);
    if (Number(answer.signatureCrc32c?.value) !== crc32c(bytes))
      throw new Error('the signature of KMS arrived damaged: its checksum is wrong');
    return { decision: checked, keyId: version, algorithm: 'ES256', signature: bytes.toString('base64') };
  };
  // Nothing is signed for it. That it may not read the key is an answer too, over a channel that is open then.
  return Object.assign(sign, { warm: () => client.getPublicKey({ name: version }, { timeout: deadlineMs }) });
}
