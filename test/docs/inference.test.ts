import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TOLD } from '#test/mask/noninterference.corpus.ts';

test('docs/policy.md says of everything that masks do not hide that they do not', () => {
  const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  for (const { why } of TOLD) assert.ok(page.includes(`- ${why}`), why);
});
