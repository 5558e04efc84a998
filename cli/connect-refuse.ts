import type { Duplex } from 'node:stream';
import { Handshake } from '#proxy/session/handshake.ts';

const PATIENCE_MS = 10_000;

/**
 * Answers a Postgres client that cannot be served: reads its start-up packet, saying no to encryption, and sends an ErrorResponse, which
 * clients show to people. A cancel request is just closed. Source: manual 54.2.1, 54.7 and 54.8.
 */
export async function refuseClient(client: Duplex, sqlstate: string, message: string): Promise<void> {
  const timer = setTimeout(() => client.destroy(), PATIENCE_MS);
  const handshake = new Handshake(client);
  client.resume();
  try {
    for (;;) {
      const packet = await handshake.firstPacket();
      if (packet === null || packet.kind === 'cancel') break;
      if (packet.kind === 'startup') {
        client.write(errorResponse(sqlstate, message));
        break;
      }
      handshake.answer('N');
    }
    handshake.release();
    client.resume();
    client.end();
  } catch {
    // Whoever sends something else there is no Postgres client and gets no answer.
    client.destroy();
  } finally {
    clearTimeout(timer);
  }
}

function errorResponse(sqlstate: string, message: string): Buffer {
  const fields = { S: 'FATAL', V: 'FATAL', C: sqlstate, M: message.replaceAll('\0', '') };
  const body = Object.entries(fields).map(([name, value]) => `${name}${value}\0`);
  const text = Buffer.from(`${body.join('')}\0`, 'utf8');
  const head = Buffer.alloc(5);
  head.writeUInt8(0x45, 0);
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}
