import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DecisionVerifier } from '#proxy/ports.ts';
import { sha256 } from '#schemas/canonical.ts';
import { decisionBytes, signedDecision } from '#schemas/decision.ts';

/**
 * Checks decisions against one Ed25519 public key (SPKI PEM). Throws an Error when the file holds a private key, or a key of another
 * kind: the proxy must not be able to sign.
 */
export function openDecisionVerifier(publicKeyFile: string): DecisionVerifier {
  const pem = readFileSync(publicKeyFile, 'utf8');
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----'))
    throw new Error(`${publicKeyFile} is not a public key`);
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${publicKeyFile} is not an Ed25519 key`);
  const keyId = sha256(key.export({ type: 'spki', format: 'der' })).slice(0, 16);
  return {
    async verify(signed) {
      // The store's word: checked for shape before anything is read from it.
      const checked = signedDecision.safeParse(signed);
      if (!checked.success) return false;
      const { decision, signature, algorithm } = checked.data;
      if (algorithm !== 'Ed25519' || checked.data.keyId !== keyId) return false;
      const bytes = Buffer.from(signature, 'base64');
      // One decision has one form: a respelled signature would make it look like a second one.
      if (bytes.length !== 64 || bytes.toString('base64') !== signature) return false;
      return verify(null, decisionBytes(decision), key, bytes);
    },
  };
}
