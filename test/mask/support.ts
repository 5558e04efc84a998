import type { ColumnDescription } from '#proxy/wire/backend.ts';
import { encode, int32 } from '#proxy/wire/backend.ts';

export const KEY = Buffer.alloc(32, 7);

export const TYPE = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int4: 23,
  text: 25,
  json: 114,
  unknown: 705,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
  textArray: 1009,
  citext: 16_777,
} as const;

export function column(more: Partial<ColumnDescription> = {}): ColumnDescription {
  return {
    name: 'c',
    tableOid: 0,
    attnum: 0,
    typeOid: TYPE.text,
    typeSize: -1,
    typeMod: -1,
    format: 0,
    ...more,
  };
}

/** A DataRow as the server sends it. */
export function dataRow(values: readonly (Uint8Array | string | null)[]): Buffer {
  const count = Buffer.of(values.length >> 8, values.length & 0xff);
  const parts = values.flatMap(value => {
    if (value === null) return [int32(-1)];
    const bytes = Buffer.from(value as string);
    return [int32(bytes.length), bytes];
  });
  return encode(0x44, count, ...parts);
}

/** Reads a DataRow without anything of the code under test. */
export function valuesOf(frame: Buffer): (Buffer | null)[] {
  if (frame[0] !== 0x44 || frame.readInt32BE(1) !== frame.length - 1) throw new Error('no DataRow');
  const values: (Buffer | null)[] = [];
  let at = 7;
  for (let i = 0; i < frame.readInt16BE(5); i++) {
    const length = frame.readInt32BE(at);
    at += 4;
    values.push(length === -1 ? null : Buffer.from(frame.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  if (at !== frame.length) throw new Error('left over');
  return values;
}
