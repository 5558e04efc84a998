import {
  bind,
  describe,
  execute,
  type Frame,
  parse,
  query,
  type RawClient,
  sync,
} from '#test/support/raw.ts';

export type Mode = 'simple' | 'binary';
const ANSWER_MS = 60_000;

/** One text, by the simple protocol, or by the extended one with results in binary. */
export function messages(sql: string, mode: Mode): Buffer[] {
  if (mode === 'simple') return [query(sql)];
  return [parse({ sql }), bind({ resultFormats: [1] }), describe('portal'), execute(), sync()];
}

/** Texts one behind the other, each up to its own ReadyForQuery; all frames. */
export async function say(client: RawClient, ...texts: readonly Buffer[][]): Promise<Frame[]> {
  client.send(...texts.flat());
  const frames: Frame[] = [];
  for (const _ of texts) frames.push(...(await client.untilReady(ANSWER_MS)));
  return frames;
}
