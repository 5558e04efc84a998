import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { sha256 } from '#schemas/canonical.ts';
import { decisionBytes, type SignedDecision } from '#schemas/decision.ts';

/** Whether one of the approvers' keys has signed this. */
export type DecisionCheck = (signed: SignedDecision) => boolean;

/** The public keys in a file, PEM, one after the other; none when there is no file. Throws an Error when it holds anything else. */
export function readPublicKeys(file: string): KeyObject[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  const pems = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (pems.length === 0) throw new Error(`${file} holds no public key in PEM`);
  return pems.map(pem => createPublicKey(pem));
}

/**
 * Checks decisions against the public keys in a file: several, so that decisions of an earlier key stay checkable. Null when there is no
 * file. A key's id is the beginning of the SHA-256 of its SPKI form.
 */
export function openDecisionCheck(file: string): DecisionCheck | null {
  const keys = new Map(
    readPublicKeys(file).map(key => [sha256(key.export({ type: 'spki', format: 'der' })).slice(0, 16), key]),
  );
  if (keys.size === 0) return null;
  return signed => {
    const key = keys.get(signed.keyId);
    const bytes = Buffer.from(signed.signature, 'base64');
    if (key === undefined || bytes.toString('base64') !== signed.signature) return false;
    if (signed.algorithm === 'Ed25519')
      return key.asymmetricKeyType === 'ed25519' && verify(null, decisionBytes(signed.decision), key, bytes);
    return key.asymmetricKeyType === 'ec' && verify('sha256', decisionBytes(signed.decision), key, bytes);
  };
}
