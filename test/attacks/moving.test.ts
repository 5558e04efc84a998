import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Random } from '#test/fuzz/random.ts';
import * as raw from '#test/support/raw.ts';
import { type Field, type Ground, SECRET, startField } from './moving/ground.ts';
import { bytesOf, scriptOf, shown, smaller, type Turn } from './moving/scripts.ts';

/**
 * Scripts made at random, in which names move: by the search_path, roles, prepared statements, cursors, savepoints, two-phase commits, renamings. The
 * same names stand for what is allowed in one schema and for what is forbidden in another. Nobody says what an answer has to be: the table that
 * may not be written is looked at, and no byte of the protected column may come back. Each is played without the proxy too, to see
 * that scripts of this kind do harm.
 *
 * Scripts for each of the two seeds; `HOLDPOINT_SCRIPTS` for a long run, `HOLDPOINT_SEED` to play one again.
 */
const SCRIPTS = Number(process.env.HOLDPOINT_SCRIPTS ?? 60);
const FIXED = 20_261_121;

/** Behind a text in a pipeline, and a Sync, Postgres 18 says so to whatever comes next; where that is the proxy's own, it ends the session. */
const STUMBLES = /StartTransactionCommand: unexpected state/;

let field: Field;
before(async () => {
  field = await startField();
});
after(() => field?.end());

/** Plays a script in a session of its own; gives what harm it has done, '' for none, and what was answered. */
async function play(script: readonly Turn[], ground: Ground): Promise<{ harm: string; answers: string[] }> {
  const client = await (ground === field.direct ? direct() : field.gate.agent());
  const answers: string[] = [];
  let told = false;
  try {
    for (const turn of script) {
      // No script has an empty text: its answer is the last one, whatever the server has skipped before.
      client.send(...turn.map(bytesOf), raw.sync(), raw.query(''));
      const frames: raw.Frame[] = [];
      let over = false;
      for (let last = false; !over && (!last || frames.at(-1)?.type !== 'Z'); ) {
        const frame = await client.next(60_000).catch(error => {
          if (raw.outline(frames).includes('E:XX000')) return null;
          throw new Error(`${shown(script)}\n${answers.join(' ')} ${raw.outline(frames)}`, { cause: error });
        });
        over = frame === null;
        if (frame === null) break;
        frames.push(frame);
        told ||= SECRET.test(frame.body.toString('latin1'));
        last ||= frame.type === 'I' || (frame.type === 'E' && STUMBLES.test(raw.fields(frame).M ?? ''));
      }
      answers.push(raw.outline(frames.filter(f => f.type !== 'S' && f.type !== 'N')));
      if (over) break;
    }
  } finally {
    client.destroy();
  }
  const harm = await ground.harm();
  return { harm: told ? 'a protected value was told' : harm, answers };
}

async function direct(): Promise<raw.RawClient> {
  const client = await raw.RawClient.connect({ port: field.gate.db.port });
  await client.login({ user: 'agent', database: 'plain' });
  return client;
}

/** The least of a script that still does harm. */
async function least(script: readonly Turn[]): Promise<readonly Turn[]> {
  for (const one of smaller(script))
    if ((await play(one, field.proxied)).harm !== '') return await least(one);
  return script;
}

for (const [which, seed] of [
  ['a fixed seed', FIXED],
  ['a fresh seed', Number(process.env.HOLDPOINT_SEED ?? randomInt(2 ** 31 - 1))],
] as const)
  test(`names that move lead nowhere else: ${which}`, async t => {
    t.diagnostic(`seed ${seed}`);
    const hits: string[] = [];
    let harmful = 0;
    let done = 0;
    for (let n = 0; n < SCRIPTS; n++) {
      const script = scriptOf(new Random(seed + n));
      if ((await play(script, field.direct)).harm !== '') harmful++;
      const { harm, answers } = await play(script, field.proxied);
      done += answers.join(' ').match(/C:/g)?.length ?? 0;
      if (harm === '') continue;
      const small = await least(script);
      const said = (await play(small, field.proxied)).answers;
      hits.push(`seed ${seed + n}: ${harm}\n  - ${shown(small)}\n  ${said.join('\n  ')}`);
    }
    t.diagnostic(
      `${SCRIPTS} scripts, ${harmful} of which do harm without the proxy; ${done} statements were let through`,
    );
    assert.deepEqual(hits, [], hits.join('\n'));
    assert.ok(harmful > SCRIPTS / 20, `${harmful} scripts would do harm`);
    assert.ok(done > SCRIPTS * 2, `${done} statements were let through`);
  });
