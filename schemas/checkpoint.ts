import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** A tree head: what the log commits to. */
export interface Checkpoint {
  /** The log's name, and the name of its key. */
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** RFC 6962 root hash, 32 bytes. */
  readonly root: Buffer;
}

/** A public key by the name under which it signs notes. */
export interface NoteKey {
  readonly name: string;
  /** First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), hex. */
  readonly id: string;
  readonly publicKey: KeyObject;
}

/** A checkpoint as it came out of a note, with the bytes that were signed. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly id: string; readonly signature: Buffer }[];
}

// The algorithm identifier of an Ed25519 public key in SPKI (RFC 8410), before the 32 bytes of the key.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519 = Buffer.of(1);

/** The key of the log `name`, from the 32 bytes of an Ed25519 public key or from a KeyObject. */
export function noteKey(name: string, key: Uint8Array | KeyObject): NoteKey {
  if (name === '' || /[\s+]/u.test(name)) throw new TypeError('a key name has neither spaces nor plus');
  const raw = key instanceof Uint8Array ? Buffer.from(key) : rawKey(key);
  if (raw.length !== 32) throw new TypeError('an Ed25519 public key has 32 bytes');
  return {
    name,
    id: hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), ED25519, raw]), 'hex').slice(0, 8),
    publicKey: createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' }),
  };
}

/** The key as one line, `name+id+base64(0x01 ‖ public key)`: the verifier key format of signed-note tools. */
export function verifierKey(key: NoteKey): string {
  return `${key.name}+${key.id}+${Buffer.concat([ED25519, rawKey(key.publicKey)]).toString('base64')}`;
}

/** The opposite of `verifierKey`. Throws a TypeError on anything else, and on an id that is not the key's. */
export function parseVerifierKey(line: string): NoteKey {
  const [name, id, encoded] = line.trim().split(/\+(.{8})\+(.*)/s);
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length !== 33 || bytes[0] !== 1)
    throw new TypeError('not an Ed25519 verifier key (name+id+base64)');
  const key = noteKey(name, bytes.subarray(1));
  if (key.id !== id) throw new TypeError('the id of the verifier key does not belong to its name and key');
  return key;
}

/** A checkpoint signed by `secret`, in the form of C2SP tlog-checkpoint and signed-note. */
export function signCheckpoint(checkpoint: Checkpoint, key: NoteKey, secret: KeyObject): string {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
  const signature = Buffer.concat([Buffer.from(key.id, 'hex'), sign(null, Buffer.from(text), secret)]);
  return `${text}\n— ${key.name} ${signature.toString('base64')}\n`;
}

/** Reads a checkpoint without checking its signatures. Throws a TypeError that says what is wrong with its form. */
export function parseCheckpoint(note: string): SignedCheckpoint {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n'))
    throw new TypeError('a signed note has a text, an empty line and signatures');
  const text = note.slice(0, split + 1);
  const [origin, size, root, ...rest] = text.split('\n');
  if (origin === undefined || origin === '' || size === undefined || root === undefined || rest.length !== 1)
    throw new TypeError('a checkpoint has three lines: origin, size and root');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new TypeError('the size of the checkpoint is not a number');
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== root)
    throw new TypeError('the root of the checkpoint is not the base64 of 32 bytes');
  const signatures = note
    .slice(split + 2, -1)
    .split('\n')
    .map(line => {
      const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line);
      const blob = Buffer.from(match?.[2] ?? '', 'base64');
      // One signature has one form: trailing bits of base64 are not free.
      if (match?.[1] === undefined || blob.length < 5 || blob.toString('base64') !== match[2])
        throw new TypeError('a signature line is malformed');
      return { name: match[1], id: blob.toString('hex', 0, 4), signature: blob.subarray(4) };
    });
  return { checkpoint: { origin, size: Number(size), root: bytes }, text, signatures };
}

/**
 * Null when `key` has signed; otherwise why not, as a sentence. As the note format demands, signatures of other keys are ignored, and
 * one that claims to be this key's and does not verify spoils the note.
 */
export function signatureFault(signed: SignedCheckpoint, key: NoteKey): string | null {
  const ours = signed.signatures.filter(s => s.name === key.name && s.id === key.id);
  if (ours.length === 0) return `it has no signature by ${key.name} (key ${key.id})`;
  const good = ours.every(s => verify(null, Buffer.from(signed.text), key.publicKey, s.signature));
  if (!good) return `the signature by ${key.name} (key ${key.id}) does not verify`;
  if (signed.checkpoint.origin !== key.name)
    return `it is a checkpoint of ${signed.checkpoint.origin}, not of ${key.name}`;
  return null;
}

function rawKey(key: KeyObject): Buffer {
  const { crv, x } = key.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new TypeError('not an Ed25519 key');
  return Buffer.from(x, 'base64url');
}
