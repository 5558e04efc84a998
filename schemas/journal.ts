import { hash } from 'node:crypto';

/**
 * The format of a ledger's journal, shared by the process that writes it and everybody who reads a ledger. Records begin at multiples
 * of BLOCK, so that writing one never touches a block that holds another, and each names the digest of the one before: what an earlier
 * use of the file has left behind can not be taken for a continuation, nor a record that was written in part.
 *
 *     0  digest of all that follows: SHA-256 over the rest of the header and the payload
 *    32  "HPJ1" · length of the payload (4 bytes) · number of the record (8) · epoch (16)
 *    64  digest of the record before
 *    96  payload
 */
export const BLOCK = 4096;
export const HEADER = 96;
const MAGIC = 0x48504a31;
const EPOCH = 16;

/** Where a journal goes on: everything before is in the tables. */
export interface JournalPosition {
  /** Random, hex; a new one with each start of the ledger. */
  readonly epoch: string;
  /** Which of the journal's two files. */
  readonly segment: 0 | 1;
  readonly offset: number;
  /** Number of the record that comes here. */
  readonly seq: number;
  /** Digest (hex) of the record before it. */
  readonly prev: string;
}

export interface JournalRecord {
  readonly epoch: string;
  readonly seq: number;
  readonly prev: string;
  readonly digest: string;
  readonly payload: Buffer;
}

/** Bytes that a record with this payload takes. */
export function recordSize(payload: number): number {
  return Math.ceil((HEADER + payload) / BLOCK) * BLOCK;
}

/** Completes the record whose payload stands in `into` from HEADER on, `length` bytes of it; `into` has room for `recordSize`. Gives its digest. */
export function sealRecord(into: Buffer, length: number, { epoch, seq, prev }: JournalPosition): string {
  into.writeUInt32BE(MAGIC, 32);
  into.writeUInt32BE(length, 36);
  into.writeUInt32BE(Math.floor(seq / 2 ** 32), 40);
  into.writeUInt32BE(seq % 2 ** 32, 44);
  into.write(epoch, 48, EPOCH, 'hex');
  into.write(prev, 64, 32, 'hex');
  const digest = hash('sha256', into.subarray(32, HEADER + length), 'hex');
  into.write(digest, 0, 32, 'hex');
  into.fill(0, HEADER + length, recordSize(length));
  return digest;
}

/** How many bytes a record that begins like this takes without its padding; null when none does. `bytes` holds at least HEADER of them. */
export function recordLength(bytes: Buffer): number | null {
  return bytes.readUInt32BE(32) === MAGIC ? HEADER + bytes.readUInt32BE(36) : null;
}

/** The record at the beginning of these bytes; null when there is none that is whole. */
export function openRecord(bytes: Buffer): JournalRecord | null {
  if (bytes.length < HEADER) return null;
  const length = recordLength(bytes);
  if (length === null || bytes.length < length) return null;
  const digest = bytes.toString('hex', 0, 32);
  if (hash('sha256', bytes.subarray(32, length), 'hex') !== digest) return null;
  return {
    epoch: bytes.toString('hex', 48, 48 + EPOCH),
    seq: bytes.readUInt32BE(40) * 2 ** 32 + bytes.readUInt32BE(44),
    prev: bytes.toString('hex', 64, HEADER),
    digest,
    payload: bytes.subarray(HEADER, length),
  };
}
