import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';
import type { Judged } from './judgement.ts';

/** `routine`: which of the server's reads the message. */
export function unknownStatement(name: string, routine: string): HoldpointError {
  const source = name === '' ? { file: 'postgres.c', routine } : FETCH_STATEMENT;
  const which = name === '' ? 'unnamed prepared statement' : `prepared statement "${name}"`;
  return new HoldpointError('unknown_statement', `${which} does not exist`, { source });
}

export function unknownPortal(name: string, routine: string): HoldpointError {
  const source = { file: 'postgres.c', routine };
  return new HoldpointError('unknown_portal', `portal "${name}" does not exist`, { source });
}

const FETCH_STATEMENT = { file: 'prepare.c', routine: 'FetchPreparedStatement' };
const FETCH_PORTAL = { file: 'portalcmds.c', routine: 'PerformPortalFetch' };

/**
 * What is denied because a name stands for nothing is answered as the server would. Only what is denied: where policy lets through what
 * cannot be told, the server may know a name that was made out of sight.
 */
export function asTheServer(
  core: Pick<Core, 'picture' | 'status'>,
  { statements }: Judged,
  error: HoldpointError,
): HoldpointError {
  const [statement, second] = statements;
  if (error.code !== 'denied' || statement === undefined || second !== undefined) return error;
  const { executes, cursor, effects } = statement;
  const fetches = cursor !== null && effects.commands[0] === 'cursor';
  const noStatement = executes !== null && core.picture.statements.get(executes) === undefined;
  const noCursor = fetches && core.picture.portals.get(cursor) === undefined;
  if (!noStatement && !noCursor) return error;
  // There the server does not even look.
  if (core.status === 'E') return new HoldpointError('in_failed_transaction');
  if (noStatement) return unknownStatement(executes, '');
  return new HoldpointError('unknown_portal', `cursor "${cursor}" does not exist`, { source: FETCH_PORTAL });
}

/** Codes of a name that stands for nothing. */
const MISSED: ReadonlySet<string> = new Set(['unknown_statement', 'unknown_portal']);

/**
 * Of a Bind that is denied because a name in it stands for nothing: what its Execute is answered. The server looks names up when it runs
 * a portal, so that this one may be bound where policy allows what the text does by itself; it never runs.
 */
export function missedLater(
  core: Pick<Core, 'picture' | 'status' | 'inBlock'>,
  judged: Judged,
): { readonly bound: Judged; readonly error: HoldpointError } | undefined {
  const { atParse } = judged;
  const kind = ({ verdict }: Judged) => (core.inBlock ? verdict.inTransaction : verdict.outside).kind;
  if (atParse === undefined || kind(judged) !== 'deny' || kind(atParse) !== 'allow') return undefined;
  const error = asTheServer(core, judged, new HoldpointError('denied'));
  return MISSED.has(error.code) ? { bound: atParse, error } : undefined;
}
