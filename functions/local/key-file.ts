import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The private key in a PKCS#8 PEM file (0600 in a 0700 folder), made when there is none. Two processes that start at once get the
 * same key: the file appears whole, by one link(2), or not at all. Throws an Error naming the file when it holds no such key.
 */
export function openKeyFile(path: string, kind: 'ed25519' | 'p-256'): KeyObject {
  const key = read(path) ?? create(path, kind);
  const is = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : key.asymmetricKeyType;
  if (is !== (kind === 'p-256' ? 'prime256v1' : kind))
    throw new Error(`${path} is not a private ${kind} key`);
  return key;
}

function read(path: string): KeyObject | null {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error(`${path} is not a private key`);
  }
}

function create(path: string, kind: 'ed25519' | 'p-256'): KeyObject {
  const { privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  const key = read(path);
  if (key === null) throw new Error(`${path} went away while it was being made`);
  return key;
}
