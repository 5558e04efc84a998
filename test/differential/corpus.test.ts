import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { CORPUS } from './corpus/index.ts';
import { type Pair, startPair } from './pair.ts';
import { answersOf } from './same.ts';

let pair: Pair;
before(async () => {
  pair = await startPair();
});
afterEach(() => pair.clear());

for (const [about, scripts] of Object.entries(CORPUS)) {
  suite(`the proxy answers as the server does: ${about}`, () => {
    for (const script of scripts)
      test(script.name, async () => {
        const { direct, proxied } = await answersOf(pair, script);
        assert.deepEqual(proxied, direct);
      });
  });
}
