import { HoldpointError } from '#schemas/errors.ts';
import { Reader, type TextReader } from './reader.ts';

/** Type bytes of the messages that a client sends. Source: manual 54.7. */
export const FRONTEND = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const;

/**
 * NAMEDATALEN - 1. The server keeps statement and portal names in a table with keys of this size and cuts what is longer, so that two
 * names can be one there and two here. Longer names are refused.
 */
const MAX_NAME = 63;

export interface ParseMessage {
  readonly name: string;
  readonly text: string;
  readonly types: readonly number[];
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly formats: readonly number[];
  /** Views into the frame: copy what outlives it. Null is SQL NULL. */
  readonly values: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
}

export interface FunctionCallMessage {
  readonly oid: number;
  readonly formats: readonly number[];
  /** Views into the frame: copy what outlives it. Null is SQL NULL. */
  readonly values: readonly (Buffer | null)[];
  readonly resultFormat: 0 | 1;
}

function name(reader: Reader, what: string): string {
  const at = reader.at;
  const value = reader.cstring(what);
  // The server measures it in its own encoding, which is UTF-8 wherever that can be longer.
  if (reader.at - at - 1 > MAX_NAME || Buffer.byteLength(value) > MAX_NAME)
    throw new HoldpointError('unsupported', `${what} is longer than ${MAX_NAME} bytes`, {
      detail: 'The server would cut it, and two names could become one.',
    });
  return value;
}

/** `start` and `end` bound the whole frame, header included, here and below; `text` reads texts and names, as UTF-8 unless given. */
export function decodeQuery(buffer: Buffer, start: number, end: number, text?: TextReader): string {
  const reader = new Reader(buffer, start + 5, end, text);
  const query = reader.cstring('query text');
  reader.finish('Query');
  return query;
}

export function decodeParse(buffer: Buffer, start: number, end: number, text?: TextReader): ParseMessage {
  const reader = new Reader(buffer, start + 5, end, text);
  const statement = name(reader, 'statement name');
  const query = reader.cstring('query text');
  const count = reader.count('parameter types');
  const types: number[] = [];
  for (let i = 0; i < count; i++) types.push(reader.uint32('parameter type'));
  reader.finish('Parse');
  return { name: statement, text: query, types };
}

function formats(reader: Reader, what: string): number[] {
  const count = reader.count(what);
  const list: number[] = [];
  for (let i = 0; i < count; i++) {
    list.push(format(reader, what));
  }
  return list;
}

function format(reader: Reader, what: string): 0 | 1 {
  const code = reader.int16(what);
  if (code !== 0 && code !== 1) throw new HoldpointError('protocol', `unsupported format code: ${code}`);
  return code;
}

/** What Bind and FunctionCall have alike: format codes, and values of theirs. */
function valuesOf(reader: Reader, message: string): Pick<BindMessage, 'formats' | 'values'> {
  const codes = formats(reader, 'parameter formats');
  const count = reader.count('parameters');
  if (codes.length > 1 && codes.length !== count)
    throw new HoldpointError(
      'protocol',
      `${message} message has ${codes.length} parameter formats but ${count} parameters`,
    );
  const values: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.int32('parameter length');
    if (length < -1) throw new HoldpointError('protocol', `negative parameter length: ${length}`);
    values.push(length === -1 ? null : reader.bytes(length, 'parameter value'));
  }
  return { formats: codes, values };
}

export function decodeBind(buffer: Buffer, start: number, end: number, text?: TextReader): BindMessage {
  const reader = new Reader(buffer, start + 5, end, text);
  const portal = name(reader, 'portal name');
  const statement = name(reader, 'statement name');
  const { formats: parameterFormats, values } = valuesOf(reader, 'bind');
  const resultFormats = formats(reader, 'result formats');
  reader.finish('Bind');
  return { portal, statement, formats: parameterFormats, values, resultFormats };
}

export function decodeFunctionCall(buffer: Buffer, start: number, end: number): FunctionCallMessage {
  const reader = new Reader(buffer, start + 5, end);
  const oid = reader.uint32('function');
  const { formats: codes, values } = valuesOf(reader, 'function call');
  const resultFormat = format(reader, 'result format');
  reader.finish('FunctionCall');
  return { oid, formats: codes, values, resultFormat };
}

/** The name of the statement that a Bind is for. What follows it is not looked at. */
export function statementOfBind(buffer: Buffer, start: number, end: number, text?: TextReader): string {
  const reader = new Reader(buffer, start + 5, end, text);
  name(reader, 'portal name');
  return name(reader, 'statement name');
}

/** The format of parameter or column `i`: none given means text, one means all. */
export function formatOf(list: readonly number[], i: number): 0 | 1 {
  return (list.length === 0 ? 0 : list.length === 1 ? list[0] : list[i]) === 1 ? 1 : 0;
}

/** Describe and Close: a statement ('S') or a portal ('P') by name. */
export function decodeNamed(
  buffer: Buffer,
  start: number,
  end: number,
  text?: TextReader,
): { kind: 'statement' | 'portal'; name: string } {
  const reader = new Reader(buffer, start + 5, end, text);
  const kind = reader.byte('kind');
  if (kind !== 0x53 && kind !== 0x50)
    throw new HoldpointError('protocol', `invalid DESCRIBE or CLOSE message subtype ${kind}`);
  const value = name(reader, kind === 0x53 ? 'statement name' : 'portal name');
  reader.finish('Describe or Close');
  return { kind: kind === 0x53 ? 'statement' : 'portal', name: value };
}

export function decodeExecute(
  buffer: Buffer,
  start: number,
  end: number,
  text?: TextReader,
): { portal: string; maxRows: number } {
  const reader = new Reader(buffer, start + 5, end, text);
  const portal = name(reader, 'portal name');
  const maxRows = reader.int32('row limit');
  reader.finish('Execute');
  return { portal, maxRows };
}
