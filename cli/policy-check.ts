import { adviseOn } from '#proxy/policy/advice.ts';
import { PolicyError } from '#proxy/policy/policy-error.ts';
import type { Added, PolicyRead } from './policy-file.ts';
import { readPolicyFile } from './policy-file.ts';
import { visible } from './visible.ts';

/** The result of `holdpoint policy check`, as its `--json` prints it. */
export type CheckReport =
  | {
      readonly ok: true;
      readonly file: string;
      readonly policyVersion: string;
      readonly rules: number;
      readonly access: number;
      readonly protected: number;
      readonly advice: readonly string[];
    }
  | {
      readonly ok: false;
      readonly file: string;
      readonly faults: readonly {
        readonly line: number;
        readonly column: number;
        readonly path: string;
        readonly message: string;
      }[];
    };

/** Checks one file. Throws only where the file cannot be read at all. */
export function checkPolicy(file: string, added: Added): CheckReport {
  let read: PolicyRead;
  try {
    read = readPolicyFile(file, added);
  } catch (error) {
    if (error instanceof PolicyError) return { ok: false, file, faults: error.faults };
    throw error;
  }
  const { file: policy, borrowed } = read;
  const advice = adviseOn(policy);
  const names = [
    ...borrowed.targets.map(name => `target ${name}`),
    ...borrowed.issuers.map(name => `issuer ${name}`),
  ];
  if (names.length > 0)
    advice.push(
      `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} not in this file: \`holdpoint dev\` adds what it serves, the cloud does not`,
    );
  if (policy.issuers.length === 0 && borrowed.issuers.length === 0)
    advice.push('there is no issuer in this file: only tokens of `holdpoint dev` can open a session');
  return {
    ok: true,
    file,
    policyVersion: policy.policyVersion,
    rules: policy.rules.length,
    access: policy.access.length,
    protected: policy.protected.length,
    advice,
  };
}

/** A report on a good file as people read it. */
export function checkText(report: Extract<CheckReport, { ok: true }>): string {
  const count = (n: number, noun: string, plural: string): string => `${n} ${n === 1 ? noun : plural}`;
  const parts = [
    count(report.rules, 'rule', 'rules'),
    count(report.access, 'access entry', 'access entries'),
    count(report.protected, 'protected column', 'protected columns'),
  ];
  const advice = report.advice.map(sentence => `  note: ${visible(sentence)}\n`).join('');
  return `${report.file}: good: ${parts.join(', ')}; version ${report.policyVersion.slice(0, 12)}\n${advice}`;
}
