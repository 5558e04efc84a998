import type { StatementAnalysis } from '#schemas/analysis.ts';
import { harmlessAfterRewiring } from './keeps-meaning.ts';
import { OWN } from './server-line.ts';
import { isTwoPhase } from './settings.ts';
import { mayTurnWritesOn, turnsWritesOn } from './writes-on.ts';

const READ_ONLY = 'this session is read-only: its access entry says so';
const MAYBE_READ_ONLY = 'cannot tell that this read-only session stays so';
const NAMES = `names that begin with ${OWN} belong to the proxy`;
const REWIRED =
  'this transaction has changed what names mean around protected columns: commit it before anything else runs';
const PREPARED =
  'this transaction has changed what names mean around protected columns: it cannot be prepared, to be committed by anybody at any time';

/**
 * Why no policy could allow these statements of one text in this session, as a sentence; null where the policy decides. `rewired`: the open
 * transaction has changed what names mean around protected columns.
 */
export function neverAllowed(
  statements: readonly StatementAnalysis[],
  readOnly: boolean,
  rewired: boolean,
): string | null {
  if (readOnly && statements.some(turnsWritesOn)) return READ_ONLY;
  if (statements.some(takesOwnName)) return NAMES;
  if (readOnly && statements.some(s => mayTurnWritesOn(s, statements.length))) return MAYBE_READ_ONLY;
  if (statements.some(prepares) && (rewired || statements.some(s => s.rewires === true))) return PREPARED;
  return rewired && !statements.every(harmlessAfterRewiring) ? REWIRED : null;
}

/** PREPARE TRANSACTION. */
function prepares(statement: StatementAnalysis): boolean {
  return isTwoPhase(statement) && statement.actions.some(action => action.kind === 'commit');
}

/** PREPARE and DECLARE under a name that the proxy uses; its protocol messages are refused where they are read. */
function takesOwnName({ actions }: StatementAnalysis): boolean {
  return actions.some(a => (a.kind === 'prepare' || a.kind === 'declare') && a.name.startsWith(OWN));
}
