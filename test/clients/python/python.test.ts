import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sameAsDirect, startAllowAll } from '#test/clients/same-as-direct.ts';
import type { Gate } from '#test/session/support.ts';

const HERE = import.meta.dirname;
/** Made by `.ci/run` from requirements.txt. */
const PYTHON = join(HERE, '.venv', 'bin', 'python');
const skip = existsSync(PYTHON) ? false : 'the Python drivers are not installed: .ci/run does that';

let gate: Gate;
before(async () => {
  if (skip === false) gate = await startAllowAll({ max_prepared_transactions: '4' });
});

/** Each program's last words, and how many lines it has at least: one that stops early says less. */
const PROGRAMS = [
  { file: 'psycopg3.py', lines: 200, last: /^parameters: 'a client'/ },
  { file: 'psycopg3_messages.py', lines: 10_000, last: /^done$/ },
  { file: 'psycopg3_sessions.py', lines: 36, last: /^done:/ },
  { file: 'psycopg3_async.py', lines: 14, last: /^named cursor: / },
  { file: 'psycopg2_work.py', lines: 36, last: /^asynchronous: 42/ },
  { file: 'asyncpg_work.py', lines: 70, last: /^without a cache: / },
  { file: 'sqlalchemy_work.py', lines: 40, last: /^session: 7/ },
];

for (const { file, lines, last } of PROGRAMS)
  test(`${file}: line by line as without the proxy`, { skip }, async () => {
    const said = await sameAsDirect(gate, PYTHON, [join(HERE, file)], { cwd: HERE, deadlineMs: 240_000 });
    assert.ok(said.length >= lines, `only ${said.length} lines`);
    assert.match(said.at(-1)!, last);
  });
