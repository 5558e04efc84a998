import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditBody, AuditEvent } from '#schemas/audit.ts';
import { runClient } from '#test/clients/same-as-direct.ts';
import type { Dev } from '#test/support/dev.ts';
import { lacks } from '#test/support/psql.ts';
import { NODE } from './connect.ts';

/** One statement that a driver has sent of itself, as the record has it. */
export interface Asked {
  readonly text: string;
  readonly verdict: string;
  readonly rule: string;
}

/** How to have a driver connect, ask for one row in a transaction and leave. */
export interface Driver {
  readonly name: string;
  /** What the program does besides. */
  readonly does: string;
  /** False, or why it cannot be run here. */
  readonly lacks: false | string;
  readonly run: (dev: Dev, token: string) => Promise<void>;
}

const CLIENTS = join(import.meta.dirname, '..');
const PYTHON = join(CLIENTS, 'python', '.venv', 'bin', 'python');
const JDBC = join(CLIENTS, 'java', 'lib');

const noPython = existsSync(PYTHON) ? false : 'the Python drivers are not installed: .ci/run does that';
const noJava =
  lacks('javac') || (existsSync(JDBC) ? false : 'the JDBC driver is not there: .ci/run fetches it');

const TRANSACTION = 'a connection, one row in a transaction';

export const DRIVERS: readonly Driver[] = [
  program('psql 15', 'a connection, and `\\d customers`', noPsql(), 'psql', [
    ...['-X', '-q', '-c', "select 'it works'", '-c', '\\d customers'],
  ]),
  node('node-postgres', 'pg', `in a pool ${TRANSACTION}`),
  node('postgres.js', 'postgres', TRANSACTION),
  node('Kysely on node-postgres', 'kysely', `${TRANSACTION}, and \`introspection.getTables()\``),
  node('Drizzle on node-postgres', 'drizzle', TRANSACTION),
  python('psycopg 3', 'psycopg3', `${TRANSACTION}, and \`TypeInfo.fetch\` for a type of the application`),
  python('psycopg2', 'psycopg2', `${TRANSACTION}, and what \`register_hstore\` looks up`),
  python(
    'asyncpg',
    'asyncpg',
    `in a pool ${TRANSACTION}, a type codec, and a result with a type of the application`,
  ),
  python('SQLAlchemy on psycopg', 'sqlalchemy', `${TRANSACTION}, and an inspector's tables and columns`),
  python(
    'SQLAlchemy on psycopg2',
    'sqlalchemy_psycopg2',
    `${TRANSACTION}, and an inspector's tables and columns`,
  ),
  python('SQLAlchemy on asyncpg', 'sqlalchemy_async', TRANSACTION),
  python('Django on psycopg', 'django', `${TRANSACTION}, and \`inspectdb\` of a table`),
  go('pgx', 'pgx', `${TRANSACTION}, and \`LoadType\` for a type of the application`),
  go('lib/pq', 'pq', TRANSACTION),
  go('GORM on pgx', 'gorm', `${TRANSACTION}, and a migrator's tables and columns`),
  program('pgjdbc', `${TRANSACTION}, \`isValid\`, and the metadata of a table's columns`, noJava, 'java', [
    ...[
      '-XX:TieredStopAtLevel=1',
      '-cp',
      globSync(join(JDBC, '*.jar')).join(':'),
      join(CLIENTS, 'java', 'Connect.java'),
    ],
  ]),
];

/** Each version asks the catalog in its own words. */
function noPsql(): false | string {
  const found = lacks('psql') || execFileSync('psql', ['--version'], { encoding: 'utf8' }).trim();
  return /\) 15\./.test(found) ? false : `the page tells of psql 15, and here is: ${found}`;
}

function node(name: string, module: string, does: string): Driver {
  const run = (dev: Dev, token: string) => NODE[module]!(dev.url(token));
  return { name, does, lacks: false, run };
}

function python(name: string, module: string, does: string): Driver {
  return program(name, does, noPython, PYTHON, [join(import.meta.dirname, 'connect.py'), module]);
}

function go(name: string, module: string, does: string): Driver {
  const here = { cwd: join(CLIENTS, 'go'), env: goEnvironment() };
  return program(name, does, lacks('go'), 'go', ['run', './connect', module], here);
}

/** Go looks for its cache under HOME, and for modules where the machine's settings say. */
function goEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => /^(HOME$|PATH$|GO|XDG_)/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

function program(
  name: string,
  does: string,
  lacking: false | string,
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Driver {
  const run = async (dev: Dev, token: string) => {
    const at = { port: dev.pgPort, password: token };
    const { code, stderr } = await runClient(file, args, at, { deadlineMs: 240_000, ...options });
    assert.equal(code, 0, stderr);
  };
  return { name, does, lacks: lacking, run };
}

/** Has a driver connect, and reads from the record what it has sent, the same text once. */
export async function askedBy(driver: Driver, dev: Dev, token: string): Promise<Asked[]> {
  const before = new Set(await sessions(dev));
  await driver.run(dev, token);
  const asked = new Map<string, Asked>();
  const after = (await sessions(dev)).filter(session => !before.has(session));
  assert.ok(after.length > 0, 'no session of it is in the record: did it go through the proxy at all?');
  for (const session of after.toReversed()) {
    const { events } = await get<{ events: AuditEvent[] }>(dev, `/api/sessions/${session}?from=0`);
    for (const event of events) {
      if (event.kind !== 'statement') continue;
      const { text, verdict, rule } = event.body as AuditBody<'statement'>;
      const said = text.replaceAll(/\s+/g, ' ').trim();
      if (!/'it works'/.test(said)) asked.set(said, { text: said, verdict, rule });
    }
  }
  return [...asked.values()];
}

async function sessions(dev: Dev): Promise<string[]> {
  const all = await get<{ session: string }[]>(dev, '/api/sessions');
  return all.map(({ session }) => session);
}

async function get<T>(dev: Dev, path: string): Promise<T> {
  const response = await fetch(`${dev.ready.http}${path}`);
  assert.ok(response.ok, `${path}: ${response.status}`);
  return (await response.json()) as T;
}
