import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** A refusal with a gRPC code, as the real service would give it. */
export class GrpcRefusal extends Error {
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

/** Methods of one service: request in, answer out, both as plain objects. They may throw GrpcRefusal, or take their time. */
export type Methods = Readonly<Record<string, (request: Record<string, unknown>) => unknown>>;

/**
 * A gRPC server on 127.0.0.1 for one of Google's services, from the descriptor that its own client library ships, so that the real client
 * talks to it over the real wire.
 */
export async function startGrpcService(
  library: string,
  service: string,
  methods: Methods,
): Promise<{ readonly host: string; stop(): void }> {
  const main = createRequire(import.meta.url).resolve(library);
  const descriptor = createRequire(import.meta.url)(join(dirname(main), '..', 'protos', 'protos.json'));
  const definition = fromJSON(descriptor, { longs: String, enums: String, bytes: Buffer, defaults: false });
  const path = service.split('.');
  let node: unknown = grpc.loadPackageDefinition(definition);
  for (const name of path) node = (node as Record<string, unknown>)[name];
  const { service: methodsOf } = node as grpc.ServiceClientConstructor;

  const server = new grpc.Server();
  server.addService(
    methodsOf,
    Object.fromEntries(
      Object.entries(methods).map(([name, answer]) => [
        name,
        (
          call: grpc.ServerUnaryCall<Record<string, unknown>, unknown>,
          reply: grpc.sendUnaryData<unknown>,
        ) => {
          Promise.resolve()
            .then(() => answer(call.request))
            .then(
              value => reply(null, value),
              (error: unknown) => {
                if (error instanceof GrpcRefusal) reply({ code: error.code, message: error.message });
                else reply({ code: grpc.status.INTERNAL, message: String(error) });
              },
            );
        },
      ]),
    ),
  );
  const port = await new Promise<number>((done, failed) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? done(bound) : failed(error),
    );
  });
  return { host: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
