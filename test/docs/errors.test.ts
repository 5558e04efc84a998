import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAULTS } from '#schemas/errors.ts';

const PAGE = new URL('../../docs/errors.md', import.meta.url);

test('docs/errors.md lists every fault, in order, with its SQLSTATE, its message and whether to retry', () => {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split('|').map(cell => cell.trim()));
  assert.deepEqual(
    rows.map(([, code, sqlstate, client, , retry]) => ({ code, sqlstate, client, retry })),
    Object.entries(FAULTS).map(([code, { sqlstate, client, retrySafe }]) => ({
      ...{ code: `\`${code}\``, sqlstate, client },
      retry: retrySafe ? 'yes' : 'no',
    })),
  );
  for (const [, code, , , operator] of rows)
    assert.match(operator ?? '', /^[A-Z].*\.$/, `${code} tells an operator what to do, in a sentence`);
});
