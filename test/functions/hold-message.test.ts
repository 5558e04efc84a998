import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdMessage } from '#schemas/messages.ts';
import { heldApproval, statement } from '#test/hold/fixture.ts';

const held = (more: object) => ({
  v: 1,
  kind: 'held',
  approval: { ...heldApproval('ap_1'), ...more },
  instance: 'i',
});

test('what is published of a hold opens it, and can say nothing else', () => {
  assert.ok(holdMessage.safeParse(held({})).success);
  const forged: Record<string, object> = {
    'it is approved already': { state: 'approved', outcome: 'approved by ann@example.com' },
    'it shows another statement than its digest': { statement: { ...statement, text: 'select 1' } },
    'it names a document of another collection': { id: 'ap_1/messages/x' },
    'it names no document': { id: '..' },
  };
  for (const [what, more] of Object.entries(forged))
    assert.ok(!holdMessage.safeParse(held(more)).success, what);
});
