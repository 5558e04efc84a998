import { startEmbeddedPostgres } from '#cli/embedded-postgres.ts';

/** A process that starts the server in the folder given, says so in one line of JSON, and stays until it is killed. */
const server = await startEmbeddedPostgres({ dir: process.argv[2]! });
console.log(JSON.stringify({ port: server.port, password: server.superPassword }));
setInterval(() => {}, 60_000);
