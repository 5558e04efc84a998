import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { unavailable } from './faults.ts';
import { saslprep } from './saslprep.ts';

/**
 * The client's half of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, without I/O.
 * Sources: RFC 5802, RFC 7677; the Postgres manual 54.3, by which the name in client-first stays empty.
 */

/** How the exchange is tied to the TLS channel, as the gs2 header says it. */
export type Binding =
  /** No TLS, or a certificate that nothing can be bound to. */
  | { readonly kind: 'none' }
  /** We could, but the server did not offer it: a server that did offer sees the lie of whoever took it away. */
  | { readonly kind: 'unused' }
  /** The certificate's hash of RFC 5929. */
  | { readonly kind: 'tls-server-end-point'; readonly data: Buffer };

export interface Proof {
  readonly message: Buffer;
  /** What `v=` of server-final must hold. */
  readonly serverSignature: Buffer;
}

/** A server that asks for more makes us burn CPU for it; Postgres' default is 4096, careful operators take some 600,000. */
export const MOST_ITERATIONS = 2_000_000;
const stretch = promisify(pbkdf2);

function header(binding: Binding): string {
  if (binding.kind === 'tls-server-end-point') return 'p=tls-server-end-point,,';
  return binding.kind === 'unused' ? 'y,,' : 'n,,';
}

/** `nonce` is fresh printable ASCII without a comma, 18 random bytes or more in base64. */
export function clientFirst(binding: Binding, nonce: string): Buffer {
  return Buffer.from(`${header(binding)}n=,r=${nonce}`, 'latin1');
}

/** Answers server-first. Rejects when the server did not extend the nonce, or asks for what is out of bounds. */
export async function clientFinal(
  binding: Binding,
  nonce: string,
  serverFirst: string,
  password: string,
): Promise<Proof> {
  const { combined, salt, iterations } = parseServerFirst(serverFirst, nonce);
  const data = binding.kind === 'tls-server-end-point' ? binding.data : Buffer.alloc(0);
  const channel = Buffer.concat([Buffer.from(header(binding), 'latin1'), data]).toString('base64');
  const withoutProof = `c=${channel},r=${combined}`;
  const authMessage = `n=,r=${nonce},${serverFirst},${withoutProof}`;

  const secret = Buffer.from(saslprep(password), 'utf8');
  let salted: Buffer;
  try {
    salted = await stretch(secret, salt, iterations, 32, 'sha256');
  } finally {
    secret.fill(0);
  }
  const clientKey = hmac(salted, 'Client Key');
  const serverKey = hmac(salted, 'Server Key');
  const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage);
  const proof = Buffer.from(signature.map((byte, i) => byte ^ clientKey[i]!));
  const serverSignature = hmac(serverKey, authMessage);
  for (const key of [salted, clientKey, serverKey]) key.fill(0);
  return { message: Buffer.from(`${withoutProof},p=${proof.toString('base64')}`, 'latin1'), serverSignature };
}

/** Throws unless server-final proves that the server knows the password's verifier too. */
export function verifyServerFinal(serverFinal: string, serverSignature: Buffer): void {
  const [first = ''] = serverFinal.split(',');
  if (first.startsWith('e=')) throw unavailable('the server refused the SCRAM exchange');
  const given = first.startsWith('v=') ? base64(first.slice(2)) : null;
  if (given === null || given.length !== serverSignature.length || !timingSafeEqual(given, serverSignature))
    throw unavailable('the server could not prove that it knows the credential');
}

function parseServerFirst(text: string, nonce: string) {
  const [r = '', s = '', i = ''] = text.split(',');
  // Extensions may follow; a mandatory one (m=) would stand first and fails here, as RFC 5802 5.1 demands.
  const combined = r.slice(2);
  if (
    !r.startsWith('r=') ||
    !combined.startsWith(nonce) ||
    combined.length === nonce.length ||
    !/^[!-+\--~]+$/.test(combined)
  )
    throw unavailable('the server did not extend the SCRAM nonce');
  const salt = s.startsWith('s=') ? base64(s.slice(2)) : null;
  if (salt === null || salt.length === 0) throw unavailable('the server sent no usable SCRAM salt');
  const iterations = /^i=[1-9][0-9]{0,9}$/.test(i) ? Number(i.slice(2)) : 0;
  if (iterations < 1 || iterations > MOST_ITERATIONS)
    throw unavailable(
      `the server asks for a SCRAM iteration count that is not between 1 and ${MOST_ITERATIONS}`,
    );
  return { combined, salt, iterations };
}

/** Strict base64: Node's decoder takes anything. */
function base64(text: string): Buffer | null {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  return Buffer.from(text, 'base64');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}
