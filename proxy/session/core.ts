import type { Named, Sought, StatementAnalysis, Values } from '#schemas/analysis.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import type { Pipeline, Submission } from '../pipeline.ts';
import type { TransactionStatus } from '../wire/backend.ts';
import type { Frames } from '../wire/frames.ts';
import type { Answers } from './answers.ts';
import type { Encoding } from './encoding.ts';
import type { Block } from './intake.ts';
import type { Judge, Judged } from './judgement.ts';
import type { KeptPlans } from './kept-plans.ts';
import type { OpenedCursors } from './opened-cursors.ts';
import type { SessionLimits } from './parts.ts';
import type { Picture, Prepared } from './picture.ts';
import type { RecordedAhead } from './recorded-ahead.ts';
import type { Retiring } from './retiring.ts';
import type { Run } from './run.ts';
import type { ServerLine } from './server-line.ts';

/** What the two protocols share of a session. */
export interface Core {
  readonly frames: Frames;
  readonly line: ServerLine;
  readonly answers: Answers;
  readonly picture: Picture;
  readonly judge: Judge;
  readonly pipeline: Pipeline;
  readonly ahead: RecordedAhead;
  readonly encoding: Encoding;
  readonly retiring: Retiring;
  readonly plans: KeptPlans;
  readonly opened: Pick<OpenedCursors, 'doubts' | 'moves'>;
  readonly limits: Pick<SessionLimits, 'text' | 'statements' | 'portals' | 'messageBytes'>;
  /** Of the server's version. */
  readonly major: number;
  /** As of the last ReadyForQuery. */
  readonly status: TransactionStatus;
  /** Inside the agent's transaction block, also where no ReadyForQuery has said so yet (a pipelined BEGIN). */
  readonly inBlock: boolean;
  /** It has begun by BEGIN, and so does not end at Sync. */
  readonly began: boolean;
  /** Something was sent since the last Sync: the server is inside an implicit transaction. */
  segment: boolean;
  /** A Bind was sent since the last Sync: what comes now runs behind it, in the same transaction. */
  bound: boolean;
  /** A Flush was sent since then: the agent may have waited for answers before it goes on. */
  flushed: boolean;
  /** How often DDL of this session has changed what names mean around protected columns. */
  rewired: number;
  /** An error was answered in the extended protocol: everything up to Sync is skipped, as the server does. */
  skipping: boolean;
  wait(why: Block): void;
  /** Runs it when the server refuses writes; the message that is looked at now is refused where a time-out strikes that. */
  whenSwitched(then: () => void): void;
  /** Runs it behind the segment, in which nothing has run. */
  whenApart(then: () => void): void;
  /** Runs it when the server has no plans left that were made under another catalog. */
  whenReplanned(then: () => void): void;
  /** Runs it when it is known which prepared statements are still the agent's own. */
  whenNamed(then: () => void): void;
  /** Runs it when the catalog is known to be the target's as it is now. */
  whenConfirmed(then: () => void): void;
  /** Runs `there`, or `missing` where the server has nothing of that name. */
  whenSought(sought: Sought, there: () => void, missing: (error: HoldpointError) => void): void;
  /** Runs it when what was sent before in this segment has been answered; not at all where something of that has failed. */
  whenAnswered(then: () => void): void;
  /** Runs it when the server has parsed the text and refuses nothing of it; else that is the answer to the message that is looked at now. */
  whenTried(text: Buffer, run: Run, then: () => void): void;
  /** The catalog is there, so that a text not seen before can be judged. */
  canJudge(): boolean;
  run(statements: readonly StatementAnalysis[]): Run;
  /** Judged anew: the meaning of a prepared statement may have changed since. Without values it is never more than looked at. */
  judgedBind(prepared: Prepared, values?: () => Values): Judged;
  /** What PREPARE or DECLARE of this make. */
  fromSql(named: Pick<Named, 'body' | 'text'>, epoch: number | null): Prepared;
  /** What goes on has been judged anew. */
  sent(statements: readonly StatementAnalysis[]): void;
  judgedText(text: string, types: readonly number[]): Judged | null;
  /** True where a portal that goes on, or what is left to the end, has to wait for other sessions; then `again` looks at its message once more. */
  waitsToGoOn(run: Run, again: () => void): boolean;
  /** What the transaction has left to its end, as something that runs there; null where there is nothing. */
  left(): Run | null;
  /** It is sent now, without a message of its own. */
  goesOn(run: Run): void;
  /** True where it has to wait. */
  submit(
    work: Pick<
      Submission,
      'run' | 'judged' | 'protocol' | 'parameters' | 'intended' | 'forward' | 'refuse' | 'again'
    > &
      Described,
  ): boolean;
  refuseSimple(error: HoldpointError, position?: number | null, dropsUnnamed?: boolean): void;
  /** `dropsUnnamed`: as the server does with the unnamed statement at each Parse without a name, whatever comes of it. */
  refuseExtended(error: HoldpointError, position?: number | null, dropsUnnamed?: boolean): void;
}

export interface Described {
  readonly resultFormats?: readonly number[];
  readonly parseOnly?: boolean;
  /** An earlier message of the segment has failed meanwhile. Without it, nothing is to be done then. */
  readonly skipped?: () => void;
}

/**
 * Sync ends the transaction of its pipeline, and so may a message that is answered with ReadyForQuery: from Postgres 17 on that leaves it open
 * where something has run before it, and says `T` though nothing has begun a block.
 */
export function endsSegment({ began, segment, status }: Core): boolean {
  return !began && (segment || status !== 'I');
}

/** What comes now and is answered with ReadyForQuery has nothing to do with what was sent since the last Sync: of that nothing has run. */
export function belongsApart({ bound, inBlock, segment, status }: Core): boolean {
  return segment && !bound && !inBlock && status === 'I';
}

/** It is to run where the server refuses writes, and the agent's time-out may strike the switch to there. */
export function mayMissItsWitness({ line, segment, status }: Core, judged: Judged): boolean {
  return line.hasty && !line.readOnly && status === 'I' && !segment && secondWitness(judged);
}

/** Whether it is to run where the server refuses writes: a BEGIN would hand that on to its transaction, a SHOW would show it. */
export function secondWitness({ reads, statements }: Judged): boolean {
  return (
    reads &&
    !statements.some(s => s.effects.commands.includes('show') || s.actions.some(a => a.kind === 'begin'))
  );
}
