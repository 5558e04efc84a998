import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runClient } from '#test/clients/same-as-direct.ts';
import type { Pair, Way } from '#test/differential/pair.ts';
import type { Finished } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

export const SCRIPTS = join(import.meta.dirname, 'scripts');

/** Runs the same command lines on both ways, each in a folder of its own, and compares all that they say. */
export interface Both {
  /** The folders where the programs run, of the direct way and the other. */
  readonly folders: readonly [string, string];
  /** A shell's line, so that both outputs come in the order in which they were written. Gives what was said; its exit code has to be `code`. */
  run(line: string, options?: RunOptions): Promise<string>;
}

export interface RunOptions {
  /** Default 0. */
  readonly code?: number;
  /** Takes away what differs by itself, such as a port or a time. */
  readonly without?: (said: string) => string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function both(pair: Pair): Both {
  const root = tempDir('psql');
  const [direct, proxied] = ['direct', 'proxied'].map(name => {
    mkdirSync(join(root, name));
    return join(root, name);
  });
  const folders = [direct!, proxied!] as const;
  return {
    folders,
    async run(line, { code = 0, without = (said: string) => said, env = {} } = {}) {
      const one = (way: Way, cwd: string): Promise<Finished> =>
        runClient('sh', ['-c', `exec 2>&1; ${line}`], way, { cwd, env });
      const [straight, through] = await Promise.all([one(pair.direct, direct!), one(pair.proxied, proxied!)]);
      assert.equal(straight.code, code, `straight at the server: ${straight.stdout}`);
      assert.deepEqual(without(through.stdout).split('\n'), without(straight.stdout).split('\n'), line);
      assert.equal(through.code, code);
      return straight.stdout;
    },
  };
}
