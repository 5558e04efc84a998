import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sameAsDirect, startAllowAll } from '#test/clients/same-as-direct.ts';
import type { Gate } from '#test/session/support.ts';

let gate: Gate;
before(async () => {
  gate = await startAllowAll();
});

for (const [file, lines] of [
  ['pg-work.ts', 47],
  ['postgres-js-work.ts', 29],
  ['builders-work.ts', 30],
] as const)
  test(`${file}: line by line as without the proxy`, async () => {
    const said = await sameAsDirect(gate, process.execPath, [join(import.meta.dirname, file)]);
    assert.ok(said.length >= lines, `only ${said.length} lines`);
    assert.equal(said.at(-1), 'end:');
  });
