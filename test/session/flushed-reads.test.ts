import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';

/** The second witness of drivers that wait for a Flush between Parse and Bind: a read runs where the server refuses writes all the same. */
const RULES = `
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const MODE = "select current_setting('transaction_read_only')";
const INSERT = "insert into notes values (77, 'f')";

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

/** Sends this and waits for an answer of that type, which Flush brings. */
async function flushed(client: RawClient, until: string, ...messages: Buffer[]): Promise<string> {
  client.send(...messages, raw.flush());
  return answer(await client.until(until));
}

async function synced(client: RawClient, ...messages: Buffer[]): Promise<raw.Frame[]> {
  client.send(...messages, raw.sync());
  return client.untilReady();
}

const parse = (sql: string, name = '') => [raw.parse({ sql, name }), raw.describe('statement', name)];
const run = (statement = '') => [raw.bind({ statement }), raw.execute()];

test('a read that is bound behind a Flush runs read-only, and the agent sees nothing of that', async () => {
  const client = await gate.agent();
  for (let i = 0; i < 3; i += 1) {
    assert.equal(await flushed(client, 'T', ...parse(MODE)), '1 t T');
    const frames = await synced(client, ...run());
    assert.equal(frames.map(frame => frame.type).join(''), '2DCZ');
    assert.deepEqual(raw.rows(frames), [['on']]);
    // What follows is not what it was: the mode ends with its segment.
    assert.equal(await flushed(client, 'n', ...parse('delete from notes where id = 77')), '1 t n');
    assert.match(answer(await synced(client, ...run())), /^2 C:DELETE \d Z:I$/);
    assert.equal(await flushed(client, 'n', ...parse(INSERT)), '1 t n');
    assert.equal(answer(await synced(client, ...run())), '2 C:INSERT 0 1 Z:I');
  }
});

test('where a write is to come in the same segment, or may be, the read keeps the mode that the write needs', async () => {
  const client = await gate.agent();
  await gate.look('delete from notes where id = 77');
  await flushed(client, 'T', ...parse(MODE, 'm'));
  const together = await synced(client, ...run('m'), raw.parse({ sql: INSERT }), ...run());
  assert.equal(answer(together), '2 D C:SELECT 1 1 2 C:INSERT 0 1 Z:I');
  await gate.look('delete from notes where id = 77');
  // Its Sync is not there yet.
  assert.equal(await flushed(client, 'C', ...run('m')), '2 D C:SELECT 1');
  assert.equal(answer(await synced(client, raw.parse({ sql: INSERT }), ...run())), '1 2 C:INSERT 0 1 Z:I');
  await gate.look('delete from notes where id = 77');
  // Behind a write its transaction stays writable: what waits for its end may write.
  assert.equal(await flushed(client, 'C', raw.parse({ sql: INSERT }), ...run()), '1 2 C:INSERT 0 1');
  assert.deepEqual(raw.rows(await synced(client, ...run('m'))), [['off']]);
  assert.equal(await gate.value('select count(*)::int from notes where id = 77'), 1);
});

test('inside a block, and for what is for blocks alone, nothing is put in front', async () => {
  const client = await gate.agent();
  client.send(raw.query('begin'));
  await client.untilReady();
  await flushed(client, 'T', ...parse(MODE));
  assert.deepEqual(raw.rows(await synced(client, ...run())), [['off']]);
  client.send(raw.query('commit'));
  await client.untilReady();
  await flushed(client, 'n', ...parse('declare c cursor for select 1'));
  assert.equal(answer(await synced(client, ...run())), '2 E:25P01 Z:I');
});
