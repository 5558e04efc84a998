import type { Sought } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Cancelling } from './cancelling.ts';
import type { CatalogHandle } from './parts.ts';
import { refuseMessage } from './refusals.ts';
import type { Run } from './run.ts';
import { notThere, questionFor } from './sought.ts';
import type { Submitter } from './submission.ts';
import { recordParses } from './unbound-parses.ts';

/** What waiting for the means to judge needs of its session. */
export interface Waiter extends Pick<Submitter, 'core' | 'intake' | 'judging' | 'guard' | 'flush' | 'ended'> {
  readonly cancelling: Cancelling;
  over(): boolean;
  /** The agent's messages go on. */
  resume(): void;
}

/**
 * Runs `then` when the server refuses writes. For a read outside a transaction in a session whose time-out is so short that it may strike the switch itself: then
 * it has struck the read, which is never sent, and the next one is switched for anew.
 */
export function whenSwitched(session: Waiter, then: () => void): void {
  afterOwn(session, then, go => session.core.line.switchFirst(go));
}

/**
 * Runs `then` behind the segment that the agent has opened and in which nothing has run. A statement of the proxy's own inside it would be the first that
 * runs, and from Postgres 17 on a Query or function call behind that is a part of the pipeline: done, and not committed before a Sync that may never come.
 */
export function whenApart(session: Waiter, then: () => void): void {
  const { core } = session;
  afterOwn(session, then, go =>
    core.line.endSegment(
      () => {
        core.segment = false;
        core.flushed = false;
        go(null);
      },
      () => go(null),
    ),
  );
}

/** Runs `then` when the server has no plans left that were made under another catalog. */
export function whenReplanned(session: Waiter, then: () => void): void {
  const { line, plans, segment } = session.core;
  const dropped = plans.dropping();
  afterOwn(session, then, go =>
    line.ask(
      'DISCARD PLANS',
      segment,
      () => {},
      () => {
        dropped();
        go(null);
      },
      go,
    ),
  );
}

/** Runs `then` when the target was asked whether the catalog is what it was, and has been judged by what it is. */
export function whenConfirmed(
  session: Waiter,
  catalog: Pick<CatalogHandle, 'confirm'>,
  then: () => void,
): void {
  afterOwn(session, then, go => {
    const fault = (cause: unknown) =>
      go(
        cause instanceof HoldpointError
          ? cause
          : new HoldpointError('catalog_unavailable', undefined, { cause }),
      );
    catalog.confirm().then(() => go(null), fault);
  });
}

/** Runs `there` unless what is sought first is not there; then `missing`, with what the server says of it. */
export function whenSought(
  session: Waiter,
  sought: Sought,
  there: () => void,
  missing: (error: HoldpointError) => void,
): void {
  const { line, segment } = session.core;
  let lacks: string | null = null;
  const then = () => (lacks === null ? there() : missing(notThere(sought, lacks)));
  afterOwn(session, then, go =>
    line.ask(
      questionFor(sought),
      segment,
      ([answer]) => {
        lacks = answer ?? null;
      },
      () => go(null),
      go,
    ),
  );
}

/** Runs `then` when all that was sent before in this segment has been answered, and nothing of it has failed. */
export function whenAnswered(session: Waiter, then: () => void): void {
  const { line } = session.core;
  afterOwn(session, then, go =>
    line.answered(
      () => go(null),
      () => go(null),
    ),
  );
}

/** Runs `then` when the server has parsed the text, and has nothing against it: otherwise the agent has its answer. */
export function whenTried(session: Waiter, text: Buffer, run: Run, then: () => void): void {
  const { line, picture } = session.core;
  picture.statements.confirm('', null);
  afterOwn(session, then, go =>
    line.tryParse(text, run, () => {
      session.ended(run, 'ok');
      // It came too late for that, and is for the whole of it.
      go(session.cancelling.asked ? new HoldpointError('cancelled') : null);
    }),
  );
}

/** Runs `then` when it is known which prepared statements are still those that the agent's own messages have made: SQL makes others. */
export function whenNamed(session: Waiter, then: () => void): void {
  const { line, picture, opened, segment } = session.core;
  const names = new Set<string>();
  const { doubts } = opened;
  afterOwn(session, then, go =>
    line.ask(
      'SELECT name FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql',
      segment,
      ([name]) => names.add(name ?? ''),
      () => {
        picture.stillThere(names, doubts);
        go(null);
      },
      go,
    ),
  );
}

/** Does what `then` does behind something that the proxy itself has the server do, of which `go` is told: null when it is done. */
function afterOwn(
  session: Waiter,
  then: () => void,
  send: (go: (error: HoldpointError | null) => void) => void,
): void {
  const { core, intake } = session;
  recordParses(core);
  send(error =>
    session.guard(() => {
      if (session.over()) return;
      intake.free();
      // Where an earlier message of the segment has failed meanwhile, the server skips this one. Meanwhile the catalog may have changed, too.
      if (!core.skipping) {
        if (error === null) whenJudgeable(session, then);
        else refuseMessage(core, error);
      }
      if (intake.block === null) session.resume();
      else session.flush();
    }),
  );
  intake.wait('probe');
  session.flush();
}

/** Whether a text can be judged now. */
export function isJudgeable({ cancelling, core, judging }: Waiter): boolean {
  return !cancelling.underWay && judging.ready(core.status, core.segment);
}

/**
 * Runs `then` when catalog and search_path are known, and no cancel request is on its way that could hit a statement of the proxy's own;
 * until then the agent's next message waits.
 */
export function whenJudgeable(session: Waiter, then: () => void): void {
  const { cancelling, core, intake, judging } = session;
  if (isJudgeable(session)) {
    then();
    return;
  }
  const go = (error: HoldpointError | null) =>
    session.guard(() => {
      if (session.over()) return;
      intake.free();
      // Where an earlier message of the segment has failed meanwhile, the server skips this one.
      if (!core.skipping) {
        if (error === null) whenJudgeable(session, then);
        else refuseMessage(core, error);
      }
      // But for Sync, which ends whatever it was that failed: without it no ReadyForQuery would ever come.
      if (core.skipping && core.frames.type === FRONTEND.sync) then();
      if (intake.block === null) session.resume();
      else session.flush();
    });
  recordParses(core);
  const waits = cancelling.busy(() => go(null)) ? 'cancel' : judging.prepare(core.status, core.segment, go);
  if (waits === null) {
    then();
    return;
  }
  intake.wait(waits);
  session.flush();
}
