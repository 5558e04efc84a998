import assert from 'node:assert/strict';
import { type Gate, startGate } from '#test/session/support.ts';
import { type Finished, type ProgramOptions, runProgram } from '#test/support/psql.ts';

/** Judged, recorded and allowed: what a client program does must not look other than at the server itself. */
const ALLOW_ALL = `
  - name: all
    verdict: allow
  - name: unknown
    match: { effects: { unknown: true } }
    verdict: allow
`;

export function startAllowAll(settings: Readonly<Record<string, string>> = {}): Promise<Gate> {
  return startGate(ALLOW_ALL, { settings });
}

/** Runs a client program, which finds its server by libpq's variables. */
export function runClient(
  file: string,
  args: readonly string[],
  at: { port: number; password: string; database?: string; user?: string },
  options: ProgramOptions = {},
): Promise<Finished> {
  return runProgram(file, args, {
    deadlineMs: 60_000,
    ...options,
    env: {
      PGHOST: '127.0.0.1',
      PGPORT: `${at.port}`,
      PGUSER: at.user ?? 'agent',
      PGDATABASE: at.database ?? 'shop',
      PGPASSWORD: at.password,
      PGSSLMODE: 'disable',
      TZ: 'UTC',
      ...options.env,
    },
  });
}

/**
 * Runs a client program straight at the server and through the proxy: the same lines, to the last one. A program prints what it did,
 * says `did NOT fail` where something had to, and comes to its end; gives its lines for a closer look.
 */
export async function sameAsDirect(
  gate: Gate,
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string[]> {
  const straight = await runClient(file, args, { port: gate.db.port, password: 'agent-secret' }, options);
  assert.equal(straight.code, 0, `straight at the server: ${straight.stdout}${straight.stderr}`);
  assert.doesNotMatch(straight.stdout, /did NOT fail/);
  const before = await events(gate);
  const through = await runClient(file, args, { port: gate.dev.pgPort, password: gate.token }, options);
  const lines = straight.stdout.trimEnd().split('\n');
  assert.deepEqual(through.stdout.trimEnd().split('\n'), lines, through.stderr);
  assert.equal(through.code, 0, through.stderr);
  assert.ok(
    (await events(gate)) > before,
    'nothing of it is in the record: did it go through the proxy at all?',
  );
  return lines;
}

async function events(gate: Gate): Promise<number> {
  const sessions = await gate.dev.json<{ statements: number }[]>('audit', 'sessions');
  return sessions.reduce((sum, session) => sum + session.statements, 0);
}
