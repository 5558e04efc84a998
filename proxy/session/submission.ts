import type { Submission } from '../pipeline.ts';
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

type Work = Parameters<Core['submit']>[0];

/** Hands a statement to the pipeline; the agent's next message waits until this one has gone forward or was refused. True where it has to wait. */
export function submit(session: Submitter, work: Work): boolean {
  session.intake.wait('judging');
  const handed = new Handed(session, work);
  session.core.pipeline.submit(handed);
  handed.late = !handed.settled;
  return handed.late;
}

/** One for each statement: methods instead of closures. */
class Handed implements Submission {
  settled = false;
  /** The pipeline has kept it. */
  late = false;
  readonly run: Run;
  readonly judged: Submission['judged'];
  readonly protocol: Submission['protocol'];
  readonly parameters: Submission['parameters'];
  readonly inTransaction: boolean;
  readonly failedTransaction: boolean;
  readonly parseOnly: boolean;
  readonly intended: number | undefined;
  private readonly session: Submitter;
  private readonly work: Work;

  constructor(session: Submitter, work: Work) {
    const { core } = session;
    this.session = session;
    this.work = work;
    this.run = work.run;
    this.judged = work.judged;
    this.protocol = work.protocol;
    this.parameters = work.parameters;
    this.inTransaction = core.inBlock;
    this.failedTransaction = core.status === 'E' && work.judged.statements.length === 1;
    this.parseOnly = work.parseOnly === true;
    this.intended = work.intended;
  }

  gone(): boolean {
    return this.session.gone();
  }

  left(): boolean {
    return this.session.left();
  }

  async describe(): ReturnType<Submission['describe']> {
    const { session, run, protocol, judged, parameters } = this;
    const { core, judging } = session;
    const how = protocol === 'simple' || protocol === 'function' ? protocol : 'extended';
    const describing = judging.describing.describe(
      core,
      how,
      judged,
      parameters,
      this.work.resultFormats ?? [],
    );
    session.flush();
    const { statement, unchanged } = await describing;
    const still = async () => {
      const { epoch } = judging.rewirings;
      const same = await unchanged();
      if (same) run.epoch = epoch;
      return same;
    };
    return { statement, unchanged: still };
  }

  conflict(): string | null {
    const { judging, core } = this.session;
    return judging.protects ? judging.rewirings.conflict(this.run, core.inBlock) : null;
  }

  forward(): void {
    const { judging } = this.session;
    if (!this.parseOnly) {
      judging.opened.sent(this.judged, judging.judge.stamp, this.run.epoch);
      judging.sent(this.judged.statements, this.run.by);
    }
    this.settle(() => this.work.forward());
  }

  refuse(error: Parameters<Submission['refuse']>[0]): void {
    this.settle(() => this.work.refuse(error));
  }

  private settle(how: () => void): void {
    const { session } = this;
    const { core, intake } = session;
    session.guard(() => {
      session.decided();
      // An earlier message of the segment has failed meanwhile: the server skips this one up to Sync, a Query too, and so does its answer.
      if (core.skipping) {
        session.ended(this.run, 'skipped');
        this.work.skipped?.();
      } else how();
      this.settled = true;
      if (intake.block === 'judging') intake.free();
      if (!this.late) return;
      if (intake.block === null) intake.pump();
      else session.flush();
    });
  }
}
