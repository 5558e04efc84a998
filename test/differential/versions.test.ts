import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { lacksServer, OLD_MAJORS } from '#test/support/postgres.ts';
import { CORPUS } from './corpus/index.ts';
import { type Pair, startPair } from './pair.ts';
import { answersOf } from './same.ts';

for (const major of OLD_MAJORS) {
  const skip = lacksServer(major);
  suite(`the proxy answers as Postgres ${major} does`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await startPair({ major });
    });
    afterEach(() => pair.clear());

    for (const [about, scripts] of Object.entries(CORPUS)) {
      test(about, async () => {
        const wrong: object[] = [];
        for (const script of scripts) {
          if (script.heavy === true || Number(major) < (script.since ?? 0)) continue;
          const { direct, proxied } = await answersOf(pair, script);
          if (!isDeepStrictEqual(proxied, direct)) wrong.push({ script: script.name, direct, proxied });
          pair.clear();
        }
        assert.deepEqual(wrong, []);
      });
    }
  });
}
