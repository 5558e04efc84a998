import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { type Gate, startGate } from '#test/session/support.ts';
import { waitFor } from '#test/support/wait-for.ts';

test('a database that agents have used and left can be dropped and made anew, as behind a direct connection', async () => {
  const gate = await startGate('  - { name: all, verdict: allow }\n');
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await asAgent(gate, "select 1 from pg_class where relname = 'made'"), []);
    await asAgent(gate, 'create table made (id int)');
    await waitFor(() => dropped(gate), { what: 'nobody uses the database any more', deadlineMs: 60_000 });
    await gate.db.query('create database shop owner agent template template0');
  }
});

async function asAgent(gate: Gate, sql: string): Promise<unknown[]> {
  const agent = new pg.Client(gate.dev.url(gate.token));
  await agent.connect();
  try {
    return (await agent.query(sql)).rows;
  } finally {
    await agent.end();
  }
}

/** The server itself waits five seconds for others to leave. */
async function dropped(gate: Gate): Promise<boolean> {
  try {
    await gate.db.query('drop database shop');
    return true;
  } catch (error) {
    assert.match(String(error), /is being accessed by other users/);
    return false;
  }
}

test('a database that takes no connections, or no more, is refused in the words of the server', async () => {
  const gate = await startGate('  - { name: all, verdict: allow }\n');
  const refused = async (change: string) => {
    await gate.db.query(change);
    const agent = new pg.Client(gate.dev.url(gate.token));
    const error = await agent.connect().then(
      () => assert.fail('the session opens'),
      (fault: pg.DatabaseError) => fault,
    );
    return { code: error.code, message: error.message, routine: error.routine };
  };
  assert.deepEqual(await refused('alter database shop allow_connections false'), {
    code: '55000',
    message: 'database "shop" is not currently accepting connections',
    routine: 'CheckMyDatabase',
  });
  assert.deepEqual(
    await refused('alter database shop allow_connections true; alter database shop connection limit 0'),
    { code: '53300', message: 'too many connections for database "shop"', routine: 'CheckMyDatabase' },
  );
  assert.deepEqual(
    await refused(
      'alter database shop connection limit -1; revoke connect on database shop from public, agent',
    ),
    {
      code: '42501',
      message: 'permission denied for database "shop"',
      routine: 'CheckMyDatabase',
    },
  );
});
