import assert from 'node:assert/strict';
import { reconcile } from './compare.ts';
import type { Answers } from './deliberate.ts';
import type { Pair } from './pair.ts';
import { type Cut, play, type Script } from './script.ts';

/** Plays a script on both ways at once; the answers without what differs on purpose. Throws where the script does not go as it is written. */
export async function answersOf(pair: Pair, script: Script, cut?: Cut): Promise<Answers> {
  const [direct, proxied] = await Promise.all(
    [pair.direct, pair.proxied].map(async way =>
      play(await way.client(script.parameters), script.steps, cut),
    ),
  );
  const faults = direct!.filter(frame => frame.type === 'fault').map(frame => frame.body.toString());
  assert.deepEqual(faults, [], `the script "${script.name}" itself is wrong`);
  return reconcile(direct!, proxied!);
}
