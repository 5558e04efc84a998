import { createServer, type Socket } from 'node:net';
import { after } from 'node:test';
import { encode, int32 } from '#proxy/wire/backend.ts';

/** What a script sees of its one client. */
export interface ScriptedClient {
  readonly socket: Socket;
  /** The next `length` bytes. Rejects when the client hangs up first. */
  bytes(length: number): Promise<Buffer>;
  /** A packet without type byte, as the first one is; without its length. */
  packet(): Promise<Buffer>;
  /** Body of the next typed message. */
  message(): Promise<{ type: string; body: Buffer }>;
  send(...frames: readonly Buffer[]): void;
}

export interface ScriptedServer {
  readonly port: number;
  /** Resolves when every client has gone: nothing leaked. */
  allGone(): Promise<void>;
}

const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

/** A server that plays `script` to each client and then waits. What a script throws after its client has gone is expected. */
export async function scriptedServer(
  script: (client: ScriptedClient) => Promise<void>,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const wake of waiting) wake();
    });
    script(clientOf(socket)).catch(error => {
      if (!socket.destroyed && !socket.readableEnded) console.error('script failed:', error);
      socket.destroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    allGone: () => (sockets.size === 0 ? Promise.resolve() : new Promise(resolve => waiting.add(resolve))),
  };
}

function clientOf(socket: Socket): ScriptedClient {
  let buffer = Buffer.alloc(0);
  let wake: () => void = () => {};
  let gone = false;
  socket.on('data', chunk => {
    buffer = Buffer.concat([buffer, chunk as Buffer]);
    wake();
  });
  for (const event of ['end', 'close'] as const)
    socket.on(event, () => {
      gone = true;
      wake();
    });
  const bytes = async (length: number): Promise<Buffer> => {
    while (buffer.length < length) {
      if (gone) throw new Error('the client has gone');
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
    const taken = buffer.subarray(0, length);
    buffer = buffer.subarray(length);
    return taken;
  };
  return {
    socket,
    bytes,
    packet: async () => bytes((await bytes(4)).readInt32BE(0) - 4),
    message: async () => {
      const head = await bytes(5);
      return { type: String.fromCharCode(head[0]!), body: await bytes(head.readInt32BE(1) - 4) };
    },
    send: (...frames) => {
      socket.write(Buffer.concat(frames));
    },
  };
}

/** Frames that servers send during a start-up. */
export const say = {
  auth: (code: number, data: Buffer | string = Buffer.alloc(0)) =>
    encode(0x52, Buffer.concat([int32(code), Buffer.from(data)])),
  sasl: (...mechanisms: string[]) => say.auth(10, `${mechanisms.map(m => `${m}\0`).join('')}\0`),
  parameter: (name: string, value: string) => encode(0x53, name, value),
  key: (pid = 7, key = Buffer.from([1, 2, 3, 4])) => encode(0x4b, int32(pid), key),
  ready: (status = 'I') => encode(0x5a, Buffer.from(status)),
  error: (sqlstate: string, message: string) =>
    encode(0x45, Buffer.from(`SFATAL\0VFATAL\0C${sqlstate}\0M${message}\0\0`)),
};
