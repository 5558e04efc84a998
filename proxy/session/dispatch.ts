import { HoldpointError } from '#schemas/errors.ts';
import { tooLong } from '../wire/frames.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Core } from './core.ts';
import { execute } from './execute.ts';
import * as extended from './extended.ts';
import { functionCall } from './fast-path.ts';
import { refuseMessage } from './refusals.ts';
import { UNREADABLE } from './segment.ts';
import { query } from './simple.ts';

const { password: _password, ...LAWFUL } = FRONTEND;
const TYPES: ReadonlySet<number> = new Set(Object.values(LAWFUL));
const COPY: ReadonlySet<number> = new Set([FRONTEND.copyData, FRONTEND.copyDone, FRONTEND.copyFail]);

/**
 * One message of the agent, outside COPY. `judgeable` runs what it is given when texts can be judged, perhaps later. Every type that may
 * pass is named here; any other ends the session, as it does at the server. Source: manual 54.7, messages marked (F).
 */
export function dispatch(
  core: Core,
  judgeable: (then: () => void) => void,
  leave: () => void,
  type: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  const ready = (work: () => void) => judgeable(() => read(core, work));
  if (!TYPES.has(type)) {
    const source = { file: 'postgres.c', routine: 'SocketBackend' };
    core.line.askForAnswers();
    core.wait('settle');
    core.retiring.last(
      new HoldpointError('protocol', `invalid frontend message type ${type}`, { source }),
      core.answers.underWay > 0,
    );
    return;
  }
  if (core.skipping && type !== FRONTEND.sync && type !== FRONTEND.terminate) return;
  const { dropped } = core.frames;
  if (dropped > 0 && !COPY.has(type)) {
    refuseMessage(core, tooLong(type, dropped, core.limits.messageBytes));
    return;
  }
  switch (type) {
    case FRONTEND.query:
      ready(() => query(core, buffer, start, end));
      return;
    case FRONTEND.parse:
      ready(() => extended.parse(core, buffer, start, end));
      return;
    case FRONTEND.bind:
      ready(() => extended.bind(core, buffer, start, end));
      return;
    case FRONTEND.describe:
      // The first message of a segment decides how all of it runs, so that has to be known, too.
      if (core.segment) read(core, () => extended.describe(core, buffer, start, end));
      else ready(() => extended.describe(core, buffer, start, end));
      return;
    case FRONTEND.execute:
      ready(() => execute(core, buffer, start, end));
      return;
    case FRONTEND.close:
      if (core.segment) read(core, () => extended.close(core, buffer, start, end));
      else ready(() => extended.close(core, buffer, start, end));
      return;
    case FRONTEND.flush:
      ready(() => extended.flush(core, buffer, start, end));
      return;
    case FRONTEND.sync:
      // Behind an error nothing is judged, and the server would skip what is asked of it.
      if (core.skipping) extended.sync(core, buffer, start, end);
      else ready(() => extended.sync(core, buffer, start, end));
      return;
    case FRONTEND.terminate:
      leave();
      return;
    case FRONTEND.copyData:
    case FRONTEND.copyDone:
    case FRONTEND.copyFail:
      // Left over from a COPY that failed: the server drops them too.
      return;
    case FRONTEND.functionCall:
      ready(() => functionCall(core, buffer, start, end));
      return;
  }
}

/** A message that cannot be read, or whose text cannot in the session's encoding, is refused like any other. */
function read(core: Core, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof HoldpointError) || !UNREADABLE.has(error.code)) throw error;
    refuseMessage(core, error);
  }
}
