import { createHash } from 'node:crypto';
import { unavailable } from './faults.ts';

/** Signature algorithms by their object identifier, and the hash inside. RFC 8017, RFC 5758, FIPS 204 needs none. */
const HASH_OF: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'md5',
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};
const RSA_PSS = '1.2.840.113549.1.1.10';
const PLAIN_HASH: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.4': 'sha224',
};

/**
 * `tls-server-end-point` of RFC 5929: the certificate hashed with the hash of its own signature, SHA-256 in place of MD5 and SHA-1.
 * Null where the signature has no single hash (Ed25519): such a certificate cannot be bound to.
 */
export function endPointBinding(certificate: Buffer): Buffer | null {
  const hash = signatureHash(certificate);
  if (hash === null) return null;
  return createHash(hash === 'md5' || hash === 'sha1' ? 'sha256' : hash)
    .update(certificate)
    .digest();
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, parameters }, signature } (RFC 5280 4.1). */
function signatureHash(certificate: Buffer): string | null {
  const [, algorithm] = children(certificate, element(certificate, 0));
  if (algorithm === undefined) throw malformed();
  const [identifier, parameters] = children(certificate, algorithm);
  if (identifier === undefined) throw malformed();
  const oid = objectIdentifier(certificate, identifier);
  if (oid !== RSA_PSS) return HASH_OF[oid] ?? null;
  // RSASSA-PSS-params ::= SEQUENCE { [0] hashAlgorithm DEFAULT sha1, … } (RFC 8017 A.2.3).
  const first = parameters === undefined ? undefined : children(certificate, parameters)[0];
  if (first === undefined || first.tag !== 0xa0) return 'sha1';
  const name = children(certificate, element(certificate, first.start))[0];
  return name === undefined ? null : (PLAIN_HASH[objectIdentifier(certificate, name)] ?? null);
}

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** One DER element at `at` (X.690 8.1): tag, length in short or long form, contents. */
function element(der: Buffer, at: number): Element {
  const tag = der[at];
  const short = der[at + 1];
  if (tag === undefined || short === undefined) throw malformed();
  let start = at + 2;
  let length = short;
  if (short > 0x7f) {
    const bytes = short & 0x7f;
    if (bytes === 0 || bytes > 4 || start + bytes > der.length) throw malformed();
    length = der.readUIntBE(start, bytes);
    start += bytes;
  }
  if (start + length > der.length) throw malformed();
  return { tag, start, end: start + length };
}

function children(der: Buffer, parent: Element): Element[] {
  const found: Element[] = [];
  for (let at = parent.start; at < parent.end; ) {
    const child = element(der, at);
    if (child.end > parent.end) throw malformed();
    found.push(child);
    at = child.end;
  }
  return found;
}

/** Base-128 arcs; the first byte holds two of them (X.690 8.19). */
function objectIdentifier(der: Buffer, { tag, start, end }: Element): string {
  if (tag !== 6 || start === end) throw malformed();
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of der.subarray(start, end)) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      if (arcs.length === 0) arcs.push(Math.min(Math.floor(arc / 40), 2));
      arcs.push(arcs.length === 1 && arcs[0] !== undefined ? arc - arcs[0] * 40 : arc);
      arc = 0;
    }
  }
  return arcs.join('.');
}

function malformed(): Error {
  return unavailable("the server's certificate cannot be read");
}
