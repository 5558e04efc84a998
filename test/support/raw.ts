import { connect, type Socket } from 'node:net';
import { cutFrames, type Frame, fields, outline } from './raw/frames.ts';
import { password, startup } from './raw/messages.ts';

export * from './raw/frames.ts';
export * from './raw/messages.ts';

const DEADLINE_MS = 10_000;

/**
 * A Postgres client that sends exactly the bytes it is told and reads whatever comes back, for attacks and for comparing the proxy's
 * answers with the server's. Nothing is sent by itself, except in `login`.
 *
 *     const client = await RawClient.connect({ port });
 *     await client.login({ user: 'agent', database: 'shop', password: token });
 *     client.send(parse({ sql: 'select 1' }), bind(), execute(), sync());
 *     assert.equal(outline(await client.untilReady()), '1 2 D C:SELECT 1 Z:I');
 *     client.destroy();
 */
export class RawClient {
  /** Does not keep the process: `ref()` it where you wait for its events by yourself. */
  readonly socket: Socket;
  /** ParameterStatus values as last reported. */
  readonly parameters: Record<string, string> = {};
  /** From BackendKeyData: what `cancelRequest` takes. */
  backend: { pid: number; key: Buffer } | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #frames: Frame[] = [];
  #ended = false;
  #fault: Error | null = null;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    // Whoever waits has a timer; a client that a failed test has forgotten must not keep its process.
    socket.unref();
    socket.on('data', data => {
      this.#bytes = this.#bytes.length === 0 ? data : Buffer.concat([this.#bytes, data]);
      this.#wake?.();
    });
    socket.on('error', error => {
      this.#fault = error;
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  static connect(at: { port: number; host?: string }): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: at.port, host: at.host ?? '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends all parts in one write: they arrive as one pipeline. */
  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Sends the same bytes cut into pieces of at most `size`, each in a packet of its own where the system allows. */
  async sendInPieces(data: Buffer, size: number): Promise<void> {
    for (let at = 0; at < data.length; at += size) {
      await new Promise<void>((resolve, reject) => {
        this.socket.write(data.subarray(at, at + size), error => (error ? reject(error) : resolve()));
      });
      await new Promise<void>(resolve => setImmediate(resolve));
    }
  }

  /**
   * Start-up with a password in clear text, up to ReadyForQuery; gives all frames of it. Rejects with the server's error, its
   * fields in `cause`. For SCRAM towards a bare Postgres use the `pg` package, or `startPostgres({ trust: true })`.
   */
  async login(options: {
    user: string;
    database?: string;
    password?: string;
    parameters?: Readonly<Record<string, string>>;
    protocol?: number;
  }): Promise<Frame[]> {
    const database = options.database === undefined ? {} : { database: options.database };
    this.send(startup({ user: options.user, ...database, ...options.parameters }, options.protocol));
    const seen: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      seen.push(frame);
      if (frame.type === 'Z') return seen;
      if (frame.type === 'E') {
        const said = fields(frame);
        throw new Error(`login refused: ${said.C} ${said.M}`, { cause: said });
      }
      if (frame.type !== 'R') continue;
      const method = frame.body.readInt32BE(0);
      if (method === 3) this.send(password(options.password ?? ''));
      else if (method !== 0) throw new Error(`the server asks for authentication ${method}, not clear text`);
    }
  }

  /** One raw byte, as answers SSLRequest and GSSENCRequest. */
  async byte(): Promise<string> {
    await this.#until(() => this.#bytes.length > 0, 'a byte');
    const first = String.fromCharCode(this.#bytes[0]!);
    this.#bytes = this.#bytes.subarray(1);
    return first;
  }

  /** The next frame. Rejects when the connection ends before, or nothing comes inside the deadline. */
  async next(deadlineMs = DEADLINE_MS): Promise<Frame> {
    await this.#until(() => this.#cut(), 'a frame', deadlineMs);
    return this.#take();
  }

  /** All frames up to and including the first of this type (default ReadyForQuery). */
  async until(type: string, deadlineMs = DEADLINE_MS): Promise<Frame[]> {
    const seen: Frame[] = [];
    for (;;) {
      try {
        seen.push(await this.next(deadlineMs));
      } catch (error) {
        throw new Error(`no ${type} after [${outline(seen)}]: ${(error as Error).message}`, { cause: error });
      }
      if (seen.at(-1)!.type === type) return seen;
    }
  }

  untilReady(deadlineMs = DEADLINE_MS): Promise<Frame[]> {
    return this.until('Z', deadlineMs);
  }

  /** All frames until the server closes the connection. Rejects when it does not. */
  async untilClosed(deadlineMs = DEADLINE_MS): Promise<Frame[]> {
    await this.#until(() => this.#ended, 'the end of the connection', deadlineMs, true);
    const seen: Frame[] = [];
    while (this.#cut()) seen.push(this.#take());
    return seen;
  }

  /** Resolves when nothing has come for `ms`; rejects with what has. For "not a byte leaves before …". */
  async expectSilence(ms: number): Promise<void> {
    const timer = new Promise<void>(resolve => setTimeout(resolve, ms));
    await timer;
    if (this.#cut()) throw new Error(`expected silence, got ${outline(this.#frames)}`);
    if (this.#bytes.length > 0) throw new Error(`expected silence, got ${this.#bytes.length} bytes`);
    if (this.#ended) throw new Error('expected silence, the connection was closed');
  }

  get closed(): boolean {
    return this.#ended;
  }

  /** Ends our half: a client that goes in an orderly way, but without Terminate. */
  end(): void {
    this.socket.end();
  }

  /** Gone without a word. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Gone with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #cut(): boolean {
    if (this.#frames.length > 0) return true;
    const { frames, rest } = cutFrames(this.#bytes);
    this.#frames = frames;
    this.#bytes = rest;
    return frames.length > 0;
  }

  #take(): Frame {
    const frame = this.#frames.shift()!;
    if (frame.type === 'S') {
      const [name, value] = frame.body.toString('utf8').split('\0');
      this.parameters[name!] = value!;
    } else if (frame.type === 'K') {
      this.backend = { pid: frame.body.readInt32BE(0), key: frame.body.subarray(4) };
    }
    return frame;
  }

  async #until(
    condition: () => boolean,
    what: string,
    deadlineMs = DEADLINE_MS,
    toEnd = false,
  ): Promise<void> {
    const end = Date.now() + deadlineMs;
    while (!condition()) {
      if (this.#ended && !toEnd) {
        throw new Error(`the connection ended before ${what}`, { cause: this.#fault });
      }
      const left = end - Date.now();
      if (left <= 0) throw new Error(`not within ${deadlineMs} ms: ${what}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }
}
