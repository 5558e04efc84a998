/**
 * Builders of the frontend's messages, written from the protocol pages ("Message Formats") and independent of the proxy's codec, so
 * that tests do not check the codec with itself. They build what they are told, lawful or not.
 */

/** A string, or null where the protocol has a NULL. */
export type Bytes = Buffer | string;

const buf = (data: Bytes): Buffer => (typeof data === 'string' ? Buffer.from(data, 'utf8') : data);

/** The string and its terminating zero. */
export function cstring(text: Bytes): Buffer {
  return Buffer.concat([buf(text), Buffer.of(0)]);
}

export function int16(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) out.writeUInt16BE(value & 0xffff, index * 2);
  return out;
}

export function int32(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) out.writeUInt32BE(value >>> 0, index * 4);
  return out;
}

/** Any message: type, length, body. `length` overrides what the length field says (it counts itself, not the type). */
export function message(type: string | number, body: Bytes = '', length?: number): Buffer {
  const payload = buf(body);
  const code = typeof type === 'number' ? type : type.charCodeAt(0);
  return Buffer.concat([Buffer.of(code), int32(length ?? payload.length + 4), payload]);
}

/** A packet without a type: the first one of a connection. */
export function untyped(body: Bytes, length?: number): Buffer {
  const payload = buf(body);
  return Buffer.concat([int32(length ?? payload.length + 4), payload]);
}

/** StartupMessage. `protocol` is major << 16 | minor; default 3.0. */
export function startup(parameters: Readonly<Record<string, string>>, protocol = 0x0003_0000): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return untyped(Buffer.concat([int32(protocol), ...pairs, Buffer.of(0)]));
}

export function sslRequest(): Buffer {
  return untyped(int32(80877103));
}

export function gssEncRequest(): Buffer {
  return untyped(int32(80877104));
}

/** `key` is the secret as the server gave it: 4 bytes, or up to 256 from protocol 3.2 on. */
export function cancelRequest(pid: number, key: Buffer): Buffer {
  return untyped(Buffer.concat([int32(80877102, pid), key]));
}

/** PasswordMessage in clear text. */
export function password(secret: Bytes): Buffer {
  return message('p', cstring(secret));
}

export function query(sql: Bytes): Buffer {
  return message('Q', cstring(sql));
}

export function parse(options: { name?: string; sql: Bytes; types?: readonly number[] }): Buffer {
  const types = options.types ?? [];
  return message(
    'P',
    Buffer.concat([cstring(options.name ?? ''), cstring(options.sql), int16(types.length), int32(...types)]),
  );
}

export interface BindOptions {
  readonly portal?: string;
  readonly statement?: string;
  /** null is NULL. */
  readonly values?: readonly (Bytes | null)[];
  /** 0 text, 1 binary: none, one for all, or one each. */
  readonly formats?: readonly number[];
  readonly resultFormats?: readonly number[];
}

export function bind(options: BindOptions = {}): Buffer {
  const values = options.values ?? [];
  const formats = options.formats ?? [];
  const results = options.resultFormats ?? [];
  const fields = values.flatMap(value => {
    if (value === null) return [int32(-1)];
    const bytes = buf(value);
    return [int32(bytes.length), bytes];
  });
  return message(
    'B',
    Buffer.concat([
      ...[cstring(options.portal ?? ''), cstring(options.statement ?? '')],
      ...[int16(formats.length), int16(...formats), int16(values.length), ...fields],
      ...[int16(results.length), int16(...results)],
    ]),
  );
}

export function describe(what: 'statement' | 'portal', name = ''): Buffer {
  return message('D', Buffer.concat([Buffer.from(what === 'statement' ? 'S' : 'P'), cstring(name)]));
}

/** `maxRows` 0 is all of them. */
export function execute(portal = '', maxRows = 0): Buffer {
  return message('E', Buffer.concat([cstring(portal), int32(maxRows)]));
}

export function close(what: 'statement' | 'portal', name = ''): Buffer {
  return message('C', Buffer.concat([Buffer.from(what === 'statement' ? 'S' : 'P'), cstring(name)]));
}

export function flush(): Buffer {
  return message('H');
}

export function sync(): Buffer {
  return message('S');
}

export function copyData(data: Bytes): Buffer {
  return message('d', data);
}

export function copyDone(): Buffer {
  return message('c');
}

export function copyFail(reason: string): Buffer {
  return message('f', cstring(reason));
}

/** Fast-path FunctionCall with text arguments. */
export function functionCall(oid: number, args: readonly (Bytes | null)[] = []): Buffer {
  const fields = args.flatMap(value =>
    value === null ? [int32(-1)] : [int32(buf(value).length), buf(value)],
  );
  return message('F', Buffer.concat([int32(oid), int16(0, args.length), ...fields, int16(0)]));
}

export function terminate(): Buffer {
  return message('X');
}
