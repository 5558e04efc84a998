import type { Duplex } from 'node:stream';
import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, encode, int32 } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import { decodeFirstPacket, type FirstPacket, firstPacketLength } from '../wire/startup.ts';

/** The longest message with a token: tokens are about 1 KB, a few with many groups are more. */
const MAX_PASSWORD = 20_000;
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

  /** Null when the peer left without a word, which is what port scanners and health checks do. */
  async firstPacket(): Promise<FirstPacket | null> {
    await this.until(() => firstPacketLength(this.buffer) !== null);
    if (this.ended && this.buffer.length === 0) return null;
    const length = firstPacketLength(this.buffer);
    if (length === null) throw gone();
    await this.until(() => this.buffer.length >= length);
    return decodeFirstPacket(this.take(length));
  }

  /** Sends one authentication request. `code` as in the manual, 54.7. */
  ask(code: number, data: Buffer = Buffer.alloc(0)): void {
    this.socket.write(encode(BACKEND.authentication, int32(code), data));
  }

  /** The body of the answer to it, which has a secret in it: whoever reads it overwrites it. `what` is for messages. */
  async response(what: string): Promise<Buffer> {
    await this.until(() => this.buffer.length >= 5);
    if (this.buffer.length < 5) throw gone();
    const type = this.buffer[0];
    const length = this.buffer.readInt32BE(1);
    if (type !== FRONTEND.password) throw new HoldpointError('protocol', `expected a ${what}`);
    if (length < 4 || length > MAX_PASSWORD)
      throw new HoldpointError('protocol', `${what} has an impossible length`);
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
    if (this.buffer.length < length) throw gone();
    const packet = Buffer.from(this.buffer.subarray(0, length));
    this.buffer = this.buffer.subarray(length);
    if (this.buffer.length <= AHEAD_BYTES) this.socket.resume();
    return packet;
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

function gone(): HoldpointError {
  return new HoldpointError('protocol', 'the connection ended inside the start-up');
}
