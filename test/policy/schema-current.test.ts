import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { POLICY_SCHEMA_FILE, policyJsonSchema, policyKeys } from '#schemas/generate.ts';
import { POLICY_DESCRIPTIONS } from '#schemas/policy-descriptions.ts';

it('the JSON Schema in the repository is the one that the schemas generate', () => {
  assert.equal(
    readFileSync(POLICY_SCHEMA_FILE, 'utf8'),
    policyJsonSchema(),
    'stale: run `npx node schemas/generate.ts`',
  );
});

it('every key of the policy has a description, and every description a key', () => {
  assert.deepEqual(Object.keys(POLICY_DESCRIPTIONS).sort(), policyKeys());
});

it('every key of the policy is in the manual', () => {
  const manual = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const names = new Set(
    policyKeys()
      .map(key => key.split('.').at(-1)!)
      .filter(key => key !== '*'),
  );
  const missing = [...names].filter(name => !new RegExp(`\\b${name}\\b`).test(manual));
  assert.deepEqual(missing, []);
});

it('unknown keys are errors for editors too', () => {
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties, additionalProperties } = node as Record<string, unknown>;
    if (properties !== undefined)
      assert.equal(additionalProperties, false, JSON.stringify(node).slice(0, 200));
    Object.values(node).forEach(walk);
  };
  walk(JSON.parse(policyJsonSchema()));
});
