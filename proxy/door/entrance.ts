import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { HoldpointError } from '#schemas/errors.ts';
import { Handshake } from '../session/handshake.ts';
import { encodeError, encodeOldError } from '../wire/backend.ts';
import type { FirstPacket } from '../wire/startup.ts';
import type { ServerCertificate } from './certificate.ts';
import { ALPN, secure } from './tls.ts';

const LINGER_MS = 1_000;
/** The first byte of a TLS record with a ClientHello. A start-up packet that begins with it would be 350 MB long. */
const CLIENT_HELLO = 0x16;

/**
 * One agent's connection up to its start-up packet, with or without TLS. `socket` and `handshake` change when TLS begins: what is behind
 * the entrance uses what is there then. Source: manual 54.2.10 "SSL Session Encryption".
 */
export class Entrance {
  socket: Duplex;
  handshake: Handshake;
  private readonly certificate: ServerCertificate | undefined;
  private readonly clearRefused: boolean;
  private encrypting = false;

  /** Without a certificate TLS is answered with N; with `clearRefused` nobody gets as far as being asked for a token without it. */
  constructor(
    socket: Duplex,
    options: { certificate?: ServerCertificate | undefined; clearRefused?: boolean } = {},
  ) {
    this.socket = socket;
    this.handshake = new Handshake(socket);
    this.certificate = options.certificate;
    this.clearRefused = options.clearRefused ?? false;
  }

  /** The version of TLS, `TLSv1.3`; null in the clear. */
  get tls(): string | null {
    return this.socket instanceof TLSSocket ? this.socket.getProtocol() : null;
  }

  /**
   * What the agent is here for; null when it left without a word. Rejects with HoldpointError `protocol`. Either kind of encryption is asked
   * for once at most, and none of them inside TLS.
   */
  async first(): Promise<Exclude<FirstPacket, { kind: 'ssl' | 'gss' }> | null> {
    const asked = new Set<string>();
    if (this.certificate !== undefined && (await this.handshake.firstByte()) === CLIENT_HELLO) {
      const { alpnProtocol } = await this.encrypt(this.certificate);
      if (alpnProtocol !== ALPN)
        throw new HoldpointError('protocol', `direct TLS needs the application protocol ${ALPN}`);
      asked.add('ssl').add('gss');
    }
    for (;;) {
      const packet = await this.handshake.firstPacket();
      // A cancel request has no token in it, and libpq before 17 knows no way to send it over TLS.
      if (packet === null || packet.kind === 'cancel') return packet;
      if (packet.kind === 'startup') {
        if (this.clearRefused && this.tls === null) throw this.inTheClear();
        return packet;
      }
      if (asked.has(packet.kind)) throw new HoldpointError('protocol', 'too many encryption requests');
      asked.add(packet.kind);
      const able = packet.kind === 'ssl' && this.certificate !== undefined;
      if (!able) this.handshake.answer('N');
      // Whoever put bytes there is not the one who is going to prove that they know the session's keys (CVE-2021-23214), and no client
      // that waits for the answer sends any: the server refuses them behind its N too.
      if (this.handshake.buffered > 0) throw stuffed(packet.kind);
      if (able && this.certificate !== undefined) {
        this.handshake.answer('S');
        await this.encrypt(this.certificate);
        asked.add('gss');
      }
    }
  }

  /** Ends the connection with an error, in the clear or inside TLS, as it is then. */
  refuse(fault: HoldpointError): void {
    const { socket } = this;
    if (this.encrypting || this.handshake.mute) {
      // There are no words in the middle of a handshake of TLS, and none for what is not the protocol.
      socket.destroy();
      return;
    }
    this.handshake.release();
    socket.resume();
    if (socket.writable) socket.end(this.handshake.old ? encodeOldError(fault) : encodeError(fault, 'FATAL'));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  private inTheClear(): HoldpointError {
    const able = this.certificate !== undefined;
    return new HoldpointError('tls_required', undefined, {
      detail: able
        ? 'Nothing was asked for, because a token must not be sent in the clear.'
        : 'This proxy has no certificate, so that only connections on its own machine are taken.',
      hint: able ? 'Connect with sslmode=verify-full.' : 'Connect through the tunnel: holdpoint connect.',
    });
  }

  private async encrypt(certificate: ServerCertificate) {
    const early = this.handshake.release();
    if (early.length > 0) this.socket.unshift(early);
    this.encrypting = true;
    const socket = await secure(this.socket, certificate);
    this.encrypting = false;
    this.socket = socket;
    this.handshake = new Handshake(socket);
    return socket;
  }
}

function stuffed(kind: 'ssl' | 'gss'): HoldpointError {
  const what = kind === 'ssl' ? 'SSL' : 'GSSAPI encryption';
  return new HoldpointError('protocol', `received unencrypted data after ${what} request`, {
    detail:
      'This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.',
  });
}
