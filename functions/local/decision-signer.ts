import { createPublicKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '#schemas/canonical.ts';
import { type Decision, decision, decisionBytes, type SignedDecision } from '#schemas/decision.ts';
import { openKeyFile } from './key-file.ts';

export type DecisionSigner = (value: Decision) => SignedDecision;

/**
 * Signs decisions with the Ed25519 key of `keys/decision.key` in `dir`, which only the approving side opens. Writes its public half to
 * `keys/decision.pub`, which is all that the proxy gets. `keyId`: the first 16 hex digits of the SHA-256 of the public key (SPKI, DER).
 */
export function openDecisionSigner(dir: string): DecisionSigner {
  const key = openKeyFile(join(dir, 'keys', 'decision.key'), 'ed25519');
  const open = createPublicKey(key);
  writeFileSync(join(dir, 'keys', 'decision.pub'), open.export({ type: 'spki', format: 'pem' }), {
    mode: 0o644,
  });
  const keyId = sha256(open.export({ type: 'spki', format: 'der' })).slice(0, 16);
  return value => {
    const checked = decision.parse(value);
    const signature = sign(null, decisionBytes(checked), key).toString('base64');
    return { decision: checked, keyId, algorithm: 'Ed25519', signature };
  };
}
