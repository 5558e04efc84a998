import { accessEnds, openAccess } from '#proxy/policy/access.ts';
import { requirementOf } from '#proxy/policy/requirement.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { Requirement } from '#schemas/approval.ts';
import type { Policy, ProtectedColumn } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import type { Verdict } from '#schemas/verdict.ts';
import { type Analyse, judging } from './policy-judging.ts';
import { visible } from './visible.ts';

/** What to explain: a text, who sends it, where, and what stands in for the target's catalog. */
export interface Question {
  readonly policy: Policy;
  readonly sql: string;
  readonly parameters: readonly string[];
  readonly principal: Principal;
  readonly target: string;
  readonly role: string;
  readonly inTransaction: boolean;
  readonly searchPath: readonly string[];
  readonly analyse: Analyse;
  /** Milliseconds since 1970: for access windows. */
  readonly now: number;
}

/** What the proxy would make of it. */
export interface Explanation {
  readonly verdict: Verdict;
  /** The access entry that opens the session now, and when that session would end; null where none does. */
  readonly access: {
    readonly name: string;
    readonly readOnly: boolean;
    readonly ends: string;
    /** What has to be approved before it opens; null where nobody is asked. */
    readonly approval: Requirement | null;
  } | null;
  readonly statements: readonly { readonly analysis: StatementAnalysis; readonly verdict: Verdict }[];
  /** Protected columns of the relations that the text touches: masked wherever they reach the result. */
  readonly masked: readonly { readonly column: string; readonly mask: string }[];
}

/** Explains one text. Throws an Error with the parser's words where it does not parse. */
export function explain(question: Question): Explanation {
  const { policy, principal, target, role } = question;
  const { statements, verdict, alone } = judging(question);
  const access = openAccess(policy, { principal, target, role, now: question.now });
  return {
    verdict,
    access: access && {
      name: access.name,
      readOnly: access.readOnly,
      ends: new Date(accessEnds(access, question.now)).toISOString(),
      approval:
        access.approval === undefined ? null : requirementOf(`access ${access.name}`, access.approval),
    },
    statements: statements.map((analysis, i) => ({ analysis, verdict: alone[i]! })),
    masked: maskedColumns(policy, target, statements),
  };
}

function maskedColumns(
  policy: Policy,
  target: string,
  statements: readonly StatementAnalysis[],
): { column: string; mask: string }[] {
  const touched = new Set(statements.flatMap(({ effects }) => [...effects.reads, ...effects.writes]));
  const here = ({ targets }: ProtectedColumn): boolean => targets === undefined || targets.includes(target);
  const relation = ({ column }: ProtectedColumn): string => column.slice(0, column.lastIndexOf('.'));
  return policy.protected
    .filter(entry => here(entry) && touched.has(relation(entry)))
    .map(({ column, mask }) => ({ column, mask }));
}

/** The explanation as people read it. */
export function explanationText(explanation: Explanation, question: Question): string {
  const { verdict, access, statements, masked } = explanation;
  const lines = [`verdict    ${verdict.kind}, by rule ${verdict.rule}`];
  if (verdict.kind !== 'allow') lines.push(`says       ${verdict.message}`);
  if (verdict.kind === 'hold')
    for (const r of verdict.requirements)
      lines.push(
        `asks       ${r.quorum} of ${r.approvers.join(', ')} within ${r.deadlineSeconds} s (${r.mode}), by rule ${r.rule}`,
        ...(r.waitSeconds < r.deadlineSeconds ? [`then       ${comesBack(r)}`] : []),
      );
  lines.push(
    access === null
      ? `access     none: no entry opens a session for ${question.principal.subject} on ${question.target} as ${question.role} now`
      : `access     ${access.name}${access.readOnly ? ' (read-only)' : ''}, until ${access.ends} if opened now`,
  );
  if (access !== null && access.approval !== null) lines.push(...opening(access.approval));
  question.parameters.forEach((value, i) => {
    lines.push(`$${i + 1}         ${value}`);
  });
  statements.forEach(({ analysis, verdict: own }, i) => {
    const { effects } = analysis;
    if (statements.length > 1)
      lines.push('', `statement ${i + 1} of ${statements.length}: ${own.kind}, by rule ${own.rule}`);
    const list = (label: string, values: readonly string[]): void => {
      if (values.length > 0) lines.push(`${label.padEnd(10)} ${values.join(', ')}`);
    };
    list('commands', effects.commands);
    list('reads', effects.reads);
    list('writes', effects.writes);
    list('calls', effects.functions);
    list('cannot tell', effects.unknown);
    list('is', properties(analysis));
    lines.push(`rows       ${effects.rows === null ? 'no known bound' : `at most ${effects.rows}`}`);
  });
  if (masked.length > 0)
    lines.push('', `masked     ${masked.map(m => `${m.column} (${m.mask})`).join(', ')}`);
  else if (statements.some(s => s.analysis.touchesProtected))
    lines.push('', 'masked     whatever cannot be proven to hold nothing protected');
  return `${lines.map(line => visible(line)).join('\n')}\n`;
}

/** Who has to let somebody in first, and for how long. */
function opening(r: Requirement): string[] {
  const waits =
    r.waitSeconds === 0
      ? 'the agent is told to come back at once'
      : r.waitSeconds < r.deadlineSeconds
        ? `the agent waits for ${r.waitSeconds} s, and is told to come back then`
        : 'the agent waits for it';
  return [
    `opens      only once ${r.quorum} of ${r.approvers.join(', ')} have approved it, within ${r.deadlineSeconds} s (${r.mode}): ${waits}`,
    `then       its sessions can be opened for ${r.grantSeconds} s, and end with that`,
  ];
}

/** How it goes where the agent waits for less than approvers have. */
function comesBack({ waitSeconds, grantSeconds }: Requirement): string {
  const when = waitSeconds === 0 ? 'at once' : `after ${waitSeconds} s`;
  return `the agent is told to come back ${when}; once approved, the same statement runs once within ${grantSeconds} s`;
}

function properties({ effects, refusal, ownTransaction }: StatementAnalysis): string[] {
  const said: [boolean, string][] = [
    [effects.readOnly, 'a provable read'],
    [effects.keyed && !effects.commands.includes('empty'), 'keyed'],
    [effects.withoutWhere, 'without WHERE'],
    [effects.outside, 'reaching outside the database'],
    [ownTransaction, 'never inside a transaction block'],
    [refusal !== null, 'refused under any policy'],
  ];
  return said.filter(([is]) => is).map(([, words]) => words);
}
