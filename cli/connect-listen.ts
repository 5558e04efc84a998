import { existsSync, statSync, unlinkSync } from 'node:fs';
import { createServer, connect as dial, isIP, type ListenOptions, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { refuseClient } from './connect-refuse.ts';
import { openTunnel, TunnelError, type TunnelTarget } from './connect-tunnel.ts';

export interface Listening {
  /** `127.0.0.1:5432` or the path of the socket. */
  readonly at: string;
  /** Takes no more connections and cuts those that are open. */
  close(): Promise<void>;
}

/**
 * The near end: one tunnel for each connection that comes in at `listen`, a loopback `host:port` or a directory for a Unix socket.
 * Whoever can connect there is the agent, so no other address is taken, and the socket is for this user alone. Rejects with an Error of
 * one line.
 */
export async function listenForClients(
  listen: string,
  target: TunnelTarget,
  log: (line: string) => void,
): Promise<Listening> {
  const clients = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, noDelay: true }, client => {
    clients.add(client);
    client.on('error', () => client.destroy());
    client.once('close', () => clients.delete(client));
    void serve(client, target, log);
  });
  const where = parseListen(listen);
  if ('path' in where) await clearStale(where.path!);
  await bound(server, where, listen);
  const address = server.address();
  const at =
    address === null || typeof address === 'string' ? where.path! : `${hostOf(address)}:${address.port}`;
  return {
    at,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const client of clients) client.destroy();
      }),
  };
}

async function serve(client: Socket, target: TunnelTarget, log: (line: string) => void): Promise<void> {
  try {
    const tunnel = await openTunnel(target);
    if (client.destroyed) {
      tunnel.destroy();
      return;
    }
    tunnel.on('error', error => {
      log(error.message);
      client.destroy();
    });
    tunnel.once('close', () => client.end());
    client.once('close', () => tunnel.end());
    client.pipe(tunnel).pipe(client);
  } catch (error) {
    const { sqlstate, message } =
      error instanceof TunnelError ? error : { sqlstate: '08001', message: (error as Error).message };
    log(message);
    await refuseClient(client, sqlstate, `holdpoint connect: ${message}`);
  }
}

function parseListen(listen: string): ListenOptions {
  if (listen.includes('/')) {
    const file = /(?:^|\/)\.s\.PGSQL\.[0-9]+$/.test(listen);
    return { path: file ? listen : join(listen, '.s.PGSQL.5432') };
  }
  const parts = /^(?:(.+):)?([0-9]{1,5})$/.exec(listen);
  const host = (parts?.[1] ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  const port = Number(parts?.[2] ?? Number.NaN);
  if (!(port <= 65_535)) throw new Error(`--listen ${listen} is neither host:port nor a directory`);
  const loopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (!loopback)
    throw new Error(`--listen ${listen} is not on loopback: whoever can connect there would be this agent`);
  return { host, port };
}

/** Takes away the socket that a process has left which is no more; leaves any that is listened on. */
async function clearStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!statSync(path).isSocket()) throw new Error(`${path} is there and is not a socket`);
  const live = await new Promise<boolean>(resolve => {
    const probe = dial({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
  if (live) throw new Error(`${path} is in use by another program`);
  unlinkSync(path);
}

function bound(server: Server, where: ListenOptions, listen: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is in use by another program'
          : `cannot be listened on (${error.code})`;
      reject(new Error(`--listen ${listen} ${why}`, { cause: error }));
    });
    const before = process.umask(0o177);
    try {
      server.listen(where, () => {
        server.removeAllListeners('error');
        resolve();
      });
    } finally {
      // The socket is made before listen() returns.
      process.umask(before);
    }
  });
}

function hostOf({ address, family }: { address: string; family: string }): string {
  return family === 'IPv6' ? `[${address}]` : address;
}
