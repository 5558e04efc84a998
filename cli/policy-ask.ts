import { pathFor } from '#proxy/policy/search-path.ts';
import { databaseCatalog, type OpenedCatalog, recordedCatalog } from './policy-catalog.ts';
import { type Explanation, explain, explanationText, type Question } from './policy-explain.ts';
import { DEV_ISSUER, DEV_TARGET, type PolicyRead, readPolicyFile } from './policy-file.ts';
import { imaginePlace, imaginePrincipal } from './policy-principal.ts';

/** The options of `holdpoint policy explain`. */
export interface Ask {
  readonly sql: string;
  readonly param: readonly string[];
  readonly as?: string;
  readonly email?: string;
  readonly group: readonly string[];
  readonly issuer?: string;
  readonly target?: string;
  readonly role?: string;
  readonly policy: string;
  readonly db?: string;
  readonly searchPath?: string;
  readonly inTransaction?: true;
}

export interface Answer {
  readonly explanation: Explanation;
  readonly question: Question;
  /** Where the catalog came from. */
  readonly source: string;
}

/** Asks a policy file about one text. Throws an Error, or a PolicyError, fit for people. */
export async function ask(options: Ask, now: number): Promise<Answer> {
  const names = new Set([DEV_TARGET, ...(options.target === undefined ? [] : [options.target])]);
  const read = readPolicyFile(options.policy, { targets: [...names], issuers: [DEV_ISSUER] });
  const { policy } = read;
  const { target, role } = imaginePlace(policy, options);
  const { analyse, source } = await openCatalog(read, target, options.db);
  const question: Question = {
    policy,
    sql: options.sql,
    parameters: options.param,
    principal: imaginePrincipal(policy, {
      as: options.as,
      email: options.email,
      groups: options.group,
      issuer: options.issuer,
    }),
    target,
    role,
    inTransaction: options.inTransaction === true,
    searchPath: pathFor(options.searchPath ?? '"$user", public', role),
    analyse,
    now,
  };
  return { explanation: explain(question), question, source };
}

/** The database that is named, or what was recorded: the sample shop for the target that dev would add, an empty server otherwise. */
export function openCatalog(
  { policy, borrowed }: PolicyRead,
  target: string,
  db: string | undefined,
): Promise<OpenedCatalog> {
  if (db !== undefined) return databaseCatalog(policy, target, db);
  return recordedCatalog(
    policy,
    target,
    target === DEV_TARGET && borrowed.targets.includes(target),
    sentence => {
      process.stderr.write(`note: ${sentence}\n`);
    },
  );
}

/** The answer as people read it. */
export function answerText({ explanation, question, source }: Answer): string {
  return `${explanationText(explanation, question)}catalog    ${source}\n`;
}

/** The answer as `--json` prints it. */
export function answerJson({ explanation, question, source }: Answer): object {
  const { verdict, access, statements, masked } = explanation;
  const { principal, target, role, parameters, sql } = question;
  return {
    verdict: verdict.kind,
    rule: verdict.rule,
    message: verdict.kind === 'allow' ? '' : verdict.message,
    requirements: verdict.kind === 'hold' ? verdict.requirements : [],
    access,
    principal: {
      issuer: principal.issuer,
      subject: principal.subject,
      email: principal.email ?? null,
      groups: principal.groups,
    },
    target,
    role,
    sql,
    parameters,
    statements: statements.map(({ analysis, verdict: own }) => ({
      verdict: own.kind,
      rule: own.rule,
      effects: analysis.effects,
      refusal: analysis.refusal,
    })),
    masked,
    catalog: source,
  };
}
