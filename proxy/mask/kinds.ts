import { createHmac } from 'node:crypto';
import type { MaskKind } from '#schemas/policy.ts';

/** Type OIDs of src/include/catalog/pg_type.dat whose values may be replaced by other text. */
const TEXT = new Set([19, 25, 705, 1042, 1043]);
const CHAR = 18;
const JSON_TEXT = 114;
const JSONB = 3802;

/** How the values of one column are replaced. Never called for NULL, which stays NULL. */
export type Replacement =
  /** The same bytes for every value; null is SQL NULL. */
  | { readonly kind: 'constant'; readonly bytes: Buffer | null }
  /** From the value, which lies in `source` from `start` to `end`. */
  | { readonly kind: 'computed'; readonly of: (source: Buffer, start: number, end: number) => Buffer };

const NULL: Replacement = { kind: 'constant', bytes: null };
const REDACTED = Buffer.from('***');
const REDACTED_JSON = Buffer.from('"***"');
/** Version byte in front of binary jsonb (src/backend/utils/adt/jsonb.c, jsonb_send). */
const JSONB_VERSION = 1;
/** 128 bits: short to read, and still no two values of any table collide. */
const HASH_DIGITS = 32;
const SHORTEST_KEY = 16;
/** Bytes. */
const LONGEST_TEXT = 8192;

/**
 * The replacement for a column of this type and result format, and the kind that it comes down to. A type that is not text becomes
 * NULL whatever the kind, because a driver has to be able to read what it gets; NULL says nothing of the value.
 */
export function replacement(
  mask: MaskKind,
  typeOid: number,
  format: 0 | 1,
  hashKey: Uint8Array,
): { readonly applied: MaskKind; readonly replacement: Replacement } {
  if (mask === 'null') return { applied: 'null', replacement: NULL };
  if (TEXT.has(typeOid)) return { applied: mask, replacement: ofText(mask, hashKey) };
  // One byte in its binary form, so that no other kind fits.
  if (typeOid === CHAR)
    return { applied: 'redact', replacement: { kind: 'constant', bytes: Buffer.from('*') } };
  if (typeOid === JSON_TEXT) return ofJson(mask, hashKey, 0);
  if (typeOid === JSONB) return ofJson(mask, hashKey, format);
  return { applied: 'null', replacement: NULL };
}

function ofText(mask: Exclude<MaskKind, 'null'>, hashKey: Uint8Array): Replacement {
  switch (mask) {
    case 'redact':
      return { kind: 'constant', bytes: REDACTED };
    case 'partial':
      return { kind: 'computed', of: (source, start, end) => fromText(source, start, end, partial) };
    case 'email':
      return { kind: 'computed', of: (source, start, end) => fromText(source, start, end, email) };
    case 'hash': {
      const key = checked(hashKey);
      return {
        kind: 'computed',
        of: (source, start, end) => Buffer.from(keyed(key, source.subarray(start, end))),
      };
    }
  }
}

/** A document has no last characters that are safe to show, so `partial` and `email` redact; `version` 1 is binary jsonb. */
function ofJson(mask: Exclude<MaskKind, 'null'>, hashKey: Uint8Array, version: 0 | 1) {
  const prefix = version === 1 ? Buffer.of(JSONB_VERSION) : Buffer.alloc(0);
  if (mask !== 'hash')
    return {
      applied: 'redact' as const,
      replacement: { kind: 'constant', bytes: Buffer.concat([prefix, REDACTED_JSON]) } as const,
    };
  const key = checked(hashKey);
  // Both formats of one jsonb value hold the same text, and so hash alike.
  const of = (source: Buffer, start: number, end: number) =>
    Buffer.concat([prefix, Buffer.from(`"${keyed(key, source.subarray(start + version, end))}"`)]);
  return { applied: 'hash' as const, replacement: { kind: 'computed', of } as const };
}

/**
 * Values that are not UTF-8 (another client encoding, or broken) are redacted whole: their characters cannot be told apart. So are
 * values too long to be what `partial` and `email` are for.
 */
function fromText(source: Buffer, start: number, end: number, masked: (text: string) => string): Buffer {
  if (end - start > LONGEST_TEXT) return REDACTED;
  const text = source.toString('utf8', start, end);
  return text.includes('\ufffd') ? REDACTED : Buffer.from(masked(text));
}

/**
 * Keeps the last four characters, but never more than a third of the value, and nothing of eight or fewer. The stars stand for
 * any number of characters, so that the length is not told either.
 */
export function partial(text: string): string {
  // Enough code units for four characters outside the BMP; whether the value is longer than that is all else that counts.
  const characters = text.length < 64 ? Array.from(text) : Array.from(text.slice(-16));
  if (text.length < 64 && characters.length <= 8) return '***';
  const kept = text.length < 64 ? Math.min(4, Math.floor(characters.length / 3)) : 4;
  return `***${characters.slice(-kept).join('')}`;
}

const ADDRESS = /^([^\s@"<>,;:]{1,64})@([^\s@"<>,;:]{1,255}\.)([a-z]{2,6})$/i;

/**
 * `jane@example.com` → `j***@***.com`: the first character of a local part of three or more, and the top-level domain. Everything
 * that is no plain address becomes `***`.
 */
export function email(text: string): string {
  const match = ADDRESS.exec(text);
  if (match === null) return '***';
  const [, local = '', , top = ''] = match;
  const characters = Array.from(local);
  const first = characters.length >= 3 && /^[\p{L}\p{N}]$/u.test(characters[0]!) ? characters[0] : '';
  return `${first}***@***.${top}`;
}

/** HMAC-SHA-256 in hex, cut: equal values give equal hashes in every column and session that has the key, and only there. */
function keyed(key: Uint8Array, value: Uint8Array): string {
  return createHmac('sha256', key).update(value).digest('hex').slice(0, HASH_DIGITS);
}

/** Without a real key the hash of a card number or an SSN is looked up in minutes. */
function checked(key: Uint8Array): Uint8Array {
  if (key.length < SHORTEST_KEY) throw new TypeError(`the hash key needs ${SHORTEST_KEY} bytes or more`);
  return key;
}
