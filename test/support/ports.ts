import { createServer } from 'node:net';

const given = new Set<number>();

/** A port on 127.0.0.1 that nobody listens on now, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => {
          if (typeof address === 'object' && address !== null) resolve(address.port);
          else reject(new Error('the server listened on no port'));
        });
      });
    });
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
