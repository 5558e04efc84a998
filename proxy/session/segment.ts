import { HoldpointError } from '#schemas/errors.ts';
import type { Frames } from '../wire/frames.ts';
import { decodeParse, FRONTEND, statementOfBind } from '../wire/frontend.ts';
import type { TextReader } from '../wire/reader.ts';
import type { Judged } from './judgement.ts';
import { keyOf } from './names.ts';
import type { Prepared } from './picture.ts';

/** What an extended segment will do, from its first message to its Sync, as far as it has come in. */
export type SegmentKind = 'reads' | 'other' | 'nothing runs';

/** Codes of the faults of one message, for which it alone is refused. */
export const UNREADABLE: ReadonlySet<string> = new Set([
  'malformed',
  'encoding',
  'other_encoding',
  'unsupported',
  'in_failed_transaction',
]);

/**
 * Looks through the messages from the current one up to Sync, before the first of them is sent: its transaction begins with that one,
 * and whether it may write is decided there. A segment that has not come in whole counts as `other`: what is still to come may write.
 */
export function lookAhead(
  frames: Frames,
  reader: TextReader,
  judge: {
    /** Null where the text does not parse. */
    text(text: string, types: readonly number[]): Judged | null;
    /** A statement prepared before; null where there is none. Its text is null where SQL prepared it. */
    prepared(name: string): Prepared | null;
    bound(prepared: Prepared): Judged;
    /** Released, it runs where the server refuses writes. */
    read(judged: Judged): boolean;
  },
): SegmentKind {
  let parsed: Map<string, { readonly text: string; readonly types: readonly number[] }> | null = null;
  let reads = true;
  let binds = false;
  let complete = false;
  const judgedOf = (statement: string): Judged | null => {
    const source = parsed?.get(keyOf(statement));
    if (source !== undefined) return judge.text(source.text, source.types);
    const prepared = judge.prepared(statement);
    return prepared === null || prepared.text === null ? null : judge.bound(prepared);
  };
  const visit = (type: number, buffer: Buffer, start: number, end: number): boolean => {
    switch (type) {
      case FRONTEND.sync:
        complete = true;
        return false;
      case FRONTEND.parse: {
        const message = decodeParse(buffer, start, end, reader);
        parsed ??= new Map();
        parsed.set(keyOf(message.name), message);
        return true;
      }
      case FRONTEND.bind: {
        binds = true;
        const judged = judgedOf(statementOfBind(buffer, start, end, reader));
        if (judged === null || !judge.read(judged)) reads = false;
        return reads;
      }
      case FRONTEND.query:
        reads = false;
        return false;
      default:
        return true;
    }
  };
  try {
    if (visit(frames.type, frames.buffer, frames.start, frames.end)) frames.ahead(visit);
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error;
    // It may be readable in the encoding that the session has by then.
    if (error.code === 'other_encoding') return 'other';
    // That message will be refused, and what is behind it skipped.
    if (!UNREADABLE.has(error.code)) throw error;
    complete = true;
  }
  if (complete && !binds) return 'nothing runs';
  return complete && reads ? 'reads' : 'other';
}
