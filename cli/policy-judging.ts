import { isLonger } from '#proxy/policy/effects/text-size.ts';
import { judge, openAfter } from '#proxy/policy/judge.ts';
import { Judge } from '#proxy/session/judgement.ts';
import type { Analysis, StatementAnalysis } from '#schemas/analysis.ts';
import type { Policy } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import type { Verdict } from '#schemas/verdict.ts';

/** The analysis of a text under a catalog, and how bodies of prepared statements are added to it. */
export interface Analyse {
  text(sql: string, searchPath: readonly string[]): Analysis;
  withBody(outer: StatementAnalysis, body: StatementAnalysis | undefined): StatementAnalysis;
}

export interface JudgingRequest {
  readonly policy: Policy;
  readonly sql: string;
  /** Values of its parameters, where its meaning hangs on them; empty where they are not told. */
  readonly parameters: readonly string[];
  readonly principal: Principal;
  readonly target: string;
  readonly role: string;
  readonly inTransaction: boolean;
  readonly searchPath: readonly string[];
  readonly analyse: Analyse;
}

export interface Judging {
  readonly statements: readonly StatementAnalysis[];
  /** On the whole text, as the proxy gives it. */
  readonly verdict: Verdict;
  /** On each statement by itself, in order. */
  readonly alone: readonly Verdict[];
}

/**
 * Judges a text with the very parts that the proxy judges with, for a session that has prepared nothing before. Throws an Error
 * with the parser's words where the text does not parse.
 */
export function judging(request: JudgingRequest): Judging {
  const { policy, analyse, searchPath } = request;
  const who = { principal: request.principal, target: request.target, role: request.role };
  const decide = (statements: readonly StatementAnalysis[], inTransaction: boolean): Verdict =>
    judge(policy, { ...who, inTransaction }, statements);
  const nothing = { statement: () => undefined, cursor: () => undefined };
  const noCalls = () => {
    throw new Error('a text holds no fast-path call');
  };
  const session = new Judge(
    text =>
      isLonger(policy.limits.text, text, false) ? { kind: 'too-long' } : analyse.text(text, searchPath),
    noCalls,
    decide,
    statement => statement,
    analyse.withBody,
    nothing,
  );
  const result = session.text(request.sql);
  if (result.kind === 'too-long') throw new Error('the SQL is longer than limits.text of the policy');
  if (result.kind === 'syntax-error') {
    const where = result.position === null ? '' : ` (character ${result.position})`;
    throw new Error(`the SQL does not parse: ${result.message}${where}`);
  }
  const { parameters } = request;
  const { statements, verdict } =
    parameters.length === 0 ? result.judged : session.bound(result.judged, () => parameters);
  return {
    statements,
    verdict: request.inTransaction ? verdict.inTransaction : verdict.outside,
    alone: oneByOne(statements, request.inTransaction, decide),
  };
}

function oneByOne(
  statements: readonly StatementAnalysis[],
  inTransaction: boolean,
  decide: (statements: readonly StatementAnalysis[], inTransaction: boolean) => Verdict,
): Verdict[] {
  let open = inTransaction;
  return statements.map(statement => {
    const verdict = decide([statement], open);
    open = openAfter(open, statement);
    return verdict;
  });
}
