import { isIP, type Socket, connect as tcp } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext, connect as tls } from 'node:tls';
import { int32 } from '#proxy/wire/backend.ts';
import type { Target } from '#schemas/policy.ts';
import type { Own } from './deadline.ts';
import { unavailable } from './faults.ts';
import { ReadBuffers } from './read-buffers.ts';

/** Where a server is, and how it proves itself. */
export interface Endpoint {
  /** A name, an address, or the directory of a Unix socket when it starts with '/'. */
  readonly host: string;
  readonly port: number;
  /** `verify-ca` verifies the chain and not the name. `require` encrypts; it verifies the chain only when `ca` is given, and never the name. A Unix socket never has TLS, as in libpq. */
  readonly tls: Target['tls'];
  /** `direct`: TLS begins without SSLRequest (`sslnegotiation=direct` of libpq). */
  readonly negotiation?: Target['tlsNegotiation'];
  /** Shown to a server that asks for one. */
  readonly client?: ClientCertificate | undefined;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
}

/** PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Line {
  readonly socket: Socket;
  /** DER of the server's certificate; null without TLS. */
  readonly certificate: Buffer | null;
  /** What the socket reads into; null with TLS, whose socket has its own. */
  readonly reads: ReadBuffers | null;
}

const SSL_REQUEST = int32(8, 80877103);
const KEEP_ALIVE_MS = 60_000;
/** Node moves on to the next address of a name after 250 ms: too soon for a database in another region. */
const NEXT_ADDRESS_MS = 1_500;
const YES = 0x53;
const NO = 0x4e;

/** Opens TCP or a Unix socket and TLS on it where asked for. Every socket is given to `own` before anything can fail. */
export async function dial(endpoint: Endpoint, own: Own): Promise<Line> {
  const local = endpoint.host.startsWith('/');
  const reads = local || endpoint.tls === 'disable' ? new ReadBuffers() : null;
  const onread = reads === null ? {} : { onread: into(reads, bytes => socket.emit('data', bytes)) };
  const socket: Socket = local
    ? tcp({ path: `${endpoint.host}/.s.PGSQL.${endpoint.port}`, ...onread })
    : tcp({
        ...onread,
        host: endpoint.host,
        port: endpoint.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
      });
  own(socket);
  // An 'error' event that nobody listens to would end the process; 'close' always follows and is what everyone waits for.
  socket.on('error', () => {});
  await happens(socket, 'connect');
  if (reads !== null) return { socket, certificate: null, reads };
  if (endpoint.negotiation !== 'direct') await agreeOnTls(socket);
  return secure(socket, endpoint, own);
}

/** As `net` wants it; who reads gets the bytes as the 'data' events that it would get otherwise. */
function into(reads: ReadBuffers, data: (bytes: Buffer) => void) {
  return {
    buffer: () => reads.next(),
    callback: (length: number, memory: Uint8Array) => {
      reads.filled(length);
      data(Buffer.from(memory.buffer, memory.byteOffset, length));
      return true;
    },
  };
}

/**
 * SSLRequest and its one-byte answer. More than one byte means that somebody put bytes in front of the TLS handshake, which would
 * later be read as if the verified server had sent them (CVE-2021-23222). Source: manual 54.2.10 "SSL Session Encryption".
 */
async function agreeOnTls(socket: Socket): Promise<void> {
  const answer = happens(socket, 'data');
  socket.write(SSL_REQUEST);
  const bytes = await answer;
  socket.pause();
  if (!Buffer.isBuffer(bytes) || bytes.length !== 1 || socket.readableLength > 0)
    throw unavailable('the server sent bytes in the clear behind its answer to SSLRequest');
  if (bytes[0] === NO) throw unavailable('the server does not offer TLS, which the policy asks for');
  // An ErrorResponse at this point is not authenticated, so its text is not passed on (CVE-2024-10977).
  if (bytes[0] !== YES) throw unavailable('the server did not answer SSLRequest with S or N');
}

async function secure(raw: Socket, endpoint: Endpoint, own: Own): Promise<Line> {
  const { host } = endpoint;
  const named = endpoint.tls === 'verify-full';
  const socket = tls({
    socket: raw,
    secureContext: contextOf(endpoint),
    host,
    // SNI carries names only (RFC 6066).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: endpoint.tls !== 'require' || endpoint.ca !== undefined,
    checkServerIdentity: (_, certificate) => (named ? checkServerIdentity(host, certificate) : undefined),
    // Keeps the handshake from being replayed to another kind of server; those before Postgres 17 ignore it.
    ALPNProtocols: ['postgresql'],
  });
  own(socket);
  socket.on('error', () => {});
  try {
    await happens(socket, 'secureConnect');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw unavailable(`TLS with the server failed${code}`, error);
  }
  const certificate = socket.getPeerX509Certificate()?.raw;
  if (certificate === undefined) throw unavailable('the server showed no certificate');
  if (socket.alpnProtocol && socket.alpnProtocol !== 'postgresql')
    throw unavailable('the server chose another application protocol');
  // Without SSLRequest nothing but this says that the other end speaks Postgres at all; libpq refuses the same.
  if (endpoint.negotiation === 'direct' && !socket.alpnProtocol)
    throw unavailable('direct TLS needs a server that knows the application protocol postgresql');
  return { socket, certificate, reads: null };
}

function contextOf({ ca, client }: Endpoint): SecureContext {
  try {
    return createSecureContext({ minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }), ...client });
  } catch (cause) {
    // Whose fault it is cannot be told apart; neither text has anything of the key in it.
    const what = client === undefined ? "the authority's certificate" : 'the client certificate or its key';
    throw unavailable(`${what} cannot be used`, cause);
  }
}

/** The next event of this name; rejects with the socket's error, or when it closes first. */
export function happens(socket: Socket, event: 'connect' | 'secureConnect' | 'data'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      socket.off(event, arrived).off('error', failed).off('close', closed);
      settle();
    };
    const arrived = (value: unknown) => done(() => resolve(value));
    const failed = (error: Error) => done(() => reject(error));
    const closed = () => done(() => reject(unavailable('the server closed the connection')));
    socket.on(event, arrived).on('error', failed).on('close', closed);
  });
}
