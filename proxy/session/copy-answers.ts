import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND } from '../wire/backend.ts';
import type { AnswersOwner } from './answers-owner.ts';
import type { Op } from './op.ts';
import type { Passage } from './passage.ts';
import { unexpected } from './unexpected.ts';

/** What the server answers to a COPY, in either direction; anything else that comes here is no answer to what was asked. */
export class CopyAnswers {
  private readonly passage: Passage;
  private readonly owner: Pick<AnswersOwner, 'protects' | 'copyIn'>;

  constructor(passage: Passage, owner: Pick<AnswersOwner, 'protects' | 'copyIn'>) {
    this.passage = passage;
    this.owner = owner;
  }

  /** `first`: these bytes begin a message, which may come in several portions. Throws where the message fits no COPY. */
  answer(
    op: Op & { kind: 'query' | 'execute' },
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
    first: boolean,
  ): void {
    const { run } = op;
    switch (type) {
      case BACKEND.copyOut:
        // Promise 7, second lock: the analysis has refused a COPY out of anything protected; rows of COPY carry no origin to mask by.
        if (run.touchesProtected && this.owner.protects())
          throw new HoldpointError('internal', 'COPY out of a protected relation');
        if (op.kind === 'query') op.plan = null;
        else op.portal.plan = null;
        break;
      case BACKEND.copyIn:
        // What the agent sends from here on is passed on as data: only where a COPY was judged.
        if (!run.statements.some(s => s.effects.commands.includes('copy-in')))
          throw unexpected(type, 'an answer to what is no COPY');
        this.passage.pass(buffer, start, end);
        this.owner.copyIn();
        return;
      case BACKEND.copyData:
        if (first) run.rows++;
        this.passage.tell(run, buffer.subarray(start, end));
        break;
      case BACKEND.copyDone:
        break;
      default:
        throw unexpected(type, `an answer to ${op.kind}`);
    }
    this.passage.pass(buffer, start, end);
  }
}
