import { HoldpointError } from '#schemas/errors.ts';
import { tooLong } from '../wire/frames.ts';
import { FRONTEND, isLawful } from '../wire/frontend.ts';
import { belongsApart, type Core } from './core.ts';
import { execute } from './execute.ts';
import * as extended from './extended.ts';
import { functionCall } from './fast-path.ts';
import { mayMissItsSegment } from './open-segment.ts';
import { refuseMessage } from './refusals.ts';
import { UNREADABLE } from './segment.ts';
import { query } from './simple.ts';
import { recordParses } from './unbound-parses.ts';

const COPY: ReadonlySet<number> = new Set([FRONTEND.copyData, FRONTEND.copyDone, FRONTEND.copyFail]);

type Work = (core: Core, buffer: Buffer, start: number, end: number) => void;
const WORK = new Array<Work | null>(256).fill(null);
WORK[FRONTEND.query] = query;
WORK[FRONTEND.parse] = extended.parse;
WORK[FRONTEND.bind] = extended.bind;
WORK[FRONTEND.describe] = extended.describe;
WORK[FRONTEND.execute] = execute;
WORK[FRONTEND.close] = extended.close;
WORK[FRONTEND.flush] = extended.flush;
WORK[FRONTEND.sync] = extended.sync;
WORK[FRONTEND.functionCall] = functionCall;

/** Whether texts can be judged now; `when` runs what it is given when they can, perhaps later. */
export interface Judgeable {
  now(): boolean;
  when(then: () => void): void;
}

/**
 * One message of the agent, outside COPY. Every type that may pass is named here; any other ends the session, as it does at the server.
 * Source: manual 54.7, messages marked (F).
 */
export function dispatch(
  core: Core,
  judgeable: Judgeable,
  leave: () => void,
  type: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (!isLawful(type)) {
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
  const work = WORK[type] ?? null;
  // What else there is are messages of a COPY that failed, which the server drops too.
  if (work === null) {
    if (type === FRONTEND.terminate) leave();
  } else if (needsNoJudging(core, type) || judgeable.now()) begin(core, work, type, buffer, start, end);
  else if (belongsApart(core) && ENDS.has(type))
    core.whenApart(() => begin(core, work, type, buffer, start, end));
  else judgeable.when(() => begin(core, work, type, buffer, start, end));
}

/** Answered with ReadyForQuery, as if it were no part of a pipeline. */
const ENDS: ReadonlySet<number> = new Set([FRONTEND.query, FRONTEND.functionCall]);
/** What opens a segment and runs nothing. */
const QUIET: ReadonlySet<number> = new Set([FRONTEND.describe, FRONTEND.close]);

function begin(core: Core, work: Work, type: number, buffer: Buffer, start: number, end: number): void {
  if (ENDS.has(type)) recordParses(core);
  const then = () => read(core, work, buffer, start, end);
  if (mayMissItsSegment(core, type)) core.whenSwitched(then);
  // Here, as what may not run in a transaction block would not run behind anything of the same pipeline.
  else if (QUIET.has(type) && !core.segment && core.plans.outdated(core, null)) core.whenReplanned(then);
  else then();
}

function needsNoJudging(core: Core, type: number): boolean {
  // The first message of a segment decides how all of it runs, so that has to be known for these, too.
  if (type === FRONTEND.describe || type === FRONTEND.close) return core.segment;
  // Behind an error nothing is judged, and the server would skip what is asked of it.
  return type === FRONTEND.sync && core.skipping;
}

/** A message that cannot be read, or whose text cannot in the session's encoding, is refused like any other. */
function read(core: Core, work: Work, buffer: Buffer, start: number, end: number): void {
  try {
    work(core, buffer, start, end);
  } catch (error) {
    if (!(error instanceof HoldpointError) || !UNREADABLE.has(error.code)) throw error;
    refuseMessage(core, error);
  }
}
