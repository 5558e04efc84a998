import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { connectUpstream, type UpstreamOptions } from '#proxy/upstream/connect.ts';
import { HoldpointError } from '#schemas/errors.ts';

export const SECRET = 'correct-horse-battery-5taple';

export function optionsFor(port: number, more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  return {
    host: '127.0.0.1',
    port,
    tls: 'disable',
    user: 'app',
    database: 'shop',
    password: SECRET,
    parameters: new Map(),
    weakAuth: [],
    deadlineMs: 5_000,
    ...more,
  };
}

/** Expects a refusal and gives it; no part of it, however deep, may hold the password. */
export async function refusal(options: UpstreamOptions): Promise<HoldpointError> {
  const error = await connectUpstream(options).then(
    ({ socket }) => {
      socket.destroy();
      return assert.fail('connected, but a refusal was expected');
    },
    (error: unknown) => error,
  );
  assert.ok(error instanceof HoldpointError, `not a HoldpointError: ${inspect(error)}`);
  assert.equal(error.code, 'upstream_unavailable');
  if (options.password !== null) {
    const shown = inspect(error, { depth: 20, showHidden: true });
    assert.ok(!shown.includes(options.password), `the password is in the error: ${shown}`);
  }
  return error;
}
