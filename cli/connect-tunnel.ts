import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { assertSafeUrl } from '#proxy/identity/keys.ts';
import { heartbeat, PING_MS } from '#proxy/tunnel/heartbeat.ts';
import { FAULT_HEADER, TUNNEL_PATH } from '#proxy/tunnel/server.ts';
import { SOCKET_OPTIONS, WebSocketStream } from '#proxy/tunnel/stream.ts';
import { claimsOf, type Tokens } from './connect-token.ts';

export interface TunnelTarget {
  /** The proxy's address, `https://…`; a path is kept in front of `/connect`. */
  readonly url: string;
  /** For the proxy itself. */
  readonly tokens: Tokens;
  /** For Cloud Run's own check, where that needs another token than the proxy. Default: the same. */
  readonly iamTokens?: Tokens | undefined;
  readonly pingMs?: number;
}

/** Why no tunnel came about; its message is one line for the person who connects. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  /** What a Postgres client is told. */
  readonly sqlstate: string;
  /** As libpq and drivers name faults of the network, for those that look at `code`. */
  readonly code: string;

  constructor(sqlstate: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.sqlstate = sqlstate;
    this.code = sqlstate;
  }
}

const OPEN_MS = 20_000;
const BODY_BYTES = 1_000;
const UNREACHABLE = '08001';
const REFUSED = '28000';

/** The address of the tunnel. Throws an Error when tokens would go over the network in the clear. */
export function tunnelAddress(url: string): string {
  if (!URL.canParse(url)) throw new Error(`${url} is not a URL: https://… is expected`);
  assertSafeUrl(url, '--url');
  const address = new URL(url);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  address.pathname = address.pathname.replace(/\/*$/, TUNNEL_PATH);
  address.search = '';
  address.hash = '';
  return address.href;
}

/**
 * Opens one tunnel: one Postgres connection. Rejects with TunnelError. A token that was kept and is no longer taken is fetched anew once.
 */
export async function openTunnel(target: TunnelTarget): Promise<WebSocketStream> {
  try {
    return await attempt(target);
  } catch (error) {
    if (!(error instanceof TunnelError) || error.sqlstate !== '28P01') throw error;
    target.tokens.forget();
    target.iamTokens?.forget();
    return attempt(target);
  }
}

async function attempt(target: TunnelTarget): Promise<WebSocketStream> {
  const address = tunnelAddress(target.url);
  const [token, iamToken] = await Promise.all([target.tokens.get(), target.iamTokens?.get()]).catch(error => {
    throw new TunnelError(REFUSED, (error as Error).message, error);
  });
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  // Cloud Run looks at this header first, and takes the signature off the token that it has looked at; the other one it then leaves alone.
  if (address.startsWith('wss:')) headers['x-serverless-authorization'] = `Bearer ${iamToken ?? token}`;
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(address, { ...SOCKET_OPTIONS, headers, handshakeTimeout: OPEN_MS });
    const failed = (error: Error) =>
      reject(new TunnelError(UNREACHABLE, unreachable(target.url, error), error));
    ws.on('error', failed);
    ws.on('unexpected-response', (_request, response) => {
      read(response).then(body => {
        reject(refusal(target.url, token, response, body));
        // Nothing was opened: its error would only say that it was closed before.
        ws.terminate();
      }, failed);
    });
    ws.once('upgrade', response => {
      const { socket } = response;
      // Here and not at 'open': the first frames may lie in the same packet as the answer.
      const stream = new WebSocketStream(ws, { halfOpen: false });
      stream.on('error', () => {});
      ws.once('open', () => {
        ws.off('error', failed);
        const gone = () =>
          stream.destroy(
            Object.assign(new Error('the proxy does not answer any more'), { code: 'ECONNRESET' }),
          );
        heartbeat(ws, socket as Socket, target.pingMs ?? PING_MS, gone);
        resolve(stream);
      });
    });
  });
}

function refusal(url: string, token: string, response: IncomingMessage, body: string): TunnelError {
  const { statusCode: status = 0, headers } = response;
  const ours = headers[FAULT_HEADER] !== undefined;
  const said = ours ? (body.split('\n')[0] ?? '') : '';
  switch (status) {
    case 401: {
      if (!ours)
        return new TunnelError(
          '28P01',
          `${url} answered 401 before Holdpoint was asked: its gateway (Cloud Run's IAM) did not accept the token ${audienceOf(token)}; that must be the URL of the service`,
        );
      const wrong = said.includes('audience')
        ? ` (it is ${audienceOf(token)}; --audience asks for another)`
        : '';
      return new TunnelError('28P01', `401: ${said}${wrong}`);
    }
    case 403:
      return new TunnelError(
        '42501',
        ours
          ? `403: ${said}`
          : `${url} answered 403 before Holdpoint was asked: the identity may not call the service (on Cloud Run it needs the role roles/run.invoker)`,
      );
    case 404:
      return new TunnelError(UNREACHABLE, `404: there is no Holdpoint tunnel at ${url}`);
    default:
      return new TunnelError(UNREACHABLE, `${url} answered ${status}${said === '' ? '' : `: ${said}`}`);
  }
}

function audienceOf(token: string): string {
  const aud = claimsOf(token)?.aud;
  return aud === undefined
    ? 'without an audience'
    : `for the audience ${[aud].flat().join(', ').slice(0, 200)}`;
}

async function read(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of response.setEncoding('utf8')) {
    body += part;
    if (body.length > BODY_BYTES) break;
  }
  return body.slice(0, BODY_BYTES);
}

function unreachable(url: string, error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const why: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'its name cannot be looked up now',
    ETIMEDOUT: 'it does not answer',
    ECONNRESET: 'the connection was reset',
  };
  const known = code === undefined ? undefined : why[code];
  return `${url} cannot be reached: ${known ?? error.message.split('\n')[0]}`;
}
