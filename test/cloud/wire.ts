import { connect, createServer, type Socket } from 'node:net';

/** A network in between, for faults. `silent`: connections are there, and nothing comes through any more. */
export type Weather = 'clear' | 'down' | 'silent';

export interface Wire {
  readonly host: string;
  /** Cuts what is open when it goes down; what was silent is delivered when it is clear again. */
  set(weather: Weather): void;
  /** Milliseconds that each chunk takes, either way. */
  delayMs: number;
  stop(): void;
}

/** A TCP connection to `target` (`127.0.0.1:port`) with weather. */
export async function startWire(target: string): Promise<Wire> {
  const [host, port] = target.split(':');
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let weather: Weather = 'clear';
  const server = createServer(near => {
    if (weather === 'down') {
      near.destroy();
      return;
    }
    const far = connect(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.on('data', chunk => {
        const pass = () => {
          if (!to.destroyed) to.write(chunk);
        };
        if (weather === 'silent') waiting.push(pass);
        else if (wire.delayMs > 0) setTimeout(pass, wire.delayMs);
        else pass();
      });
    }
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const wire: Wire = {
    host: `127.0.0.1:${address.port}`,
    delayMs: 0,
    set(next) {
      weather = next;
      if (next === 'down') {
        waiting.length = 0;
        for (const socket of open) socket.destroy();
      } else if (next === 'clear') for (const pass of waiting.splice(0)) pass();
    },
    stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  return wire;
}
