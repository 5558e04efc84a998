import type { StatementAnalysis } from '#schemas/analysis.ts';
import { either } from './either.ts';
import type { Judge, Judged } from './judgement.ts';
import { covers, type Means } from './left-to-end.ts';
import type { SessionParts } from './parts.ts';
import type { Prepared } from './picture.ts';

/**
 * A statement that was parsed by other means than it is judged by now. The server has chosen the types of its parameters when it parsed it, and keeps
 * them whatever names mean since: their values are read, and checked, as of the types that had the names then. `given`: by EXECUTE, which casts them.
 */
export function asParsed(
  prepared: Pick<Prepared, 'analysis' | 'under'>,
  judged: Judged,
  given: boolean,
  judge: Judge,
  means: Means | null,
  { analyseTypes }: Pick<SessionParts, 'analyseTypes'>,
): Judged {
  const { types } = prepared.analysis;
  const [statement] = judged.statements;
  if (types === undefined || statement === undefined || means === null || prepared.under === judge.stamp)
    return judged;
  const now = analyseTypes(types, given, means);
  if (covers(statement, now)) return judged;
  return judge.statements(judged.text, [withTypes(statement, now)], judged.alone, judged.escapes);
}

function withTypes(statement: StatementAnalysis, now: StatementAnalysis): StatementAnalysis {
  const { bound, cursor, executes } = statement;
  return {
    ...statement,
    ...either(statement, now),
    ...(bound === undefined
      ? {}
      : { bound: { before: withTypes(bound.before, now), by: values => withTypes(bound.by(values), now) } }),
    cursor,
    executes,
  };
}
