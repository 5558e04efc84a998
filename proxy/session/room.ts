import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';

/** What an analysis takes, about. */
const ANALYSIS = 2048;

/** About what a prepared statement of this text takes of the proxy's memory. */
export function bytesOf(text: string): number {
  return ANALYSIS + text.length;
}

type Names = Pick<Core, 'picture' | 'limits'>;

/** Why this session may not define one more prepared statement of this name, beside `others`; null where it may. */
export function roomForStatement(
  { picture, limits }: Names,
  name: string,
  others = 0,
): HoldpointError | null {
  if (picture.statements.hasRoom(name, limits.statements - others)) return null;
  const detail = `The limit is ${limits.statements}.`;
  return new HoldpointError('too_many_statements', undefined, { detail });
}

/** As `roomForStatement`, for a portal or cursor. */
export function roomForPortal({ picture, limits }: Names, name: string, others = 0): HoldpointError | null {
  if (picture.portals.hasRoom(name, limits.portals - others)) return null;
  return new HoldpointError('too_many_portals', undefined, { detail: `The limit is ${limits.portals}.` });
}

/** The same for what statements define by SQL's PREPARE and DECLARE. */
export function roomFor(names: Names, statements: readonly StatementAnalysis[]): HoldpointError | null {
  let others = 0;
  for (const { actions } of statements) {
    for (const action of actions) {
      if (action.kind !== 'prepare' && action.kind !== 'declare') continue;
      const room = action.kind === 'prepare' ? roomForStatement : roomForPortal;
      const fault = room(names, action.name, others);
      if (fault !== null) return fault;
      others += 1;
    }
  }
  return null;
}
