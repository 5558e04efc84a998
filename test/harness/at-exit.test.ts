import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atExit } from '#cli/at-exit.ts';

test('however much a process has to do at its end, one listener does it, and none when it has nothing', () => {
  const before = process.listenerCount('exit');
  const forget = Array.from({ length: 20 }, () => atExit(() => {}));
  assert.equal(process.listenerCount('exit'), before + 1);
  for (const each of forget) each();
  assert.equal(process.listenerCount('exit'), before);
});
