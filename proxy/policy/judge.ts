import type { SessionAction, StatementAnalysis } from '#schemas/analysis.ts';
import type { Policy, Rule } from '#schemas/policy.ts';
import { DEFAULT_DENY, INVARIANT, type Verdict } from '#schemas/verdict.ts';
import { type MatchRequest, matchesRule } from './match.ts';
import { requirementOf } from './requirement.ts';

/** Who asks, where, and in which transaction state the message finds the session. */
export type JudgeRequest = MatchRequest;

/** The rule name under which a statement that does nothing is allowed. The loader keeps rules from taking it. */
export const EMPTY_STATEMENT = 'empty';

const OPAQUE =
  'it runs SQL, or leads to data, that cannot be read beforehand and could carry protected values out: only a rule that holds it for a person can let it pass';
const NO_RULE = 'no rule of the policy allows this statement';

/**
 * The verdict on one message: the strictest of its statements' verdicts. Per statement: a refusal of the analysis is a denial;
 * then the first rule that matches; then denial. Several hold rules are all asked for, each once. A message without any
 * statement is a denial too: the analysis gives an `empty` statement for text that does nothing.
 */
export function judge(
  policy: Policy,
  request: JudgeRequest,
  statements: readonly StatementAnalysis[],
): Verdict {
  const verdicts: Verdict[] = [];
  let { inTransaction } = request;
  for (const statement of statements) {
    verdicts.push(judgeStatement(policy, { ...request, inTransaction }, statement));
    inTransaction = openAfter(inTransaction, statement);
  }
  return strictest(verdicts);
}

function judgeStatement(policy: Policy, request: JudgeRequest, statement: StatementAnalysis): Verdict {
  if (statement.refusal !== null) return { kind: 'deny', rule: INVARIANT, message: statement.refusal };
  if (doesNothing(statement)) return { kind: 'allow', rule: EMPTY_STATEMENT };
  const rule = policy.rules.find(candidate => matchesRule(policy, candidate, request, statement));
  if (rule === undefined) return { kind: 'deny', rule: DEFAULT_DENY, message: NO_RULE };
  // A rule alone cannot vouch for what nobody has read; people who read it can.
  if (rule.verdict === 'allow' && statement.opaque === true)
    return { kind: 'deny', rule: INVARIANT, message: OPAQUE };
  return verdictOf(rule);
}

function verdictOf(rule: Rule): Verdict {
  switch (rule.verdict) {
    case 'allow':
      return { kind: 'allow', rule: rule.name };
    case 'deny':
      return { kind: 'deny', rule: rule.name, message: rule.message };
    case 'hold':
      return {
        kind: 'hold',
        rule: rule.name,
        message: rule.message,
        requirements: [requirementOf(rule.name, rule)],
      };
  }
}

function strictest(verdicts: readonly Verdict[]): Verdict {
  const denial = verdicts.find(verdict => verdict.kind === 'deny');
  if (denial !== undefined) return denial;
  const holds = verdicts.filter(verdict => verdict.kind === 'hold');
  const [first] = holds;
  if (first !== undefined) {
    const byRule = new Map(holds.flatMap(hold => hold.requirements).map(r => [r.rule, r]));
    const message = [...new Set(holds.map(hold => hold.message))].join('; ');
    return { kind: 'hold', rule: first.rule, message, requirements: [...byRule.values()] };
  }
  const allowed = verdicts.filter(verdict => verdict.kind === 'allow');
  return (
    allowed.find(verdict => verdict.rule !== EMPTY_STATEMENT) ??
    allowed[0] ?? { kind: 'deny', rule: INVARIANT, message: 'there is no statement to judge' }
  );
}

/** Comments and semicolons only. Every field is asked, so that a mislabelled statement does not pass as nothing. */
function doesNothing({ effects, actions, executes, cursor }: StatementAnalysis): boolean {
  return (
    effects.readOnly &&
    effects.commands.every(command => command === 'empty') &&
    effects.reads.length + effects.writes.length + effects.functions.length + effects.unknown.length === 0 &&
    !effects.outside &&
    actions.length === 0 &&
    executes === null &&
    cursor === null
  );
}

/** Whether a transaction block is open when the statement has succeeded: the next one of the same message runs in it. */
export function openAfter(open: boolean, { actions }: StatementAnalysis): boolean {
  return actions.reduce(transactionAfter, open);
}

function transactionAfter(open: boolean, action: SessionAction): boolean {
  switch (action.kind) {
    case 'begin':
      return true;
    case 'commit':
    case 'rollback':
      return false;
    case 'savepoint':
    case 'release':
    case 'rollback-to':
    case 'prepare':
    case 'deallocate':
    case 'declare':
    case 'close':
    case 'discard':
    case 'set':
      return open;
  }
}
