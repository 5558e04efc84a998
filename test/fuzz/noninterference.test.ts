import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { difference, type Side, seen, startBoth } from '#test/mask/two-databases.ts';
import { type Frame, outline, type RawClient } from '#test/support/raw.ts';
import { type Turn, turns } from './conversations.ts';
import { Random } from './random.ts';

/**
 * The same random orders of messages to two databases that differ in protected values alone: whatever an agent is told has to be the same.
 * FUZZ_SEED repeats a run, FUZZ_SCALE makes it longer (1 is CI's). A failure names the seed of its own conversation, which
 * FUZZ_CONVERSATION plays alone.
 */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SCALE = Number(process.env.FUZZ_SCALE ?? 1);
const ONE = process.env.FUZZ_CONVERSATION;
const CONVERSATIONS = 40;
const ANSWER_MS = 60_000;

let sides: [Side, Side];
before(async () => {
  console.log(`FUZZ_SEED=${SEED} FUZZ_SCALE=${SCALE}`);
  sides = await startBoth();
});

/** Everything that one side tells, turn by turn, up to the end of the session where the proxy ends it. */
async function play(side: Side, conversation: readonly Turn[]): Promise<Frame[][]> {
  const client = await side.agent();
  const told: Frame[][] = [];
  for (const { bytes } of conversation) {
    const frames: Frame[] = [];
    told.push(frames);
    client.send(bytes);
    while (unfinished(frames)) {
      const frame = await heard(client);
      if (frame === null) return told;
      frames.push(frame);
    }
  }
  client.destroy();
  return told;
}

/** Whether the end of a turn is missing: the answer to an empty Query. */
function unfinished(frames: readonly Frame[]): boolean {
  return frames.at(-1)?.type !== 'Z' || !frames.some(frame => frame.type === 'I');
}

/** Null when the session is over. */
async function heard(client: RawClient): Promise<Frame | null> {
  try {
    return await client.next(ANSWER_MS);
  } catch (error) {
    if (client.closed) return null;
    throw error;
  }
}

test('random orders of messages do not tell two databases apart that differ in protected values', async () => {
  const from = new Random(SEED);
  const seeds =
    ONE === undefined
      ? Array.from({ length: Math.round(CONVERSATIONS * SCALE) }, () => from.below(2 ** 31))
      : [Number(ONE)];
  const faults: string[] = [];
  let rows = 0;
  for (const seed of seeds) {
    const conversation = turns(new Random(seed));
    const [one, two] = await Promise.all(sides.map(side => play(side, conversation)));
    rows += one!.flat().filter(frame => frame.type === 'D').length;
    for (const [i, frames] of one!.entries()) {
      const others = two![i] ?? [];
      // The end of a session may overtake what was said last.
      const most =
        unfinished(frames) && unfinished(others) ? Math.min(frames.length, others.length) : undefined;
      const told = difference(seen(frames.slice(0, most)), seen(others.slice(0, most)));
      if (told === null) continue;
      const words = conversation.slice(0, i + 1).map(turn => turn.words.join('\n  '));
      faults.push(
        `FUZZ_CONVERSATION=${seed}\n  ${words.join('\n  --\n  ')}\n${told}\n${outline(frames)}\n${outline(others)}`,
      );
      break;
    }
    if (faults.length >= 5) break;
  }
  assert.deepEqual(faults, []);
  // Conversations in which nothing is read would tell nothing either.
  assert.ok(rows >= seeds.length || ONE !== undefined, `${rows} rows`);
  console.log(`${seeds.length} conversations, ${rows} rows`);
});
