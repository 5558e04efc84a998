import { HoldpointError, type ServerSource } from '#schemas/errors.ts';
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

const { password: _password, ...AFTER_LOGIN } = FRONTEND;
/** By type byte. */
const LAWFUL = new Uint8Array(256);
for (const type of Object.values(AFTER_LOGIN)) LAWFUL[type] = 1;

/** Whether an agent may send messages of this type in a session. */
export function isLawful(type: number): boolean {
  return LAWFUL[type] === 1;
}

/** What the server takes at most of a message that holds no text and no values, its length included. Source: libpq/libpq.h. */
const MAX_SMALL = 10_000;
/** The same for any other: the largest block of memory that it asks for, but one. Source: utils/memutils.h. */
const MAX_LARGE = 0x3ffffffe;
/** By type byte: a look into a Set, five times a message, costs more than all else that is asked of its header. */
const LONGEST = new Uint32Array(256).fill(MAX_SMALL);
for (const name of ['query', 'parse', 'bind', 'functionCall', 'copyData'] as const)
  LONGEST[FRONTEND[name]] = MAX_LARGE;

/** The longest message of this type that a server would read at all. */
export function longest(type: number): number {
  return LONGEST[type] ?? MAX_SMALL;
}

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

/** `start` and `end` bound the whole frame, header included, here and below; `text` reads texts and names, as UTF-8 unless given. */
export function decodeQuery(buffer: Buffer, start: number, end: number, text?: TextReader): string {
  const reader = new Reader(buffer, start + 5, end, text);
  const query = reader.cstring('query text');
  reader.finish('Query');
  return query;
}

export function decodeParse(buffer: Buffer, start: number, end: number, text?: TextReader): ParseMessage {
  const reader = new Reader(buffer, start + 5, end, text);
  const statement = reader.cstring('statement name');
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
  for (let i = 0; i < count; i++) list.push(reader.int16(what));
  return list;
}

/** Where two of the counts of a message do not fit. */
function misfit(message: string, source: ServerSource): HoldpointError {
  return new HoldpointError('malformed', message, { source });
}

function unsupportedFormat(code: number, source: ServerSource, where?: string): HoldpointError {
  return new HoldpointError('malformed', `unsupported format code: ${code}`, {
    sqlstate: '22023',
    ...{ source, where },
  });
}

/** CONTEXT of what is wrong with the value of one parameter. */
export function parameterOf(portal: string, i: number): string {
  return `${portal === '' ? 'unnamed portal' : `portal "${portal}"`} parameter $${i + 1}`;
}

/**
 * `reads`, given the names, says whether the rest is to be read. The server looks for the statement first: where there is none, it does
 * not see what is wrong behind its name.
 */
export function decodeBind(
  buffer: Buffer,
  start: number,
  end: number,
  text?: TextReader,
  reads: (portal: string, statement: string) => boolean = () => true,
): BindMessage {
  const reader = new Reader(buffer, start + 5, end, text);
  const portal = reader.cstring('portal name');
  const statement = reader.cstring('statement name');
  if (!reads(portal, statement)) return { portal, statement, formats: [], values: [], resultFormats: [] };
  const codes = formats(reader, 'parameter formats');
  const count = reader.count('parameters');
  if (codes.length > 1 && codes.length !== count) throw misfitOfBind(codes.length, count);
  const values: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) values.push(value(reader, portal, i, codes));
  // Codes that there are not for results are the server's to refuse: it does where it would describe or send a row.
  const resultFormats = formats(reader, 'result formats');
  reader.finish('Bind');
  return { portal, statement, formats: codes, values, resultFormats };
}

/** What the server has read of a Bind before its values, and looks at first. Throws where that cannot be read. */
export function headOfBind(
  buffer: Buffer,
  start: number,
  end: number,
  text?: TextReader,
): { readonly portal: string; readonly statement: string; readonly count: number } {
  const reader = new Reader(buffer, start + 5, end, text);
  const portal = reader.cstring('portal name');
  const statement = reader.cstring('statement name');
  const codes = formats(reader, 'parameter formats');
  const count = reader.count('parameters');
  if (codes.length > 1 && codes.length !== count) throw misfitOfBind(codes.length, count);
  return { portal, statement, count };
}

function misfitOfBind(codes: number, count: number): HoldpointError {
  return misfit(`bind message has ${codes} parameter formats but ${count} parameters`, BIND);
}

const BIND: ServerSource = { file: 'postgres.c', routine: 'exec_bind_message' };

function value(reader: Reader, portal: string, i: number, codes: readonly number[]): Buffer | null {
  const length = reader.int32('parameter length');
  if (length < -1 || length > reader.left)
    throw new HoldpointError('malformed', 'insufficient data left in message', {
      source: { file: 'pqformat.c', routine: 'pq_getmsgbytes' },
      where: parameterOf(portal, i),
    });
  const bytes = length === -1 ? null : reader.bytes(length, 'parameter value');
  const code = codes.length > 1 ? codes[i]! : (codes[0] ?? 0);
  if (code !== 0 && code !== 1) throw unsupportedFormat(code, BIND, parameterOf(portal, i));
  return bytes;
}

const ARGUMENTS: ServerSource = { file: 'fastpath.c', routine: 'parse_fcall_arguments' };

export function decodeFunctionCall(buffer: Buffer, start: number, end: number): FunctionCallMessage {
  const reader = new Reader(buffer, start + 5, end);
  const oid = reader.uint32('function');
  const codes = formats(reader, 'argument formats');
  const count = reader.count('arguments');
  if (codes.length > 1 && codes.length !== count)
    throw misfit(
      `function call message contains ${codes.length} argument formats but ${count} arguments`,
      ARGUMENTS,
    );
  const values: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.int32('argument length');
    if (length < -1) throw misfit(`invalid argument size ${length} in function call message`, ARGUMENTS);
    values.push(length === -1 ? null : reader.bytes(length, 'argument'));
    const code = codes.length > 1 ? codes[i]! : (codes[0] ?? 0);
    if (code !== 0 && code !== 1) throw unsupportedFormat(code, ARGUMENTS);
  }
  const resultFormat = reader.int16('result format');
  reader.finish('FunctionCall');
  if (resultFormat !== 0 && resultFormat !== 1)
    throw unsupportedFormat(resultFormat, { file: 'fastpath.c', routine: 'SendFunctionResult' });
  return { oid, formats: codes, values, resultFormat };
}

/** What the server looks at first of a FunctionCall: the function, and how many arguments there are. Each is null where it cannot be read. */
export function headOfFunctionCall(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly oid: number | null; readonly count: number | null } {
  const reader = new Reader(buffer, start + 5, end);
  if (reader.left < 4) return { oid: null, count: null };
  const oid = reader.uint32('function');
  try {
    formats(reader, 'argument formats');
    return { oid, count: reader.count('arguments') };
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error;
    return { oid, count: null };
  }
}

/** The name of the statement that a Bind is for. What follows it is not looked at. */
export function statementOfBind(buffer: Buffer, start: number, end: number, text?: TextReader): string {
  return decodeBind(buffer, start, end, text, () => false).statement;
}

/** Flush and Sync hold nothing. */
export function decodeEmpty(buffer: Buffer, start: number, end: number): void {
  new Reader(buffer, start + 5, end).finish('the message');
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
  const value = reader.cstring('name');
  reader.finish('Describe or Close');
  if (kind !== 0x53 && kind !== 0x50)
    throw misfit(
      `invalid ${buffer[start] === FRONTEND.close ? 'CLOSE' : 'DESCRIBE'} message subtype ${kind}`,
      { file: 'postgres.c', routine: 'PostgresMain' },
    );
  return { kind: kind === 0x53 ? 'statement' : 'portal', name: value };
}

export function decodeExecute(
  buffer: Buffer,
  start: number,
  end: number,
  text?: TextReader,
): { portal: string; maxRows: number } {
  const reader = new Reader(buffer, start + 5, end, text);
  const portal = reader.cstring('portal name');
  const maxRows = reader.int32('row limit');
  reader.finish('Execute');
  return { portal, maxRows };
}
