import { HoldpointError } from '#schemas/errors.ts';
import { Reader, type TextReader, textOf } from './reader.ts';

/** The first packet of a connection has no type byte; its second word tells the kinds apart. */
export type FirstPacket =
  | { readonly kind: 'ssl' | 'gss' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Buffer }
  | {
      readonly kind: 'startup';
      /** Of protocol 3: no other is spoken. */
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** MAX_STARTUP_PACKET_LENGTH of the server's libpq/pqcomm.h, and the length itself. */
export const MAX_STARTUP_PACKET = 10_004;
/** The newest minor version of protocol 3 that is spoken here. */
export const NEWEST_MINOR = 2;
const CANCEL = 80877102;
const SSL = 80877103;
const GSS = 80877104;

/**
 * The length of the packet at the start of `buffer`, or null while fewer than four bytes are there. `none` when it can not be one: the
 * bound keeps a stranger from making us wait for a gigabyte.
 */
export function firstPacketLength(buffer: Buffer): number | 'none' | null {
  if (buffer.length < 4) return null;
  const length = buffer.readInt32BE(0);
  return length < 8 || length > MAX_STARTUP_PACKET ? 'none' : length;
}

/** Whether a first packet is of protocol 1 or 2, in which errors have another form: a text alone. */
export function isBeforeProtocol3(packet: Buffer): boolean {
  return packet.length >= 8 && packet.readUInt16BE(4) < 3;
}

const text: TextReader = (buffer, start, end, what) => {
  const value = textOf(buffer, start, end);
  if (value === undefined) throw new HoldpointError('protocol', `${what} is not valid UTF-8`);
  return value;
};

/**
 * Decodes one whole first packet; null for a cancel request that cannot be one. Faults are told in the server's words. Source: manual
 * 54.7, "StartupMessage", "SSLRequest", "GSSENCRequest", "CancelRequest"; ProcessStartupPacket.
 */
export function decodeFirstPacket(packet: Buffer): FirstPacket | null {
  const reader = new Reader(packet, 4, packet.length, text);
  const code = reader.uint32('request code');
  if (code === SSL || code === GSS) {
    reader.finish('SSLRequest or GSSENCRequest');
    return { kind: code === SSL ? 'ssl' : 'gss' };
  }
  if (code === CANCEL) {
    // A process id, and a key of 4 bytes in protocol 3.0, up to 256 in 3.2.
    if (reader.left < 8 || reader.left > 260) return null;
    const processId = reader.int32('process id');
    return { kind: 'cancel', processId, secretKey: Buffer.from(reader.bytes(reader.left, 'cancel key')) };
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== 3)
    throw new HoldpointError(
      'unsupported',
      `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.${NEWEST_MINOR}`,
      FROM_SERVER,
    );
  const parameters = new Map<string, string>();
  // No string can lack its end: the packet's last byte is a zero.
  if (packet.at(-1) !== 0) throw badLayout();
  for (;;) {
    if (reader.left === 0) throw badLayout();
    const name = reader.cstring('startup parameter name');
    if (name === '') break;
    if (reader.left === 0) throw badLayout();
    // Of two the server takes the last, and what it is sent from here has no more than one: a setting stands where it was given last.
    parameters.delete(name);
    parameters.set(name, reader.cstring(`startup parameter ${name.slice(0, 63)}`));
  }
  if (reader.left > 0) throw badLayout();
  return { kind: 'startup', minor, parameters };
}

/** Where the server raises what is said here. */
const FROM_SERVER = { source: { file: 'backend_startup.c', routine: 'ProcessStartupPacket' } };

function badLayout(): HoldpointError {
  const message = 'invalid startup packet layout: expected terminator as last byte';
  return new HoldpointError('protocol', message, FROM_SERVER);
}
