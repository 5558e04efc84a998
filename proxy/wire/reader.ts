import { isUtf8 } from 'node:buffer';
import { HoldpointError } from '#schemas/errors.ts';
import { notUtf8 } from './not-utf8.ts';
import { keepText, recentText } from './recent-texts.ts';

/**
 * Reads the fields of one message body. Every read is checked against the end of the message, never against the end of the
 * buffer, so that a field can not reach into the next message. Faults are HoldpointError `malformed`, in the words of the server;
 * `what` was being read stands in their cause.
 */
export class Reader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
  private readonly text: TextReader;

  constructor(buffer: Buffer, start: number, end: number, text: TextReader = utf8) {
    this.text = text;
    this.buffer = buffer;
    this.at = start;
    this.end = end;
  }

  private need(bytes: number, what: string, routine: string): void {
    if (bytes < 0 || this.end - this.at < bytes)
      throw malformed('insufficient data left in message', routine, `${what}, which takes ${bytes} bytes`);
  }

  byte(what: string): number {
    if (this.at >= this.end) throw malformed('no data left in message', 'pq_getmsgbyte', what);
    return this.buffer[this.at++]!;
  }

  int16(what: string): number {
    this.need(2, what, 'pq_copymsgbytes');
    const value = this.buffer.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(what: string): number {
    this.need(4, what, 'pq_copymsgbytes');
    const value = this.buffer.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  uint32(what: string): number {
    return this.int32(what) >>> 0;
  }

  /** A count: two bytes, which the server reads without a sign, so that there are up to 65,535 of something. */
  count(what: string): number {
    return this.int16(what) & 0xffff;
  }

  /** A zero-terminated string; refused when the bytes are not what they have to be: UTF-8, unless another reader was given. */
  cstring(what: string): string {
    if (this.at < this.end && this.buffer[this.at] === 0) {
      this.at++;
      return '';
    }
    const zero = this.zero(what);
    const value = this.text(this.buffer, this.at, zero, what);
    this.at = zero + 1;
    return value;
  }

  /** A zero-terminated string as its bytes, with the zero: for what is passed on and not looked at. */
  label(what: string): Buffer {
    const zero = this.zero(what);
    return this.bytes(zero - this.at + 1, what);
  }

  private zero(what: string): number {
    const zero = this.buffer.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) throw malformed('invalid string in message', 'pq_getmsgstring', what);
    return zero;
  }

  /** `length` raw bytes, as a view: valid only as long as the buffer is. */
  bytes(length: number, what: string): Buffer {
    this.need(length, what, 'pq_getmsgbytes');
    const value = this.buffer.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Nothing may be left over: the server would call it a protocol violation too. */
  finish(what: string): void {
    if (this.at !== this.end)
      throw malformed('invalid message format', 'pq_getmsgend', `${this.end - this.at} bytes behind ${what}`);
  }
}

function malformed(message: string, routine: string, what: string): HoldpointError {
  return new HoldpointError('malformed', message, {
    source: { file: 'pqformat.c', routine },
    cause: new Error(`while reading ${what}`),
  });
}

/** Gives the text between `start` and `end`, or throws HoldpointError; `what` is for the message. */
export type TextReader = (buffer: Buffer, start: number, end: number, what: string) => string;

/** Decodes UTF-8 and refuses what is not: text that proxy and server would read differently. HoldpointError `encoding`. */
export function utf8(buffer: Buffer, start: number, end: number): string {
  const recent = recentText(buffer, start, end);
  if (recent !== undefined) return recent;
  const value = textOf(buffer, start, end);
  if (value === undefined) throw notUtf8(buffer.subarray(start, end));
  // As many characters as bytes: ASCII.
  return value.length === end - start ? keepText(value, buffer, start, end) : value;
}

/** Undefined where the bytes are not UTF-8. */
export function textOf(buffer: Buffer, start: number, end: number): string | undefined {
  // Short and pure ASCII is the common case, and much cheaper than the decoder.
  if (end - start < 256) {
    let i = start;
    while (i < end && buffer[i]! < 128) i++;
    if (i === end) return buffer.toString('latin1', start, end);
  }
  const bytes = buffer.subarray(start, end);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
