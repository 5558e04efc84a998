import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { reconcile } from './compare.ts';
import { CORPUS } from './corpus/index.ts';
import { type Pair, startPair } from './pair.ts';
import { play } from './script.ts';

let pair: Pair;
before(async () => {
  pair = await startPair();
});
afterEach(() => pair.clear());

for (const [about, scripts] of Object.entries(CORPUS)) {
  suite(`the proxy answers as the server does: ${about}`, () => {
    for (const script of scripts) {
      test(script.name, async () => {
        const [direct, proxied] = await Promise.all(
          [pair.direct, pair.proxied].map(async way =>
            play(await way.client(script.parameters), script.steps),
          ),
        );
        const faults = direct!.filter(frame => frame.type === 'fault').map(frame => frame.body.toString());
        assert.deepEqual(faults, [], 'the script itself is wrong');
        const answers = reconcile(direct!, proxied!);
        assert.deepEqual(answers.proxied, answers.direct);
      });
    }
  });
}
