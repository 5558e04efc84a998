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
const JOINED =
  'this transaction has joined the table with protected columns: commit it before anything else is done to the table';
const PREPARED =
  'this transaction has changed what names mean around protected columns: it cannot be prepared, to be committed by anybody at any time';

/**
 * Why no policy could allow these statements of one text in this session, as a sentence; null where the policy decides. `rewired`: the open
 * transaction has changed what names mean around protected columns, and has joined relations of the names in `joined` with them.
 */
export function neverAllowed(
  statements: readonly StatementAnalysis[],
  readOnly: boolean,
  rewired: boolean,
  joined: ReadonlySet<string>,
): string | null {
  if (readOnly && statements.some(turnsWritesOn)) return READ_ONLY;
  if (statements.some(takesOwnName)) return NAMES;
  if (readOnly && statements.some(s => mayTurnWritesOn(s, statements.length))) return MAYBE_READ_ONLY;
  if (statements.some(prepares) && (rewired || statements.some(s => s.rewires === true))) return PREPARED;
  if (joined.size > 0 && statements.some(s => s.joins === undefined && names(s, joined))) return JOINED;
  return rewired && !statements.every(harmlessAfterRewiring) ? REWIRED : null;
}

function names({ effects }: StatementAnalysis, joined: ReadonlySet<string>): boolean {
  return effects.writes.some(label => [...joined].some(name => label.endsWith(`.${name}`)));
}

/** PREPARE TRANSACTION. */
function prepares(statement: StatementAnalysis): boolean {
  return isTwoPhase(statement) && statement.actions.some(action => action.kind === 'commit');
}

/** PREPARE and DECLARE under a name that the proxy uses; its protocol messages are refused where they are read. */
function takesOwnName({ actions }: StatementAnalysis): boolean {
  return actions.some(a => (a.kind === 'prepare' || a.kind === 'declare') && a.name.startsWith(OWN));
}
