import type { Socket } from 'node:net';
import { Frames } from '#proxy/wire/frames.ts';
import { Reader } from '#proxy/wire/reader.ts';
import { hungUp, unavailable } from './faults.ts';

/** No message of a start-up comes near this; the server is not trusted before it has proven itself. */
const LONGEST_MESSAGE = 64 * 1024;
const RULES = { limit: () => LONGEST_MESSAGE, stream: () => false };

export interface Message {
  readonly type: number;
  /** Bounds of the whole frame; valid until the next `receive`. */
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Question and answer over a socket, one message at a time, for the start-up only. */
export class Exchange {
  private readonly socket: Socket;
  private readonly frames = new Frames(RULES);
  private wake: () => void = () => {};
  private failure: Error | null = null;
  private readonly onData = (chunk: Buffer) => {
    // One chunk at a time: a server that floods fills its own buffers, not ours.
    this.socket.pause();
    this.frames.push(chunk);
    this.wake();
  };
  private readonly onError = (error: Error) => {
    this.failure ??= error;
    this.wake();
  };
  private readonly onEnd = () => {
    this.failure ??= hungUp();
    this.wake();
  };

  constructor(socket: Socket) {
    this.socket = socket;
    socket.pause();
    socket.on('data', this.onData).on('error', this.onError).on('end', this.onEnd).on('close', this.onEnd);
  }

  /** Rejects with the socket's error, when the server closes, or when what it sends is no message. */
  async receive(): Promise<Message> {
    while (!this.frames.next()) {
      if (this.failure !== null) throw this.failure;
      if (this.socket.destroyed) throw unavailable('the connection is closed');
      const arrived = new Promise<void>(resolve => {
        this.wake = resolve;
      });
      this.socket.resume();
      await arrived;
    }
    const { type, buffer, start, end } = this.frames;
    return { type, buffer, start, end };
  }

  /** Settles when the bytes have left, so that the caller may overwrite them. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, error => (error ? reject(error) : resolve()));
    });
  }

  /** Takes this object off the socket, which stays paused. Gives the bytes that came behind the last message. */
  release(): Buffer {
    this.socket
      .off('data', this.onData)
      .off('error', this.onError)
      .off('end', this.onEnd)
      .off('close', this.onEnd);
    this.socket.pause();
    return Buffer.from(this.frames.unread());
  }
}

/** A reader over a message's body. */
export function body(message: Message): Reader {
  return new Reader(message.buffer, message.start + 5, message.end);
}
