import type { Server } from 'node:net';

/** On 127.0.0.1. Rejects with an Error of one sentence that names the option which chooses another port. */
export function listen(server: Server, port: number, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is in use by another program'
          : `cannot be listened on (${error.code})`;
      reject(new Error(`port ${port} ${why}: choose another with ${option}`, { cause: error }));
    });
    server.listen(port, '127.0.0.1', () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

/** Finds out that the agents' port is taken before the database is started. */
export async function probe(port: number): Promise<void> {
  if (port === 0) return;
  const { createServer: createTcp } = await import('node:net');
  const server = createTcp();
  await listen(server, port, '--pg-port');
  await closeServer(server);
}

/** Also of a server that is closed already. */
export function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}

/** Of a server that listens. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}
