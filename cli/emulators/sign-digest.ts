import { createECDH, type KeyObject, randomBytes } from 'node:crypto';

/** Order of the group of P-256 (FIPS 186-5, D.1.2.3). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * ECDSA over P-256 of a digest that was made elsewhere, as KMS signs (Node signs messages only). DER. For the emulator, whose keys guard
 * nothing: it is not constant-time.
 */
export function signDigest(digest: Buffer, privateKey: KeyObject): Buffer {
  const d = int(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const z = int(digest);
  for (;;) {
    const nonce = randomBytes(32);
    const k = int(nonce);
    if (k === 0n || k >= N) continue;
    const point = createECDH('prime256v1');
    point.setPrivateKey(nonce);
    const r = int(point.getPublicKey().subarray(1, 33)) % N;
    const s = (inverse(k) * (z + r * d)) % N;
    if (r !== 0n && s !== 0n) return der(r, s);
  }
}

function int(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** By Fermat: N is prime. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (let base = value % N, left = N - 2n; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * base) % N;
    base = (base * base) % N;
  }
  return result;
}

function der(...values: bigint[]): Buffer {
  const parts = values.map(value => {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    // A leading one bit would make it negative.
    const positive = (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  });
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
