import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { type Pair, startPair } from './pair.ts';
import { scripts } from './random.ts';
import { answersOf } from './same.ts';
import type { Script } from './script.ts';

/** Scripts for each of the two seeds. `HOLDPOINT_SCRIPTS` for a long run, `HOLDPOINT_SEED` to play one again. */
const SCRIPTS = Number(process.env.HOLDPOINT_SCRIPTS ?? 60);
const FIXED = 20_261_121;

let pair: Pair;
before(async () => {
  pair = await startPair();
});

for (const [which, seed] of [
  ['a fixed seed', FIXED],
  ['a fresh seed', Number(process.env.HOLDPOINT_SEED ?? randomInt(2 ** 31 - 1))],
] as const)
  test(`scripts made at random get the same answers: ${which}`, async t => {
    t.diagnostic(`seed ${seed}`);
    await fc.assert(
      fc.asyncProperty(scripts(), async ({ steps, pieces }) => {
        const script: Script = { name: 'random', steps };
        try {
          const { direct, proxied } = await answersOf(pair, script, bytes => cutAt(bytes, pieces));
          assert.deepEqual(proxied, direct);
        } finally {
          pair.clear();
        }
      }),
      { seed, numRuns: SCRIPTS, endOnFailure: false, interruptAfterTimeLimit: 120_000 },
    );
  });

function cutAt(bytes: Buffer, pieces: readonly number[]): Buffer[] {
  const cuts = [...new Set(pieces.map(piece => piece % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i])).filter(piece => piece.length > 0);
}
