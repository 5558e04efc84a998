import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { type FaultCode, HoldpointError } from '#schemas/errors.ts';
import { bearerTokens } from './bearer.ts';
import { heartbeat, PING_MS } from './heartbeat.ts';
import { SOCKET_OPTIONS, WebSocketStream } from './stream.ts';

/** Not imported: the facade of the module would load Node's whole HTTP client (see cli/dev/start.ts). */
const { STATUS_CODES } = process.getBuiltinModule('node:http');

export const TUNNEL_PATH = '/connect';
/** The answer's header that has the code of the fault: it tells our own 401 and 403 from those of a gateway in front. */
export const FAULT_HEADER = 'holdpoint-fault';
/** Upgrades whose token is being looked at: an issuer that is slow must not let strangers pile up here. */
const MAX_PENDING = 500;

export interface TunnelOptions<Who> {
  /** Whose token this is; `gateway` is what Cloud Run's own check has looked at, if anything. Rejects with HoldpointError: `token_invalid`, `access_denied`, or one of class 58. */
  readonly identify: (token: string, gateway: string | null) => Promise<Who>;
  /** Takes over one connection; `who` is whom the session inside belongs to. */
  readonly accept: (stream: Duplex, address: string, who: Who) => void;
  /** Whether a token may come over this connection only inside TLS. Default: never asked, for servers behind a gateway alone. */
  readonly needsTls?: (socket: Duplex) => boolean;
  readonly log: (message: string, error?: unknown) => void;
  /** For the record. Default: the address of the TCP peer, which behind a gateway is the gateway. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Milliseconds; default 30 s. */
  readonly pingMs?: number;
}

/**
 * The far end of the tunnel: `/connect` on an HTTP server, where one WebSocket is one Postgres connection. The token is in the
 * `Authorization` header and is proven before the upgrade is answered, so that a refusal is an HTTP status that every tool can show.
 * Source: RFC 6455; RFC 6750 for the token.
 */
export class TunnelServer<Who> {
  private readonly options: TunnelOptions<Who>;
  private readonly sockets = new WebSocketServer({
    ...SOCKET_OPTIONS,
    noServer: true,
    clientTracking: false,
  });
  private readonly open = new Set<Duplex>();
  private pending = 0;
  private closing = false;

  constructor(options: TunnelOptions<Who>) {
    this.options = options;
  }

  /** For the HTTP server's `shouldUpgradeCallback`: offers of other protocols (h2c) are ignored, as RFC 9110, 7.8 allows. */
  static wants(request: IncomingMessage): boolean {
    return request.headers.upgrade?.toLowerCase() === 'websocket';
  }

  /** For the HTTP server's 'upgrade' event; answers every one of them. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    this.enter(request, socket, head).catch((error: unknown) => {
      const [status, fault] = answerTo(error);
      if (status === 500) this.options.log('a tunnel could not be opened', error);
      refuse(socket, status, fault);
    });
  };

  /** Answers a plain request for the tunnel's path; false for any other. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (pathOf(request) !== TUNNEL_PATH) return false;
    response.writeHead(426, { upgrade: 'websocket', 'content-type': 'text/plain; charset=utf-8' });
    response.end('This is the tunnel for Postgres connections: use holdpoint connect.\n');
    return true;
  }

  /** Refuses new tunnels and cuts those that are left; call it when their sessions have ended. */
  close(): void {
    this.closing = true;
    for (const stream of this.open) stream.destroy();
  }

  private async enter(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (pathOf(request) !== TUNNEL_PATH)
      throw new Refusal(404, 'there is no tunnel here: its path is /connect');
    if (this.closing) throw new HoldpointError('shutdown');
    // The token is lost already when it came in the clear; whoever set this up learns it from the first connection.
    if (this.options.needsTls?.(socket) === true && !cameOverTls(request))
      throw new HoldpointError('tls_required', 'this tunnel takes tokens over https only');
    const { token, gateway } = bearerTokens(request);
    if (this.pending >= MAX_PENDING) throw new HoldpointError('too_many');
    this.pending += 1;
    const who = await this.options.identify(token, gateway).finally(() => {
      this.pending -= 1;
    });
    if (this.closing) throw new HoldpointError('shutdown');
    const address = (this.options.addressOf ?? peerOf)(request);
    this.sockets.handleUpgrade(request, socket, head, ws => {
      const stream = new WebSocketStream(ws, { halfOpen: true });
      this.open.add(stream);
      stream.once('close', () => this.open.delete(stream));
      stream.on('error', () => {});
      const gone = () => stream.destroy(new Error('the peer of the tunnel does not answer'));
      heartbeat(ws, socket as Socket, this.options.pingMs ?? PING_MS, gone);
      this.options.accept(stream, address, who);
    });
  }
}

/** A refusal that is of HTTP alone. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const STATUS: Partial<Record<FaultCode, number>> = {
  token_invalid: 401,
  access_denied: 403,
  tls_required: 403,
  too_many: 503,
  shutdown: 503,
};

function answerTo(error: unknown): [number, { message: string; code?: FaultCode }] {
  if (error instanceof Refusal) return [error.status, error];
  if (!(error instanceof HoldpointError))
    return [500, { message: 'internal error of the proxy', code: 'internal' }];
  return [STATUS[error.code] ?? (error.sqlstate.startsWith('58') ? 503 : 500), error];
}

function refuse(socket: Duplex, status: number, fault: { message: string; code?: FaultCode }): void {
  if (!socket.writable) return;
  const body = `${fault.message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer realm="holdpoint"'] : []),
    ...(fault.code === undefined ? [] : [`${FAULT_HEADER}: ${fault.code}`]),
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?')[0] ?? '';
}

/** Here or at a gateway in front, which says so in the way that all of them do; Cloud Run's among them. */
function cameOverTls(request: IncomingMessage): boolean {
  const told = [request.headers['x-forwarded-proto']].flat()[0]?.split(',')[0]?.trim();
  return request.socket instanceof TLSSocket || told === 'https';
}

function peerOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}
