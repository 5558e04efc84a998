import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recent } from '#proxy/policy/recent.ts';

function kept(recent: Recent<string, string>, keys: readonly string[]): string[] {
  return keys.filter(key => recent.get(key) !== undefined);
}

test('what was asked for lately is kept, and no more than twice as many as may be', () => {
  const recent = new Recent<string, string>(10);
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
  for (const key of keys) {
    recent.set('often', 'x');
    recent.set(key, key);
  }
  assert.equal(recent.get('often'), 'x');
  assert.equal(recent.get('k99'), 'k99');
  assert.ok(kept(recent, keys).length <= 20);
});

test('long ones fill a generation by their weight, so that a few of them are forgotten as soon as many short ones', () => {
  const recent = new Recent<string, string>(1_000, 10_000, (_, value) => value.length);
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
  for (const key of keys) recent.set(key, 'x'.repeat(1_000));
  const left = kept(recent, keys);
  assert.ok(left.length >= 10 && left.length <= 22, `${left.length} are kept`);
  assert.deepEqual(left.at(-1), 'k99');
  recent.clear();
  assert.deepEqual(kept(recent, keys), []);
});
