import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as raw from '#test/support/raw.ts';
import { outline } from '#test/support/raw.ts';
import { type Gate, startGate } from './support.ts';

let gate: Gate;
before(async () => {
  gate = await startGate('  - { name: all, verdict: allow }');
});

test('a Query with Terminate behind it in one packet is answered, as the server does it', async () => {
  const client = await gate.agent();
  client.send(raw.query("select 'last words'"), raw.terminate());
  const frames = await client.untilClosed();
  assert.match(JSON.stringify(outline(frames)), /T.*D.*C.*Z/);
});

test('a write with Terminate behind it in one packet runs', async () => {
  const client = await gate.agent();
  client.send(raw.query('create table last_words (n int)'), raw.terminate());
  await client.untilClosed();
  assert.equal(await gate.value(`select count(*) from pg_class where relname = 'last_words'`), '1');
});
