import { HoldpointError } from '#schemas/errors.ts';
import type { MaskPlan } from '../mask/plan.ts';
import { maskResult } from '../mask/result.ts';
import type { AnswersOwner } from './answers-owner.ts';
import type { Passage } from './passage.ts';
import type { Run } from './run.ts';
import type { Shield } from './shield.ts';

/** The one value that a fast-path call gives back, masked where it may be protected. */
export class CallResult {
  private readonly passage: Passage;
  private readonly shield: Shield;
  private readonly owner: Pick<AnswersOwner, 'completed'>;

  constructor(passage: Passage, shield: Shield, owner: Pick<AnswersOwner, 'completed'>) {
    this.passage = passage;
    this.shield = shield;
    this.owner = owner;
  }

  /** The server has called the function. */
  begin(run: Run): void {
    const statement = run.current;
    if (statement === undefined) throw new HoldpointError('internal', 'one call has two results');
    run.index++;
    run.rows = 1;
    run.tag = 'FUNCTION';
    this.shield.touched(run);
    this.owner.completed(statement, run);
  }

  /** The response, or a piece of one that passes as it is. */
  pass(run: Run, plan: MaskPlan | null, buffer: Buffer, start: number, end: number): void {
    if (plan === null) {
      this.passage.tell(run, buffer.subarray(start, end));
      this.passage.pass(buffer, start, end);
      return;
    }
    const masked = maskResult(plan, buffer.subarray(start, end));
    this.passage.tell(run, masked);
    this.passage.make(masked);
  }
}
