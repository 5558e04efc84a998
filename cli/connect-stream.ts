import { Duplex } from 'node:stream';
import type { WebSocketStream } from '#proxy/tunnel/stream.ts';
import { createTokens, type TokenSource } from './connect-token.ts';
import { openTunnel, type TunnelTarget, tunnelAddress } from './connect-tunnel.ts';

export interface ConnectOptions {
  /** The proxy's address, `https://…`. */
  readonly url: string;
  /** Where the proxy's tokens come from, or a function that gives one. */
  readonly token: TokenSource | (() => Promise<string>);
  /** For Cloud Run's own check, where that needs another token. */
  readonly iamToken?: TokenSource | undefined;
}

export interface Connector {
  /** For node-postgres: `new pg.Client({ …, stream: connector.stream })`. */
  readonly stream: () => Duplex;
  /** For postgres.js: `postgres({ …, socket: connector.socket })`. */
  readonly socket: () => Promise<Duplex>;
}

/**
 * Postgres connections through a tunnel without a local port, for Node drivers that take a stream. Give the driver `ssl: false`: the
 * tunnel is the encryption. No password is needed. Throws an Error when the URL is not one that tokens may be sent to.
 */
export function connect(options: ConnectOptions): Connector {
  tunnelAddress(options.url);
  const { token, iamToken } = options;
  const target: TunnelTarget = {
    url: options.url,
    tokens:
      typeof token === 'function' ? { get: token, forget() {} } : createTokens(token, process.env, Date.now),
    ...(iamToken === undefined ? {} : { iamTokens: createTokens(iamToken, process.env, Date.now) }),
  };
  return {
    stream: () => new DriverStream(target),
    socket: async () => new DriverStream(target, await openTunnel(target)),
  };
}

/** A tunnel with the methods of a net.Socket that drivers call. Host and port given to `connect` are not looked at. */
class DriverStream extends Duplex {
  private readonly target: TunnelTarget;
  private tunnel: WebSocketStream | null = null;
  private state: 'closed' | 'opening' | 'open' = 'closed';

  constructor(target: TunnelTarget, tunnel?: WebSocketStream) {
    super({ allowHalfOpen: false });
    this.target = target;
    if (tunnel !== undefined) this.attach(tunnel);
  }

  get readyState(): string {
    return this.destroyed || this.writableEnded ? 'closed' : this.state;
  }

  connect(): this {
    this.state = 'opening';
    openTunnel(this.target).then(
      tunnel => {
        if (this.destroyed) {
          tunnel.destroy();
          return;
        }
        this.attach(tunnel);
        this.emit('connect');
      },
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    this.tunnel?.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.tunnel === null) this.once('connect', () => this._write(chunk, encoding, done));
    else if (this.tunnel.write(chunk)) done();
    else this.tunnel.once('drain', () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.tunnel?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.tunnel?.destroy();
    done(error);
  }

  private attach(tunnel: WebSocketStream): void {
    this.tunnel = tunnel;
    this.state = 'open';
    tunnel.on('data', chunk => {
      if (!this.push(chunk)) tunnel.pause();
    });
    tunnel.once('end', () => this.push(null));
    tunnel.on('error', error => this.destroy(error));
    tunnel.once('close', () => {
      if (!tunnel.readableEnded) this.destroy();
    });
  }
}
