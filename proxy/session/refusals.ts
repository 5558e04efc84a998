import { HoldpointError } from '#schemas/errors.ts';
import { encodeError, encodeReady } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Core } from './core.ts';
import { HIGH_WATER, type Outbox } from './outbox.ts';
import { lineOf } from './source-lines.ts';

type State = Pick<
  Core,
  'frames' | 'encoding' | 'major' | 'status' | 'segment' | 'skipping' | 'line' | 'picture' | 'wait'
>;

/** Where the server says of a message that its transaction is aborted. */
const ABORTED: ReadonlyMap<number, string> = new Map([
  [FRONTEND.query, 'exec_simple_query'],
  [FRONTEND.parse, 'exec_parse_message'],
  [FRONTEND.bind, 'exec_bind_message'],
  [FRONTEND.execute, 'exec_execute_message'],
  [FRONTEND.functionCall, 'HandleFunctionRequest'],
]);

/** The answer to the message that is looked at now. */
export function answer(
  core: Pick<State, 'frames' | 'encoding' | 'major'>,
  error: HoldpointError,
  position?: number | null,
): Buffer {
  const { type } = core.frames;
  const routine = error.code === 'in_failed_transaction' ? ABORTED.get(type) : undefined;
  const file = type === FRONTEND.functionCall ? 'fastpath.c' : 'postgres.c';
  const said =
    routine === undefined ? error : new HoldpointError(error.code, undefined, { source: { file, routine } });
  return encodeError(said, 'ERROR', position, core.encoding.say, lineOf(core.major, said));
}

/**
 * A refusal of a simple Query: an ErrorResponse and ReadyForQuery. Where the server is inside a transaction, a statement that fails for
 * certain is sent in its place, so that both sides end up aborted, as a failing statement leaves them.
 */
export function refuseSimple(
  core: State,
  outbox: Outbox,
  error: HoldpointError,
  position?: number | null,
  dropsUnnamed = false,
): void {
  const bytes = answer(core, error, position);
  if (core.status === 'T' || core.segment) {
    core.line.poison(bytes, 'simple', dropsUnnamed);
    core.wait('ready');
    return;
  }
  if (dropsUnnamed) core.picture.statements.confirm('', null);
  outbox.write(bytes);
  outbox.write(encodeReady(core.status));
  // Nothing else slows an agent that asks for refusals and reads none of them.
  if (outbox.backlog > HIGH_WATER) core.wait('reader');
}

/** A refusal in the extended protocol: an ErrorResponse, and everything up to Sync is skipped, here and at the server. */
export function refuseExtended(
  core: State,
  outbox: Outbox,
  error: HoldpointError,
  position?: number | null,
  dropsUnnamed = false,
): void {
  const bytes = answer(core, error, position);
  core.skipping = true;
  if (core.status === 'T' || core.segment) {
    core.line.poison(bytes, 'extended', dropsUnnamed);
    return;
  }
  core.picture.settle();
  if (dropsUnnamed) core.picture.statements.confirm('', null);
  outbox.write(bytes);
}

/** A refusal of the message that is looked at now, in its own protocol. */
export function refuseMessage(
  core: Pick<Core, 'frames' | 'refuseSimple' | 'refuseExtended'>,
  error: HoldpointError,
): void {
  const { type } = core.frames;
  // Both are answered with a ReadyForQuery, also where they fail; behind anything else the server skips to Sync.
  if (type === FRONTEND.query || type === FRONTEND.functionCall) core.refuseSimple(error);
  else core.refuseExtended(error);
}
