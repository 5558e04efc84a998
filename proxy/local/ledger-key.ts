import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sha256 } from '#schemas/canonical.ts';
import { noteKey, verifierKey } from '#schemas/checkpoint.ts';
import type { LedgerKey } from './ledger-store.ts';

/**
 * The key that signs checkpoints: PKCS#8 PEM (0600), made when there is none, its public half beside it as `….pub` in the form that
 * signed-note tools take. The log is named after its key. Throws an Error when the two halves do not belong together, and when only
 * the public one is there: a new key would make a new log.
 */
export function openLedgerKey(path: string): LedgerKey {
  const publicFile = `${path}.pub`;
  if (!existsSync(path)) {
    if (existsSync(publicFile)) throw new Error(`${path} is gone, and ${publicFile} is its public key`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  }
  const pem = readFileSync(path, 'utf8');
  let line: string;
  let name: string;
  try {
    const key = createPublicKey(createPrivateKey(pem));
    name = `holdpoint.dev/dev-${sha256(key.export({ format: 'der', type: 'spki' })).slice(0, 12)}`;
    line = verifierKey(noteKey(name, key));
  } catch (cause) {
    throw new Error(`${path} is not an Ed25519 private key in PKCS#8 PEM`, { cause });
  }
  if (!existsSync(publicFile))
    writeFileSync(publicFile, `${line}\n`, { mode: 0o644, flag: 'wx', flush: true });
  else if (readFileSync(publicFile, 'utf8').trim() !== line)
    throw new Error(`${publicFile} is not the public key of ${path}`);
  return { name, pem };
}
