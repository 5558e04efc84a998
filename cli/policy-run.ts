import { pathFor } from '#proxy/policy/search-path.ts';
import type { Policy } from '#schemas/policy.ts';
import { type PolicyCase, readPolicyCases } from './policy-cases.ts';
import { type Explanation, explain } from './policy-explain.ts';
import { DEV_ISSUER, DEV_TARGET, type PolicyRead, readPolicyFile } from './policy-file.ts';
import type { Analyse } from './policy-judging.ts';
import { imaginePlace, imaginePrincipal } from './policy-principal.ts';

/** One case of a test file and what became of it; `faults` is empty where it passed. */
export interface CaseResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly sql: string;
  readonly verdict: string;
  readonly rule: string;
  readonly faults: readonly string[];
}

/** Gives the analysis under the catalog of one target of a policy. */
export type OpenAnalysis = (read: PolicyRead, target: string) => Promise<Analyse>;

/** Runs every case of a test file. Throws a PolicyError where the file or its policy does not load. */
export async function runPolicyCases(file: string, open: OpenAnalysis): Promise<CaseResult[]> {
  const { policy: path, cases } = readPolicyCases(file);
  const read = readPolicyFile(path, { targets: [DEV_TARGET], issuers: [DEV_ISSUER] });
  const { policy } = read;
  const analyses = new Map<string, Analyse>();
  const results: CaseResult[] = [];
  for (const each of cases) {
    const { target, role } = imaginePlace(policy, each);
    const analyse = analyses.get(target) ?? (await open(read, target));
    analyses.set(target, analyse);
    results.push(runCase(file, each, policy, { target, role, analyse }));
  }
  return results;
}

function runCase(
  file: string,
  each: PolicyCase,
  policy: Policy,
  place: { target: string; role: string; analyse: Analyse },
): CaseResult {
  const head = { file, line: each.line, name: each.name ?? each.sql, sql: each.sql };
  let found: Explanation;
  try {
    found = explain({
      policy,
      sql: each.sql,
      parameters: [],
      principal: imaginePrincipal(policy, each),
      ...place,
      inTransaction: each.inTransaction ?? false,
      searchPath: pathFor('"$user", public', place.role),
      now: 0,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...head, verdict: 'none', rule: '', faults: [why] };
  }
  const { kind, rule } = found.verdict;
  return { ...head, verdict: kind, rule, faults: differences(each, found) };
}

function differences(each: PolicyCase, { verdict, masked }: Explanation): string[] {
  const faults: string[] = [];
  if (verdict.kind !== each.expect)
    faults.push(`expected ${each.expect}, but it is ${verdict.kind} by rule ${verdict.rule}`);
  if (each.rule !== undefined && verdict.rule !== each.rule)
    faults.push(`expected rule ${each.rule}, but it is ${verdict.rule}`);
  if (each.masked !== undefined) {
    const [wanted, got] = [each.masked, masked.map(m => m.column)].map(list => [...list].sort().join(', '));
    if (wanted !== got)
      faults.push(`expected masks on ${wanted || 'nothing'}, but they are on ${got || 'nothing'}`);
  }
  return faults;
}
