import type { HoldpointError } from '#schemas/errors.ts';
import { Reader, textOf, utf8 } from './reader.ts';

/** Type bytes of the messages that a server sends. Source: manual 54.7. */
export const BACKEND = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  functionResult: 0x56,
  negotiateProtocolVersion: 0x76,
  noData: 0x6e,
  notice: 0x4e,
  notification: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

/** One column of a RowDescription. `tableOid` and `attnum` are 0 where the column is no plain column of a table. */
export interface ColumnDescription {
  readonly name: string;
  readonly tableOid: number;
  readonly attnum: number;
  readonly typeOid: number;
  readonly typeSize: number;
  readonly typeMod: number;
  readonly format: 0 | 1;
}

/** Bounds are those of the whole frame, header included, here and below. */
export function decodeRowDescription(buffer: Buffer, start: number, end: number): ColumnDescription[] {
  const reader = new Reader(buffer, start + 5, end);
  const count = reader.count('columns');
  const columns: ColumnDescription[] = [];
  for (let i = 0; i < count; i++) {
    // Column names are whatever the server's encoding makes of them; they are labels here and prove nothing.
    const zero = buffer.indexOf(0, reader.at);
    const name = reader
      .bytes(zero - reader.at + 1, 'column name')
      .subarray(0, -1)
      .toString('utf8');
    columns.push({
      name,
      tableOid: reader.uint32('table oid'),
      attnum: reader.int16('attribute number'),
      typeOid: reader.uint32('type oid'),
      typeSize: reader.int16('type size'),
      typeMod: reader.int32('type modifier'),
      format: reader.int16('format') === 1 ? 1 : 0,
    });
  }
  reader.finish('RowDescription');
  return columns;
}

/**
 * The fields of an ErrorResponse or NoticeResponse, in order: field letter and value. As `latin1`, encodeFields gives the same bytes again,
 * whatever their encoding is.
 */
export function decodeFields(
  buffer: Buffer,
  start: number,
  end: number,
  as: 'utf8' | 'latin1' = 'utf8',
): [string, string][] {
  const reader = new Reader(buffer, start + 5, end);
  const fields: [string, string][] = [];
  for (;;) {
    const code = reader.byte('field type');
    if (code === 0) break;
    const zero = buffer.indexOf(0, reader.at);
    fields.push([
      String.fromCharCode(code),
      reader
        .bytes(zero - reader.at + 1, 'field')
        .subarray(0, -1)
        .toString(as),
    ]);
  }
  return fields;
}

/** One field of an ErrorResponse, or '' where it has none. `C` is the SQLSTATE, `M` the message. */
export function field(fields: readonly (readonly [string, string])[], code: string): string {
  return fields.find(f => f[0] === code)?.[1] ?? '';
}

export function decodeCString(buffer: Buffer, start: number, end: number): string {
  return utf8(buffer, start + 5, end - 1);
}

export function decodeParameterStatus(
  buffer: Buffer,
  start: number,
  end: number,
): { name: string; value: string } {
  const reader = new Reader(buffer, start + 5, end);
  const name = reader.cstring('parameter name');
  return { name, value: readable(reader.label('parameter value').subarray(0, -1)) };
}

/** A DataRow whose values are text. */
export function decodeTextRow(buffer: Buffer, start: number, end: number): (string | null)[] {
  const reader = new Reader(buffer, start + 5, end);
  const values: (string | null)[] = [];
  for (let left = reader.count('columns'); left > 0; left--) {
    const length = reader.int32('length');
    values.push(length < 0 ? null : readable(reader.bytes(length, 'value')));
  }
  return values;
}

/** A value of the server's that may be in another encoding: what is no UTF-8 is given as its bytes, so that no two become one. */
function readable(bytes: Buffer): string {
  return textOf(bytes, 0, bytes.length) ?? `\\x${bytes.toString('hex')}`;
}

/** Builds one message from its type and the parts of its body; strings are sent zero-terminated. */
export function encode(type: number, ...parts: readonly (string | Buffer)[]): Buffer {
  const bodies = parts.map(part =>
    typeof part === 'string' ? Buffer.from(`${part.replaceAll('\0', '')}\0`, 'utf8') : part,
  );
  let length = 4;
  for (const body of bodies) length += body.length;
  const header = Buffer.allocUnsafe(5);
  header[0] = type;
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, ...bodies], length + 1);
}

export function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeInt32BE(value | 0, i * 4);
  });
  return bytes;
}

export function encodeFields(
  type: number,
  fields: readonly (readonly [string, string])[],
  as: 'utf8' | 'latin1' = 'utf8',
): Buffer {
  const parts = fields.flatMap(([code, value]) => [
    Buffer.from(code, 'latin1'),
    Buffer.from(`${value.replaceAll('\0', '')}\0`, as),
  ]);
  return encode(type, ...parts, Buffer.of(0));
}

const asItIs = (text: string) => text;

/**
 * A refusal as an ordinary ErrorResponse; `say` makes of a text what the agent can read, `inSource` is the line of its source. Source: manual 54.8, "Error and Notice Message
 * Fields".
 */
export function encodeError(
  error: HoldpointError,
  severity: 'ERROR' | 'FATAL' = 'ERROR',
  position?: number | null,
  say: (text: string) => string = asItIs,
  inSource?: string,
): Buffer {
  const fields: [string, string][] = [
    ['S', severity],
    ['V', severity],
    ['C', error.sqlstate],
    ['M', say(error.message)],
  ];
  if (error.detail !== undefined) fields.push(['D', say(error.detail)]);
  if (error.hint !== undefined) fields.push(['H', say(error.hint)]);
  if (position !== undefined && position !== null) fields.push(['P', String(position)]);
  if (error.where !== undefined) fields.push(['W', say(error.where)]);
  if (error.source !== undefined) {
    const { file, line = inSource, routine } = error.source;
    fields.push(['F', file], ...(line === undefined ? [] : [['L', line] as [string, string]]), [
      'R',
      routine,
    ]);
  }
  return encodeFields(BACKEND.error, fields);
}

/** The same for a client of protocol 1 or 2, which is told no more than a text. Source: send_message_to_frontend of the server's elog.c. */
export function encodeOldError({ message }: Pick<HoldpointError, 'message'>): Buffer {
  return Buffer.from(`EFATAL:  ${message.replaceAll('\0', '')}\n\0`);
}

export function encodeNotice(
  message: string,
  more: { detail?: string; hint?: string } = {},
  say: (text: string) => string = asItIs,
): Buffer {
  const fields: [string, string][] = [
    ['S', 'NOTICE'],
    ['V', 'NOTICE'],
    ['C', '00000'],
    ['M', say(message)],
  ];
  if (more.detail !== undefined) fields.push(['D', say(more.detail)]);
  if (more.hint !== undefined) fields.push(['H', say(more.hint)]);
  return encodeFields(BACKEND.notice, fields);
}

/** I: idle, T: in a transaction block, E: in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

export function encodeReady(status: TransactionStatus): Buffer {
  return encode(BACKEND.readyForQuery, Buffer.from(status, 'latin1'));
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return encode(BACKEND.parameterStatus, name, value);
}
