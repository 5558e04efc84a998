import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Frame, query, type RawClient } from '#test/support/raw.ts';
import { SAID, SAID_IN_STEPS, TOLD } from './noninterference.corpus.ts';
import { type Mode, messages, say } from './saying.ts';
import { difference, type Side, seen, startBoth } from './two-databases.ts';

/**
 * Looks for ways out without knowing what they look like: the same words to two databases that differ in protected values alone. What an
 * agent can tell one from the other by is a leak.
 */
const MODES: readonly Mode[] = ['simple', 'binary'];

let sides: [Side, Side];
before(async () => {
  sides = await startBoth();
});

/** One statement in a transaction that is taken back. */
const alone = (client: RawClient, sql: string, mode: Mode) =>
  say(client, [query('begin')], messages(sql, mode), [query('rollback')]);

const differs = (one: readonly Frame[], two: readonly Frame[], sql: string) => {
  const ordered = /\border by\b/i.test(sql);
  return difference(seen(one, ordered), seen(two, ordered));
};

/** What differs when each of these is said by itself, in this mode; `open` gives a session on a side. */
async function compare(
  statements: readonly string[],
  mode: Mode,
  open: (side: Side) => Promise<RawClient>,
): Promise<Map<string, string>> {
  const [one, two] = await Promise.all(sides.map(open));
  const found = new Map<string, string>();
  for (const sql of statements) {
    const [first, second] = await Promise.all([alone(one!, sql, mode), alone(two!, sql, mode)]);
    const told = differs(first, second, sql);
    if (told !== null) found.set(sql, told);
  }
  one!.destroy();
  two!.destroy();
  return found;
}

const agent = (side: Side) => side.agent();

for (const [group, statements] of SAID)
  test(`two databases that differ in protected values cannot be told apart: ${group}`, async () => {
    for (const mode of MODES)
      assert.deepEqual(Object.fromEntries(await compare(statements, mode, agent)), {}, mode);
  });

test('the statements do tell them apart where nothing protects the values', async () => {
  const statements = SAID.flatMap(([, group]) => group);
  const told = await compare(statements, 'simple', side => side.direct());
  assert.ok(told.size > statements.length / 2, `${told.size} of ${statements.length}`);
});

for (const { why, statements } of TOLD)
  test(`documented: ${why}`, async () => {
    // One that no longer differs belongs among the others.
    for (const mode of MODES)
      assert.deepEqual([...(await compare(statements, mode, agent)).keys()], statements, mode);
  });

for (const [title, lines] of SAID_IN_STEPS)
  test(`two databases that differ in protected values cannot be told apart: ${title}`, async () => {
    for (const mode of MODES) {
      const heard = await Promise.all(
        sides.map(async side => {
          const client = await side.agent();
          const frames: Frame[][] = [];
          // Several statements are one text only in the simple protocol.
          for (const line of lines)
            frames.push(
              await say(
                client,
                messages(line, line.includes('; ') && !line.includes('$$') ? 'simple' : mode),
              ),
            );
          client.destroy();
          return frames;
        }),
      );
      const told = lines.map((line, i) => [line, differs(heard[0]![i]!, heard[1]![i]!, line)] as const);
      assert.deepEqual(
        told.filter(([, what]) => what !== null),
        [],
        mode,
      );
    }
  });
