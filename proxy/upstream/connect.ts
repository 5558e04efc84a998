import type { Socket } from 'node:net';
import { BACKEND, decodeFields, decodeParameterStatus } from '#proxy/wire/backend.ts';
import { authenticate, type Identity } from './authenticate.ts';
import { withinDeadline } from './deadline.ts';
import { dial, type Endpoint } from './dial.ts';
import { body, Exchange } from './exchange.ts';
import { refusedByServer, settingRefused, unavailable } from './faults.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface UpstreamOptions extends Endpoint, Identity {
  readonly database: string;
  /** In order, of which the server takes each: the start-up parameters that the client may set. `user`, `database`, `options`, `replication` and `_pq_.…` are not among them. */
  readonly parameters: Iterable<readonly [string, string]>;
  /** The agent has asked for these parameters, and is told what the server says of them. */
  readonly asked?: boolean;
  /** Milliseconds for everything, from the first packet to ReadyForQuery. */
  readonly deadlineMs: number;
  /** Gives up at once, for when the agent has gone. */
  readonly signal?: AbortSignal | undefined;
}

export interface UpstreamConnection {
  /** Paused. Attach listeners, then `resume()`. It has one listener for 'error' that does nothing; 'close' always follows. */
  readonly socket: Socket;
  /** What the socket reads into, where it says so: nothing is used twice before `unneeded` is set. */
  readonly reads: ReadBuffers | null;
  /** What the server reported: server_version, client_encoding, standard_conforming_strings, … */
  readonly parameters: Map<string, string>;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly serverVersion: string;
  /** The fields of what it had to say about this session. */
  readonly notices: readonly [string, string][][];
  /** What came behind ReadyForQuery in the same chunk: belongs before anything that the socket gives. Nearly always empty. */
  readonly trailing: Buffer;
}

const PROTOCOL_3_0 = 196_608;
const IDLE = 0x49;
/** MAX_STARTUP_PACKET_LENGTH of the server. */
const LONGEST_PACKET = 10_000;
/** Postgres reports some fifteen parameters; an endless list is an attack. */
const MOST_MESSAGES = 500;

/**
 * Opens a session on the target: TCP, TLS, start-up, authentication, up to ReadyForQuery.
 * Rejects with HoldpointError `upstream_unavailable`, inside the deadline, with no socket left open. Neither its message nor its
 * detail nor its cause ever hold the password. Source: PostgreSQL manual 54.2.1 "Start-up".
 */
export function connectUpstream(options: UpstreamOptions): Promise<UpstreamConnection> {
  return withinDeadline(options.deadlineMs, options.signal, async own => {
    const packet = startupPacket(options);
    const { socket, certificate, reads } = await dial(options, own);
    const exchange = new Exchange(socket);
    await exchange.send(packet);
    await authenticate(exchange, options, { certificate, verified: options.tls === 'verify-full' });
    const session = await untilReady(exchange, options);
    const trailing = exchange.release();
    const serverVersion = session.parameters.get('server_version') ?? '';
    return { socket, reads, ...session, serverVersion, trailing };
  });
}

/** Refused here, where all start-ups pass: a zero byte would begin another parameter, and `replication` another protocol. */
function startupPacket(options: UpstreamOptions): Buffer {
  const pairs = [['user', options.user], ['database', options.database], ...options.parameters];
  for (const [name] of options.parameters)
    if (
      name === '' ||
      name === 'user' ||
      name === 'database' ||
      name === 'options' ||
      name === 'replication' ||
      name.startsWith('_pq_.')
    )
      throw unavailable("a start-up parameter is not the client's to set");
  const parts = pairs.flat();
  if (parts.some(part => part.includes('\0'))) throw unavailable('a start-up parameter holds a zero byte');
  if (options.user === '' || options.database === '')
    throw unavailable('the target names no user or no database');
  const text = Buffer.from(`${parts.join('\0')}\0\0`, 'utf8');
  const packet = Buffer.alloc(8 + text.length);
  if (packet.length > LONGEST_PACKET) throw unavailable('the start-up parameters are too long');
  packet.writeInt32BE(packet.length, 0);
  packet.writeInt32BE(PROTOCOL_3_0, 4);
  text.copy(packet, 8);
  return packet;
}

type Session = Pick<UpstreamConnection, 'parameters' | 'processId' | 'secretKey' | 'notices'>;

async function untilReady(exchange: Exchange, options: UpstreamOptions): Promise<Session> {
  const parameters = new Map<string, string>();
  const notices: [string, string][][] = [];
  let processId = 0;
  let secretKey: Buffer = Buffer.alloc(0);
  for (let count = 0; count < MOST_MESSAGES; count++) {
    const message = await exchange.receive();
    const { type, buffer, start, end } = message;
    if (type === BACKEND.parameterStatus) {
      const { name, value } = decodeParameterStatus(buffer, start, end);
      parameters.set(name, value);
    } else if (type === BACKEND.backendKeyData) {
      const reader = body(message);
      processId = reader.int32('process id');
      // 4 bytes in protocol 3.0; some servers send more all the same.
      if (reader.left < 4 || reader.left > 256) throw unavailable('the server sent an impossible cancel key');
      secretKey = Buffer.from(reader.bytes(reader.left, 'cancel key'));
    } else if (type === BACKEND.readyForQuery) {
      if (end - start !== 6 || buffer[start + 5] !== IDLE)
        throw unavailable('the server is ready, but not idle');
      return { parameters, processId, secretKey, notices };
    } else if (type === BACKEND.error) {
      const fields = decodeFields(buffer, start, end);
      const { password, weakAuth } = options;
      const secrecy = { password, told: weakAuth.includes('cleartext') };
      throw (options.asked === true && settingRefused(fields, secrecy)) || refusedByServer(fields, secrecy);
    } else if (type === BACKEND.notice) {
      notices.push(decodeFields(buffer, start, end, 'latin1'));
    } else {
      throw unavailable('the server sent something that has no place in a start-up');
    }
  }
  throw unavailable('the server never came to the end of its start-up');
}
