import type { Duplex } from 'node:stream';
import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, encode, int32 } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import {
  decodeFirstPacket,
  type FirstPacket,
  firstPacketLength,
  isBeforeProtocol3,
} from '../wire/startup.ts';

/** What an answer is called in the words of the server. */
export type Response = 'password' | 'SASL';
const RAISED = {
  password: { file: 'auth.c', routine: 'recv_password_packet' },
  SASL: { file: 'auth-sasl.c', routine: 'CheckSASLAuth' },
} as const;
/** The longest message with a token: tokens are about 1 KB, a few with many groups are more. */
const MAX_PASSWORD = 20_000;
/** PG_MAX_AUTH_TOKEN_LENGTH of the server's libpq/auth.h, and the length itself. */
const SERVER_MAX_PASSWORD = 65_539;
/** More than any packet of the start-up; whoever sends more than that ahead is not read for the time being. */
const AHEAD_BYTES = 64 * 1024;

/**
 * The agent's side of a connection before there is a session: exact reads, nothing buffered for anybody else. One chunk may hold several
 * packets (a client that does not wait for answers); what is left over at the end belongs to the session.
 */
export class Handshake {
  private readonly socket: Duplex;
  private buffer: Buffer = Buffer.alloc(0);
  private wake: (() => void) | null = null;
  private ended = false;
  /** What came is none of the protocol, or ends inside a packet: the server hangs up without a word, and so does the proxy. */
  mute = false;
  /** It began in protocol 1 or 2, and reads errors in their form alone. */
  old = false;
  private readonly onData = (chunk: Buffer) => {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    if (this.buffer.length > AHEAD_BYTES) this.socket.pause();
    this.wake?.();
  };
  private readonly onEnd = () => {
    this.ended = true;
    this.wake?.();
  };

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('data', this.onData).on('end', this.onEnd).on('close', this.onEnd).on('error', this.onEnd);
  }

  get gone(): boolean {
    return this.ended;
  }

  /** Bytes that have come in and were not read. */
  get buffered(): number {
    return this.buffer.length;
  }

  /** Looks at the first byte and leaves it there; null when the peer left without a word. */
  async firstByte(): Promise<number | null> {
    await this.until(() => this.buffer.length > 0);
    return this.buffer[0] ?? null;
  }

  /** Null when there is nothing to answer: the peer left, which is what port scanners and health checks do, or talks of something else. */
  async firstPacket(): Promise<FirstPacket | null> {
    await this.until(() => firstPacketLength(this.buffer) !== null);
    const length = firstPacketLength(this.buffer);
    if (length === null || length === 'none') return null;
    await this.until(() => this.buffer.length >= length);
    if (this.buffer.length < length) return null;
    const packet = this.take(length);
    this.old = isBeforeProtocol3(packet);
    return decodeFirstPacket(packet);
  }

  /** Sends one authentication request. `code` as in the manual, 54.7. */
  ask(code: number, data: Buffer = Buffer.alloc(0)): void {
    this.socket.write(encode(BACKEND.authentication, int32(code), data));
  }

  /** The body of the answer to it, which has a secret in it: whoever reads it overwrites it. */
  async response(what: Response): Promise<Buffer> {
    const type = await this.firstByte();
    if (type !== null && type !== FRONTEND.password)
      throw new HoldpointError('protocol', `expected ${what} response, got message type ${type}`, {
        source: RAISED[what],
      });
    await this.until(() => this.buffer.length >= 5);
    if (this.buffer.length < 5) throw this.silence('the connection ended inside the start-up');
    const length = this.buffer.readInt32BE(1);
    if (length < 4 || length > MAX_PASSWORD) {
      const why = `${what} response has an impossible length`;
      // The server says nothing to a password that it does not read, and has a word for SASL, or for one that is too long for us alone.
      const unread = what === 'password' && (length < 4 || length > SERVER_MAX_PASSWORD);
      throw unread ? this.silence(why) : new HoldpointError('protocol', why);
    }
    await this.until(() => this.buffer.length > length);
    return this.take(length + 1).subarray(5);
  }

  answer(bytes: string): void {
    this.socket.write(Buffer.from(bytes, 'latin1'));
  }

  /** Gives the socket away, and what has come in and was not read. */
  release(): Buffer {
    this.socket
      .off('data', this.onData)
      .off('end', this.onEnd)
      .off('close', this.onEnd)
      .off('error', this.onEnd);
    this.socket.pause();
    return this.buffer;
  }

  private take(length: number): Buffer {
    if (this.buffer.length < length) throw this.silence('the connection ended inside the start-up');
    const packet = Buffer.from(this.buffer.subarray(0, length));
    this.buffer = this.buffer.subarray(length);
    if (this.buffer.length <= AHEAD_BYTES) this.socket.resume();
    return packet;
  }

  private silence(why: string): HoldpointError {
    this.mute = true;
    return new HoldpointError('protocol', why);
  }

  private async until(ready: () => boolean): Promise<void> {
    while (!ready() && !this.ended) {
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }
}
