import type { Core } from './core.ts';
import type { Intake } from './intake.ts';
import type { Judging } from './judging.ts';
import type { Run, RunStatus } from './run.ts';

/** What handing a statement to the pipeline needs of its session. */
export interface Submitter {
  readonly core: Core;
  readonly intake: Intake;
  readonly judging: Judging;
  gone(): boolean;
  /** The agent has closed its side: it may be gone. */
  left(): boolean;
  /** The statement is not parked any more, whatever comes of it. */
  decided(): void;
  ended(run: Run, status: RunStatus): void;
  guard(work: () => void): void;
  flush(): void;
}

/** Hands a statement to the pipeline; the agent's next message waits until this one has gone forward or was refused. */
export function submit(session: Submitter, work: Parameters<Core['submit']>[0]): void {
  const { core, intake } = session;
  const { judged, parameters, protocol, resultFormats = [] } = work;
  const { judging } = session;
  let settled = false;
  let late = false;
  const settle = (how: () => void) =>
    session.guard(() => {
      session.decided();
      // An earlier message of the segment has failed meanwhile: the server skips this one up to Sync, a Query too, and so does its answer.
      if (core.skipping) session.ended(work.run, 'skipped');
      else how();
      settled = true;
      if (intake.block === 'judging') intake.free();
      if (!late) return;
      if (intake.block === null) intake.pump();
      else session.flush();
    });
  intake.wait('judging');
  core.pipeline.submit({
    ...work,
    inTransaction: core.inBlock,
    failedTransaction: core.status === 'E' && judged.statements.length === 1,
    parseOnly: work.parseOnly === true,
    gone: () => session.gone(),
    left: () => session.left(),
    describe: async () => {
      const how = protocol === 'simple' || protocol === 'function' ? protocol : 'extended';
      const describing = judging.describe(core, how, judged, parameters, resultFormats);
      session.flush();
      const { statement, unchanged } = await describing;
      const still = async () => {
        const { epoch } = judging.rewirings;
        const same = await unchanged();
        if (same) work.run.epoch = epoch;
        return same;
      };
      return { statement, unchanged: still };
    },
    conflict: () => (judging.protects ? judging.rewirings.conflict(work.run, core.inBlock) : null),
    forward: () => settle(() => work.forward()),
    refuse: error => settle(() => work.refuse(error)),
  });
  late = !settled;
}
