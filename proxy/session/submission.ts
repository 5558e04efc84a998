import { HoldpointError } from '#schemas/errors.ts';
import type { Submission } from '../pipeline.ts';

import { type Core, secondWitness } from './core.ts';
import type { Intake } from './intake.ts';
import { type Waiter, whenJudgeable } from './judgeable.ts';
import type { Judging } from './judging.ts';
import { runsWhatIsLeft } from './left-to-end.ts';
import { opensReads } from './open-segment.ts';
import { refuseMessage } from './refusals.ts';
import type { Run, RunStatus } from './run.ts';
import { AGAIN, type Settling } from './settling.ts';
import { waitAtServer } from './wait-at-server.ts';
import { limitWait } from './wait-limits.ts';

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
export function submit(session: Submitter & Waiter, work: Work): boolean {
  session.intake.wait('judging');
  const handed = new Handed(session, work);
  session.core.pipeline.submit(handed);
  handed.late = !handed.settled;
  return handed.late;
}

/** True where a portal that goes on has to wait for other sessions; then `again` looks at its message once more. */
export function waitsToGoOn(session: Submitter & Waiter, run: Run, again: () => void): boolean {
  const { core, intake, judging } = session;
  const { changes } = judging.rewirings;
  if (!changes.rests(run)) return false;
  intake.wait('judging');
  const how = { shielded: () => false, approved: false, ...waiting(session, true) };
  changes.settle(run, how, why =>
    session.guard(() => {
      if (session.over()) return;
      intake.free();
      if (!core.skipping) {
        if (why === null || why === AGAIN) whenJudgeable(session, again);
        else refuseMessage(core, typeof why === 'string' ? new HoldpointError('denied', why) : why);
      }
      if (intake.block === null) session.resume();
      else session.flush();
    }),
  );
  return true;
}

/** How it waits: at the server as far as locks go, if it may, and else here. */
function waiting(session: Submitter, may: boolean): Pick<Settling, 'keeps' | 'begun' | 'lock'> {
  const { core } = session;
  return {
    keeps: core.inBlock || core.segment,
    begun: wait => {
      limitWait(core, wait);
      session.flush();
    },
    lock: (locks, done) => {
      const asked = may && waitAtServer(core, locks, (...got) => session.guard(() => done(...got)));
      if (asked) session.flush();
      return asked;
    },
  };
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
  private readonly session: Submitter & Waiter;
  private readonly work: Work;

  constructor(session: Submitter & Waiter, work: Work) {
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
      const { count } = judging.rewirings.changes;
      const same = await unchanged();
      if (same) {
        run.epoch = epoch;
        run.changes = count;
      }
      return same;
    };
    return { statement, unchanged: still };
  }

  clear(approved: boolean, done: Parameters<Submission['clear']>[1]): void {
    const { session, run } = this;
    const { changes } = session.judging.rewirings;
    const { left } = session.judging;
    if (left.any && run.statements.some(runsWhatIsLeft)) run.left = left.statements;
    if (this.parseOnly || this.failedTransaction || changes.free(run)) {
      done(this.conflict());
      return;
    }
    const { core } = session;
    // A Query in a pipeline: nothing of the proxy's own may run before it.
    const apart = core.segment && (this.protocol === 'simple' || this.protocol === 'function');
    const how = { shielded: () => this.shielded(), approved, ...waiting(session, !apart) };
    changes.settle(run, how, why =>
      session.guard(() => {
        const left = session.gone() || (approved && session.left());
        done(why ?? (this.late && left ? GONE : this.conflict()));
      }),
    );
  }

  private conflict(): string | null {
    const { judging, core } = this.session;
    return judging.protects ? judging.rewirings.conflict(this.run, core.inBlock) : null;
  }

  /** Whether it runs where the server refuses writes. */
  private shielded(): boolean {
    const { core } = this.session;
    if (core.inBlock || core.status !== 'I' || !secondWitness(this.judged)) return false;
    const extended = this.protocol === 'bind' || this.protocol === 'parse';
    return extended ? opensReads(core) : !core.segment;
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

  again(): void {
    const { session, work } = this;
    const { core, intake } = session;
    session.guard(() => {
      this.settled = true;
      intake.free();
      if (core.skipping) work.skipped?.();
      else whenJudgeable(session, work.again);
      if (!this.late) return;
      if (intake.block === null) intake.pump();
      else session.flush();
    });
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

const GONE = 'the agent disconnected';
