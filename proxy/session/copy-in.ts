import { HoldpointError } from '#schemas/errors.ts';
import { encode } from '../wire/backend.ts';
import type { Frames } from '../wire/frames.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Op } from './op.ts';
import type { Run } from './run.ts';
import type { ServerLine } from './server-line.ts';

/** What the server takes COPY data for. */
export interface CopyIn {
  readonly run: Run;
  readonly simple: boolean;
}

export function beginCopyIn(op: Op | undefined): CopyIn {
  if (op?.kind !== 'query' && op?.kind !== 'execute')
    throw new HoldpointError('internal', 'COPY data is asked for by nothing');
  return { run: op.run, simple: op.kind === 'query' };
}

/**
 * One message of the agent while the server takes COPY data, or a piece of one: the data is counted and hashed into the record as it
 * passes. A COPY may fail in the middle of a message (`copy` is null then): the server takes the rest of it, and drops it. Gives `done` when
 * the server will answer next, `gone` when the agent leaves. Source: manual 54.2.6 "COPY Operations".
 */
export function copyMessage(
  copy: CopyIn | null,
  line: ServerLine,
  { type, first, last }: Pick<Frames, 'type' | 'first' | 'last'>,
  bytes: Buffer,
): 'more' | 'done' | 'gone' {
  switch (type) {
    case FRONTEND.copyData:
      copy?.run.passed(first ? bytes.subarray(5) : bytes);
      line.send(bytes, null);
      line.halfway = !last;
      return 'more';
    case FRONTEND.copyDone:
    case FRONTEND.copyFail:
      line.send(bytes, null);
      if (copy?.simple !== true) line.askForAnswers();
      return 'done';
    case FRONTEND.flush:
    case FRONTEND.sync:
      // The server ignores both while it takes COPY data.
      return 'more';
    case FRONTEND.terminate:
      return 'gone';
    default:
      // The server says what is wrong with it by its type alone, and ends the connection: it gets a message of that type with nothing in it.
      line.send(encode(type), null);
      return 'done';
  }
}
