import { HoldpointError } from '#schemas/errors.ts';
import type { MaskPlan } from './plan.ts';

/** Type byte, length, length of the value. */
const HEAD = 9;

/**
 * A FunctionCallResponse with its value masked; its type byte is the first byte of `frame`. The plan is for one column without an
 * origin, so that what stands for the value never hangs on it. Source: manual 54.7, FunctionCallResponse.
 */
export function maskResult(plan: MaskPlan, frame: Buffer): Buffer {
  const [replacement, more] = plan.columns;
  if (frame.length < HEAD || replacement?.kind !== 'constant' || more !== undefined)
    throw new HoldpointError('protocol', 'the result of a call cannot be masked');
  const isNull = frame.readInt32BE(5) === -1;
  const bytes = isNull ? null : replacement.bytes;
  const masked = Buffer.alloc(HEAD + (bytes?.length ?? 0));
  masked[0] = frame[0]!;
  masked.writeInt32BE(masked.length - 1, 1);
  masked.writeInt32BE(bytes?.length ?? -1, 5);
  bytes?.copy(masked, HEAD);
  return masked;
}
