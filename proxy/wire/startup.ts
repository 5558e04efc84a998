import { HoldpointError } from '#schemas/errors.ts';
import { Reader } from './reader.ts';

/** The first packet of a connection has no type byte; its second word tells the kinds apart. */
export type FirstPacket =
  | { readonly kind: 'ssl' | 'gss' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Buffer }
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** MAX_STARTUP_PACKET_LENGTH of the server's libpq/pqcomm.h. */
export const MAX_STARTUP_PACKET = 10_000;
const CANCEL = 80877102;
const SSL = 80877103;
const GSS = 80877104;

/**
 * The length of the packet at the start of `buffer`, or null while fewer than four bytes are there.
 * Throws HoldpointError `protocol` when it can not be one: the bound keeps a stranger from making us wait for a gigabyte.
 */
export function firstPacketLength(buffer: Buffer): number | null {
  if (buffer.length < 4) return null;
  const length = buffer.readInt32BE(0);
  if (length < 8 || length > MAX_STARTUP_PACKET)
    throw new HoldpointError('protocol', `invalid length of startup packet: ${length}`);
  return length;
}

/** Decodes one whole first packet. Source: manual 54.7, "StartupMessage", "SSLRequest", "GSSENCRequest", "CancelRequest". */
export function decodeFirstPacket(packet: Buffer): FirstPacket {
  const reader = new Reader(packet, 4, packet.length);
  const code = reader.uint32('request code');
  if (code === SSL || code === GSS) {
    reader.finish('SSLRequest or GSSENCRequest');
    return { kind: code === SSL ? 'ssl' : 'gss' };
  }
  if (code === CANCEL) {
    const processId = reader.int32('process id');
    // 4 bytes in protocol 3.0; up to 256 in 3.2.
    if (reader.left < 4 || reader.left > 256)
      throw new HoldpointError('protocol', 'cancel key has an impossible length');
    return { kind: 'cancel', processId, secretKey: Buffer.from(reader.bytes(reader.left, 'cancel key')) };
  }
  const parameters = new Map<string, string>();
  for (;;) {
    const name = reader.cstring('startup parameter name');
    if (name === '') break;
    // The server takes the last of two; a proxy that took the first would have another picture. Refuse instead.
    if (parameters.has(name))
      throw new HoldpointError('protocol', `startup parameter "${name.slice(0, 63)}" is given twice`);
    parameters.set(name, reader.cstring(`startup parameter ${name.slice(0, 63)}`));
  }
  reader.finish('startup packet');
  return { kind: 'startup', major: code >>> 16, minor: code & 0xffff, parameters };
}
