import { connect, createServer } from 'node:net';

/**
 * `node bench/pipe.ts UPSTREAM_PORT`: the least that a proxy on Node can do, two sockets tied together without looking. What it
 * costs is the floor for every proxy on Node. Prints its port.
 */
const upstreamPort = Number(process.argv[2]);

const server = createServer({ noDelay: true }, client => {
  const upstream = connect({ port: upstreamPort, host: '127.0.0.1', noDelay: true });
  client.pipe(upstream);
  upstream.pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(address.port);
});
