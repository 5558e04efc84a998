import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const RULES = `
  - name: deletes
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
`;

/** Until it is cancelled. */
const LONG =
  'select count(*) from items a, items b, items c, items d, items e, items f, items g, items endless';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

/** From outside: the backend that works. */
const cancelRead = () =>
  waitFor(
    async () =>
      (await gate.value(
        "select count(pg_cancel_backend(pid))::int from pg_stat_activity where query like '%items endless%' and pid <> pg_backend_pid() and state = 'active'",
      )) === 1,
    { what: 'the server works', everyMs: 20 },
  );

test('a Query that is held behind a pipeline is skipped with it when the pipeline fails, and the session lives on', async () => {
  const client = await gate.agent();
  client.send(raw.parse({ sql: LONG }), raw.bind(), raw.execute());
  client.send(raw.query('delete from notes'));
  await waitFor(async () => (await gate.heldIds()).length === 1, { what: 'the Query is held', everyMs: 20 });
  const [id = ''] = await gate.heldIds();
  await cancelRead();
  await gate.becomes(id, 'withdrawn');
  client.send(raw.query('delete from notes'), raw.sync());
  const frames = (await client.untilReady()).filter(f => f.type !== 'N');
  // As the server: everything behind the error is skipped up to Sync.
  assert.equal(answer(frames), '1 2 E:57014 Z:I');
  client.send(raw.query('select count(*) from notes'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  assert.equal(await gate.value('select count(*)::int from notes'), 3);
  assert.deepEqual(await gate.heldIds(), []);
});
