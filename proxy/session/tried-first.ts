import type { Verdict } from '#schemas/verdict.ts';
import type { Core } from './core.ts';
import type { Judged } from './judgement.ts';

/** What might be a parameter, strings set aside: where nobody declares their types, Parse would find some and a Query has none. */
const STRING = /'[^']*'/g;
const PARAMETER = /\$\d/;

/**
 * Whether the server is to parse the text of a Query before people are asked: as it is with what is held in the extended protocol, where Parse goes
 * before Bind. Most of what it would refuse it refuses there (names that lead nowhere, types that do not fit), and nobody can approve that. It
 * runs nothing, so that nothing hangs on who makes such a name meanwhile. So it is where a text is denied for nothing but names that nobody knows.
 */
export function isTriedFirst(core: Pick<Core, 'segment' | 'status' | 'inBlock'>, judged: Judged): boolean {
  const [statement, second] = judged.statements;
  if (statement?.namesAtParse !== true || second !== undefined) return false;
  if (statement.parseRuns === true || PARAMETER.test(judged.text.replace(STRING, ''))) return false;
  const { atParse } = judged;
  return mayAsk(core, judged) && (atParse === undefined || kindOf(core, atParse) !== 'deny');
}

/** It would be held, or is denied for nothing but its names, and the server can be asked in the transaction that it would run in. */
export function mayAsk(core: Pick<Core, 'segment' | 'status' | 'inBlock'>, judged: Judged): boolean {
  const kind = kindOf(core, judged);
  return (
    !core.segment &&
    core.status !== 'E' &&
    (kind === 'hold' || (kind === 'deny' && judged.atParse !== undefined))
  );
}

/** Its verdict where it would run. */
export function kindOf({ inBlock }: Pick<Core, 'inBlock'>, { verdict }: Judged): Verdict['kind'] {
  return (inBlock ? verdict.inTransaction : verdict.outside).kind;
}

/** It has names that lead nowhere, and is judged as if they led to something harmless until it is bound: by a catalog of now, or somebody has made them since. */
export function lacksNames({ atParse, statements }: Judged): boolean {
  return atParse !== undefined && statements.some(s => s.found !== undefined);
}
