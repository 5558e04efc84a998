import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { HoldpointError } from '#schemas/errors.ts';
import type { ServerCertificate } from './certificate.ts';

/** The one application protocol; a client that offers others only is refused in the handshake (cross-protocol attacks). */
export const ALPN = 'postgresql';

/**
 * The server's side of TLS on `raw`, on which nothing listens any more; bytes that were read too early have been put back. Resolves when
 * the handshake is through. Rejects with HoldpointError `protocol`; nobody is there then who could read a message.
 */
export function secure(raw: Duplex, certificate: ServerCertificate): Promise<TLSSocket> {
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: certificate.context,
    ALPNProtocols: [ALPN],
  });
  return new Promise((resolve, reject) => {
    let cause: unknown;
    socket.on('error', error => {
      cause ??= error;
      socket.destroy();
    });
    const closed = () => reject(new HoldpointError('protocol', 'the TLS handshake failed', { cause }));
    socket.once('close', closed);
    socket.once('secure', () => {
      socket.off('close', closed);
      resolve(socket);
    });
  });
}
