import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { formatPath, PolicyError } from '#proxy/policy/policy-error.ts';
import { shapeFaults } from '#proxy/policy/shape.ts';
import { readYaml } from '#proxy/policy/yaml-source.ts';
import { readText } from './policy-file.ts';

const verdictKind = z.enum(['allow', 'hold', 'deny']);
const who = {
  /** Subject of the principal. */
  as: z.string().min(1).optional(),
  email: z.string().min(1).optional(),
  groups: z.array(z.string().min(1)).optional(),
  /** Name of an issuer of the policy. */
  issuer: z.string().min(1).optional(),
  target: z.string().min(1).optional(),
  role: z.string().min(1).optional(),
  inTransaction: z.boolean().optional(),
};

/** One test file of `holdpoint policy test`. Keys beside `sql` and `expect` may stand in a case or in `defaults`. */
const caseFile = z.strictObject({
  /** The policy file, relative to this one. */
  policy: z.string().min(1),
  defaults: z.strictObject(who).default({}),
  cases: z
    .array(
      z.strictObject({
        ...who,
        name: z.string().min(1).optional(),
        sql: z.string(),
        expect: verdictKind,
        /** Name of the rule that must give the verdict. */
        rule: z.string().min(1).optional(),
        /** Protected columns, exactly, that the statement touches. */
        masked: z.array(z.string()).optional(),
      }),
    )
    .min(1),
});

export type PolicyCase = z.infer<typeof caseFile>['cases'][number] & { readonly line: number };

export interface PolicyCases {
  /** Path of the policy file. */
  readonly policy: string;
  readonly cases: readonly PolicyCase[];
}

/** Reads a test file. Throws a PolicyError with every fault and its place. */
export function readPolicyCases(path: string): PolicyCases {
  const source = readYaml(readText(path), path);
  const parsed = caseFile.safeParse(source.data ?? {});
  if (!parsed.success) {
    const faults = shapeFaults(caseFile, parsed.error.issues, source.data ?? {});
    throw new PolicyError(
      path,
      faults.map(({ path: at, key, message }) => ({
        ...source.position(at, key),
        path: formatPath(at),
        message,
      })),
    );
  }
  const { defaults, cases, policy } = parsed.data;
  return {
    policy: resolve(dirname(path), policy),
    cases: cases.map((each, i) => ({ ...defaults, ...each, line: source.position(['cases', i]).line })),
  };
}
