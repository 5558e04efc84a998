import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, field } from '../wire/backend.ts';
import type { Op } from './op.ts';

/** The SQLSTATE of a statement that statement_timeout has struck. */
const QUERY_CANCELED = '57014';
/** And those of a lock that the proxy asks for in the agent's place. */
const FOR_THE_AGENT: ReadonlySet<string> = new Set([QUERY_CANCELED, '55P03', '40P01']);

/**
 * A message of the proxy's own has failed. False where that is the agent's to hear: in mid-pipeline a time-out that it has set ends the
 * pipeline, whichever message of it was running. Throws where nothing but a fault of the proxy's can have done it.
 */
export function ownFault(op: Op & { kind: 'own' }, fields: Parameters<typeof field>[0]): boolean {
  if (op.run !== undefined) return false;
  const why = `${field(fields, 'C')} ${field(fields, 'M')}`;
  if (op.failed !== undefined) {
    op.failed(why);
    return true;
  }
  if (op.until !== BACKEND.readyForQuery && FOR_THE_AGENT.has(field(fields, 'C'))) return false;
  throw new HoldpointError('internal', `the proxy's own statement failed: ${why}`);
}

/** What the agent hears where a question that must not fail has failed: of that only a time-out leaves the session what it was. */
export function struck(why: string): HoldpointError {
  if (!why.startsWith(QUERY_CANCELED))
    throw new HoldpointError('internal', `the proxy's own statement failed: ${why}`);
  const source = { file: 'postgres.c', routine: 'ProcessInterrupts' };
  return new HoldpointError('cancelled', why.slice(QUERY_CANCELED.length + 1), { source });
}
