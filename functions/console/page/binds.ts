import type { Parameter } from '#schemas/statement.ts';

/** A bind value as people read it. `bytes` stands for binary values whose meaning the page does not know. */
export interface BindValue {
  readonly type: string;
  readonly kind: 'null' | 'text' | 'number' | 'bytes';
  readonly text: string;
}

/** Names of pg_type's fixed OIDs (pg_type.dat), those that drivers send. */
const TYPES: Readonly<Record<number, string>> = {
  16: 'bool',
  17: 'bytea',
  18: '"char"',
  19: 'name',
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  26: 'oid',
  114: 'json',
  142: 'xml',
  700: 'float4',
  701: 'float8',
  790: 'money',
  869: 'inet',
  1000: 'bool[]',
  1005: 'int2[]',
  1007: 'int4[]',
  1009: 'text[]',
  1015: 'varchar[]',
  1016: 'int8[]',
  1042: 'char(n)',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1186: 'interval',
  1231: 'numeric[]',
  1560: 'bit',
  1700: 'numeric',
  2205: 'regclass',
  2278: 'void',
  2950: 'uuid',
  2951: 'uuid[]',
  3802: 'jsonb',
};
const NUMBERS = new Set([16, 20, 21, 23, 26, 700, 701, 1700]);
const TEXTS = new Set([18, 19, 25, 114, 142, 1042, 1043]);

/** Never guesses: a binary value whose type does not fit its length is shown as its bytes. */
export function bindValue(parameter: Parameter): BindValue {
  const { format, type: oid, value } = parameter;
  const type = oid === 0 ? 'type left to the server' : (TYPES[oid] ?? `type ${oid}`);
  if (value === null) return { type, kind: 'null', text: 'NULL' };
  if (format === 'text') return { type, kind: NUMBERS.has(oid) ? 'number' : 'text', text: value };
  const bytes = Uint8Array.from(atob(value), character => character.charCodeAt(0));
  return { type: `${type}, binary`, ...binary(oid, bytes) };
}

function binary(oid: number, bytes: Uint8Array): { kind: BindValue['kind']; text: string } {
  const view = new DataView(bytes.buffer);
  const n = bytes.length;
  const number = (value: number | bigint | boolean) => ({ kind: 'number' as const, text: String(value) });
  if (oid === 16 && n === 1 && bytes[0]! < 2) return number(bytes[0] === 1);
  if (oid === 21 && n === 2) return number(view.getInt16(0));
  if (oid === 23 && n === 4) return number(view.getInt32(0));
  if (oid === 26 && n === 4) return number(view.getUint32(0));
  if (oid === 20 && n === 8) return number(view.getBigInt64(0));
  if (oid === 700 && n === 4) return number(view.getFloat32(0));
  if (oid === 701 && n === 8) return number(view.getFloat64(0));
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  if (oid === 2950 && n === 16)
    return { kind: 'text', text: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
  const text = TEXTS.has(oid) ? utf8(bytes) : oid === 3802 && bytes[0] === 1 ? utf8(bytes.subarray(1)) : null;
  return text === null ? { kind: 'bytes', text: `\\x${hex}` } : { kind: 'text', text };
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null; // not UTF-8: the caller shows the bytes
  }
}
