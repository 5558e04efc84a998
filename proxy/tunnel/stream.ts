import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Longest frame that is sent. */
const FRAME_BYTES = 256 * 1024;
/** Longest message that is taken: ours are shorter, and a message is held whole before it is passed on. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** An answer to a ping is left out when so much waits already: a peer that pings and never reads must not fill our memory. */
const PONG_LIMIT = 64 * 1024;
const ABNORMAL = 1006;
const NOT_BINARY = 1003;

/** What `ws` is to be told at either end. No compression: the same secret beside an attacker's text would show in the lengths. */
export const SOCKET_OPTIONS = {
  autoPong: false,
  closeTimeout: 5_000,
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: 1024,
  perMessageDeflate: false,
} as const;

/**
 * An open WebSocket as a byte stream: the payloads of its binary frames, one behind the other. Back-pressure goes both ways: a reader
 * that lags pauses the socket below, and a write is done when the network has taken it.
 *
 * A close frame is the end of the stream. A connection that breaks without one destroys it with ECONNRESET, as does a text frame or one
 * that is too long. There is no half-closed WebSocket: bytes written after the peer's end are dropped, as for a TCP peer that is gone;
 * with `halfOpen` the caller still ends its own side, without it that follows by itself.
 */
export class WebSocketStream extends Duplex {
  private readonly ws: WebSocket;
  private told = false;

  constructor(ws: WebSocket, { halfOpen }: { readonly halfOpen: boolean }) {
    super({ allowHalfOpen: halfOpen });
    this.ws = ws;
    ws.on('message', (data: Buffer, isBinary: boolean) => this.message(data, isBinary));
    ws.on('ping', data => {
      if (ws.readyState === ws.OPEN && ws.bufferedAmount < PONG_LIMIT) ws.pong(data);
    });
    ws.on('error', error => {
      // ws has begun to close with the code that says why.
      this.told = true;
      this.destroy(reset(error.message, error));
    });
    ws.on('close', code => {
      if (this.destroyed) return;
      if (code === ABNORMAL) this.destroy(reset('the tunnel broke off'));
      else this.push(null);
    });
  }

  override _read(): void {
    if (this.ws.isPaused) this.ws.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const buffers = chunks.map(({ chunk }) => chunk);
    const total = buffers.reduce((sum, { length }) => sum + length, 0);
    this.send(total <= FRAME_BYTES ? [Buffer.concat(buffers, total)] : buffers, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    const { ws } = this;
    if (ws.readyState === ws.CLOSED) {
      done();
      return;
    }
    ws.once('close', () => done());
    ws.close(1000);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.told) this.ws.terminate();
    done(error);
  }

  private message(data: Buffer, isBinary: boolean): void {
    if (this.destroyed || data.length === 0) return;
    if (!isBinary) {
      this.told = true;
      this.ws.close(NOT_BINARY, 'binary frames only');
      this.destroy(reset('a text frame came through the tunnel'));
    } else if (!this.push(data)) this.ws.pause();
  }

  private send(buffers: readonly Buffer[], done: (error?: Error | null) => void): void {
    const { ws } = this;
    const frames = buffers.flatMap(pieces);
    const last = frames.pop();
    if (ws.readyState !== ws.OPEN || last === undefined) {
      done();
      return;
    }
    for (const frame of frames) ws.send(frame, { binary: true });
    // The fault of a socket that has just closed is told by its own events, with a better reason.
    ws.send(last, { binary: true }, () => done());
  }
}

function pieces(buffer: Buffer): Buffer[] {
  if (buffer.length === 0) return [];
  if (buffer.length <= FRAME_BYTES) return [buffer];
  const all: Buffer[] = [];
  for (let at = 0; at < buffer.length; at += FRAME_BYTES) all.push(buffer.subarray(at, at + FRAME_BYTES));
  return all;
}

function reset(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), {
    code: 'ECONNRESET',
  });
}
