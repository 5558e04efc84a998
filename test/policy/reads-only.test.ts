import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCatalog } from '#cli/policy-ask.ts';
import { runPolicyCases } from '#cli/policy-run.ts';

const CASES = fileURLToPath(new URL('./reads-only.cases.yaml', import.meta.url));

describe('a policy that allows provable reads and holds everything else', async () => {
  const results = await runPolicyCases(
    CASES,
    async (read, target) => (await openCatalog(read, target, undefined)).analyse,
  );
  for (const { sql, faults } of results)
    it(sql, () => {
      assert.deepEqual(faults, []);
    });
});
