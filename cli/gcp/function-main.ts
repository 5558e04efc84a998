import type { AddressInfo } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';

/**
 * One function in a process of its own: `function-main.ts NAME PORT`. The framework's own command listens on every interface of the machine;
 * this one serves 127.0.0.1, and says the port that it got.
 */
const [, , name = '', port = '0'] = process.argv;
process.env.FUNCTION_TARGET = name;
await import('#functions/main.ts');
const server = getTestServer(name);
server.listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port }));
});
process.on('SIGTERM', () => process.exit(0));
