import { after } from 'node:test';

// A runner that loses patience sends SIGTERM, which by default skips the `exit` handlers that end our servers.
process.once('SIGTERM', () => process.exit(143));

const LINGER_MS = 60_000;

// A test that fails may leave a socket open, and a file that waits for it for ever says nothing. Outside a test run (the
// benchmark uses these helpers too) node:test is not to be woken.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  after(() => {
    setTimeout(() => void giveUp(), LINGER_MS).unref();
  });
}

const pending = new Set<() => Promise<unknown>>();
let quiet = 0;

/**
 * Runs something once all tests and hooks of this file are through, in whatever hook or test it was asked for. node:test's `after`
 * cannot do this: inside `before` it belongs to that hook alone, and at the top it runs ahead of those registered later, which
 * may still need the server that it would stop.
 */
export function beforeEnd(finish: () => Promise<unknown>): void {
  if (pending.size === 0) process.on('beforeExit', step);
  pending.add(finish);
}

/** `beforeExit` comes whenever nothing is left to do; node:test works on it too, so only the second time in a row counts. */
function step(): void {
  quiet += 1;
  if (quiet < 2) {
    setImmediate(() => {});
    return;
  }
  process.removeListener('beforeExit', step);
  const all = [...pending].reverse();
  pending.clear();
  void finishAll(all);
}

async function giveUp(): Promise<void> {
  console.error(
    'all tests are done, and something keeps the process:',
    process.getActiveResourcesInfo().join(', '),
  );
  const all = [...pending].reverse();
  pending.clear();
  await finishAll(all);
  process.exit(1);
}

async function finishAll(all: (() => Promise<unknown>)[]): Promise<void> {
  for (const finish of all) {
    try {
      await finish();
    } catch (error) {
      console.error('cleaning up after the tests:', error);
      process.exitCode = 1;
    }
  }
}
