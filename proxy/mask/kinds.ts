import { hash } from 'node:crypto';
import type { MaskKind } from '#schemas/policy.ts';

/** Type OIDs of src/include/catalog/pg_type.dat whose values may be replaced by other text. */
const TEXT = new Set([19, 25, 705, 1042, 1043]);
const CHAR = 18;
const JSON_TEXT = 114;
const JSONB = 3802;

/** How the values of one column are replaced. NULL stays NULL, but for a constant that is told to stand for that, too. */
export type Replacement =
  /** The same bytes for every value; null is SQL NULL. */
  | { readonly kind: 'constant'; readonly bytes: Buffer | null; readonly forNull?: boolean }
  | { readonly kind: 'computed'; readonly write: Mask };

/**
 * Writes what stands for the value that lies in `source` from `start` to `end` into `target` at `at`, where LONGEST_MASKED bytes are
 * free, and gives the place behind it. Nothing is made per value: a result has millions of them.
 */
export type Mask = (source: Buffer, start: number, end: number, target: Buffer, at: number) => number;

/**
 * How the bytes of values stand for characters, as of the moment in which a value is masked. `foreign`: perhaps otherwise than in UTF-8. ASCII
 * is the same in all of them; whatever else there is in a value is then not told at all, and a hash of it would join with nothing.
 */
export interface ValueEncoding {
  readonly foreign: boolean;
}

const UTF8: ValueEncoding = { foreign: false };

/** The longest that any mask writes, in bytes: a quoted hash behind a version byte is 35. */
export const LONGEST_MASKED = 64;

const NULL: Replacement = { kind: 'constant', bytes: null };
const REDACTED = Buffer.from('***');
const REDACTED_JSON = '"***"';
/** Version byte in front of binary jsonb (src/backend/utils/adt/jsonb.c, jsonb_send). */
const JSONB_VERSION = 1;
/** 128 bits: short to read, and still no two values of any table collide. */
const HASH_DIGITS = 32;
const SHORTEST_KEY = 16;
/** Of SHA-256, in bytes. */
const BLOCK = 64;
const DIGEST = 32;
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
  encoding: ValueEncoding = UTF8,
): { readonly applied: MaskKind; readonly replacement: Replacement } {
  if (mask === 'null') return { applied: 'null', replacement: NULL };
  if (TEXT.has(typeOid)) return { applied: mask, replacement: ofText(mask, hashKey, encoding) };
  // One byte in its binary form, so that no other kind fits.
  if (typeOid === CHAR)
    return { applied: 'redact', replacement: { kind: 'constant', bytes: Buffer.from('*') } };
  if (typeOid === JSON_TEXT) return ofJson(mask, hashKey, encoding, 0);
  if (typeOid === JSONB) return ofJson(mask, hashKey, encoding, format);
  return { applied: 'null', replacement: NULL };
}

function ofText(mask: Exclude<MaskKind, 'null'>, hashKey: Uint8Array, encoding: ValueEncoding): Replacement {
  switch (mask) {
    case 'redact':
      return { kind: 'constant', bytes: REDACTED };
    case 'partial':
      return { kind: 'computed', write: knowing(encoding, writePartial) };
    case 'email':
      return { kind: 'computed', write: knowing(encoding, writeEmail) };
    case 'hash': {
      const digest = keyed(hashKey);
      return {
        kind: 'computed',
        write: knowing(
          encoding,
          (source, start, end, target, at) =>
            at + target.write(digest(source.subarray(start, end)), at, 'latin1'),
        ),
      };
    }
  }
}

/** A document has no last characters that are safe to show, so `partial` and `email` redact; `version` 1 is binary jsonb. */
function ofJson(
  mask: Exclude<MaskKind, 'null'>,
  hashKey: Uint8Array,
  encoding: ValueEncoding,
  version: 0 | 1,
) {
  const prefix = version === 1 ? String.fromCharCode(JSONB_VERSION) : '';
  if (mask !== 'hash')
    return {
      applied: 'redact' as const,
      replacement: { kind: 'constant', bytes: Buffer.from(`${prefix}${REDACTED_JSON}`, 'latin1') } as const,
    };
  const digest = keyed(hashKey);
  const redacted = `${prefix}${REDACTED_JSON}`;
  // Both formats of one jsonb value hold the same text, and so hash alike.
  const write: Mask = (source, start, end, target, at) =>
    at + target.write(`${prefix}"${digest(source.subarray(start + version, end))}"`, at, 'latin1');
  return {
    applied: 'hash' as const,
    replacement: { kind: 'computed', write: knowing(encoding, write, redacted) } as const,
  };
}

/** Writes `redacted` where the characters of a value are not known. Asked for each value: one result may come in two encodings. */
function knowing(encoding: ValueEncoding, write: Mask, redacted = '***'): Mask {
  return (source, start, end, target, at) =>
    encoding.foreign && !isAscii(source, start, end)
      ? at + target.write(redacted, at, 'latin1')
      : write(source, start, end, target, at);
}

function isAscii(source: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (source[i]! > 0x7f) return false;
  return true;
}

/** What a byte of an ASCII address is: any other, one that no plain address has, the at sign, a dot. */
const PLAIN = 0;
const FOREIGN = 1;
const AT = 2;
const DOT = 3;
const IN_ADDRESS = new Uint8Array(128);
for (const byte of Buffer.from('\t\n\v\f\r "<>,;:')) IN_ADDRESS[byte] = FOREIGN;
IN_ADDRESS[0x40] = AT;
IN_ADDRESS[0x2e] = DOT;

/** `email`, byte by byte where the value is ASCII. */
function writeEmail(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  let sign = -1;
  let dot = -1;
  let plain = true;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    if (byte > 0x7f) return writeText(source, start, end, target, at, email);
    const what = IN_ADDRESS[byte];
    if (what === PLAIN) continue;
    if (what === DOT) dot = i;
    else if (what === AT && sign < 0) sign = i;
    else plain = false;
  }
  const local = sign - start;
  const domain = dot - sign - 1;
  const top = end - dot - 1;
  if (!plain || sign < 0 || local < 1 || local > 64 || domain < 1 || domain > 255 || top < 2 || top > 6)
    return stars(target, at);
  for (let i = dot + 1; i < end; i++) if (!isLetter(source[i]!)) return stars(target, at);
  let out = at;
  const first = source[start]!;
  if (local >= 3 && (isLetter(first) || (first >= 0x30 && first <= 0x39))) target[out++] = first;
  out = stars(target, out);
  target[out++] = 0x40;
  out = stars(target, out);
  for (let i = dot; i < end; i++) target[out++] = source[i]!;
  return out;
}

/** `partial`, byte by byte where the value is ASCII. */
function writePartial(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  for (let i = start; i < end; i++)
    if (source[i]! > 0x7f) return writeText(source, start, end, target, at, partial);
  const out = stars(target, at);
  const length = end - start;
  if (length > LONGEST_TEXT || length <= 8) return out;
  const kept = Math.min(4, Math.floor(length / 3));
  for (let i = 0; i < kept; i++) target[out + i] = source[end - kept + i]!;
  return out + kept;
}

function stars(target: Buffer, at: number): number {
  target[at] = 0x2a;
  target[at + 1] = 0x2a;
  target[at + 2] = 0x2a;
  return at + 3;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/**
 * Values that are not UTF-8 (another client encoding, or broken) are redacted whole: their characters cannot be told apart. So are
 * values too long to be what `partial` and `email` are for.
 */
function writeText(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
  masked: (text: string) => string,
): number {
  if (end - start > LONGEST_TEXT) return stars(target, at);
  const text = source.toString('utf8', start, end);
  return text.includes('\ufffd') ? stars(target, at) : at + target.write(masked(text), at, 'utf8');
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

/**
 * HMAC-SHA-256 in hex, cut: equal values give equal hashes in every column and session that has the key, and only there. Written out
 * (RFC 2104) because an Hmac object for each value costs several times the two hashes. Throws TypeError for a short key: without a
 * real one the hash of a card number or an SSN is looked up in minutes.
 */
function keyed(hashKey: Uint8Array): (value: Uint8Array) => string {
  if (hashKey.length < SHORTEST_KEY) throw new TypeError(`the hash key needs ${SHORTEST_KEY} bytes or more`);
  const key = hashKey.length > BLOCK ? hash('sha256', hashKey, 'buffer') : hashKey;
  const inner = Buffer.alloc(BLOCK, 0x36);
  const outer = Buffer.alloc(BLOCK + DIGEST, 0x5c);
  for (const [i, byte] of key.entries()) {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  return value => {
    hash('sha256', Buffer.concat([inner, value]), 'buffer').copy(outer, BLOCK);
    return hash('sha256', outer, 'hex').slice(0, HASH_DIGITS);
  };
}
