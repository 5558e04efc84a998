import { HoldpointError } from '#schemas/errors.ts';
import { show } from '../wire/frames.ts';
import type { Op } from './op.ts';

/** An answer that does not fit what was asked: the proxy's picture would no longer be the server's. */
export function expected(type: number, wanted: number, op: Op): void {
  if (type !== wanted) throw unexpected(type, `an answer to ${op.kind}`);
}

export function unexpected(type: number, where: string): HoldpointError {
  return new HoldpointError('internal', `the server sent a message of type ${show(type)} as ${where}`);
}
