import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';

/** An agent that never asks for an answer must not pile them up. */
export const MOST_UNBOUND = 100;

/** Texts parsed and not bound: they reached the server, so they are in the record before the answer leaves. */
export function recordParses(core: Core): void {
  const { parsed } = core.picture;
  if (parsed.length === 0) return;
  for (const prepared of parsed) {
    if (!prepared.unrecorded) continue;
    prepared.unrecorded = false;
    const run = core.run([prepared.analysis]);
    run.tag = 'PARSE';
    // As it was judged when it was sent: by now the catalog may be another one, or not there.
    core.pipeline.parsed(
      run,
      core.judge.statements(prepared.text ?? '', [prepared.analysis], prepared.alone, prepared.escapes),
    );
  }
  parsed.length = 0;
}

/** At the end of a session: what its agent has parsed and left reached the server too. A ledger that takes nothing more keeps no session open. */
export function recordLeftParses(core: Core): void {
  try {
    recordParses(core);
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error;
  }
}
