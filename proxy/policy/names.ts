import type { z } from 'zod';
import type { PolicyFile, principalMatch } from '#schemas/policy.ts';
import type { LoadOptions } from './load.ts';
import { nearest } from './nearest.ts';
import { matchesPattern } from './pattern.ts';
import type { Report } from './report.ts';
import type { Path } from './yaml-source.ts';

/** The names that a policy file defines, or that its loader adds: every name used must lead to one of them. */
export class Names {
  readonly #file: PolicyFile;
  readonly #targets: readonly string[];
  readonly #issuers: readonly string[];
  readonly #extraTargets: readonly string[];
  readonly #extraIssuers: readonly string[];

  constructor(file: PolicyFile, { extraTargets = [], extraIssuers = [] }: LoadOptions) {
    this.#file = file;
    this.#extraTargets = extraTargets;
    this.#extraIssuers = extraIssuers;
    this.#targets = [...Object.keys(file.targets), ...extraTargets];
    this.#issuers = [...file.issuers.map(i => i.name), ...extraIssuers];
  }

  targets(used: readonly string[] | undefined, path: Path, report: Report): void {
    this.#known('target', used, this.#targets, path, report);
  }

  issuer(used: string | undefined, path: Path, report: Report): void {
    if (used === undefined || this.#issuers.includes(used)) return;
    const near = nearest(used, this.#issuers);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    report(path, `there is no issuer ${JSON.stringify(used)}${hint}`);
  }

  /** Roles are known for the targets of the file only: with an added target among those meant, every role may exist. */
  roles(
    used: readonly string[] | undefined,
    on: readonly string[] | undefined,
    path: Path,
    report: Report,
  ): void {
    const meant = (name: string): boolean => on === undefined || on.some(p => matchesPattern(p, name));
    if (this.#extraTargets.some(meant)) return;
    const known = Object.entries(this.#file.targets)
      .filter(([name]) => meant(name))
      .flatMap(([, target]) => Object.keys(target.roles));
    // Targets that lead nowhere are reported as such; their roles would only repeat it.
    if (known.length > 0) this.#known('role', used, known, path, report);
  }

  principals(match: z.infer<typeof principalMatch>, path: Path, report: Report): void {
    this.#known('issuer', match.issuers, this.#issuers, [...path, 'issuers'], report);
    const fromClaims =
      this.#extraIssuers.length > 0 ||
      this.#file.issuers.some(i => i.groupsClaim !== undefined || i.directory !== undefined);
    if (!fromClaims)
      this.#known('group', match.groups, Object.keys(this.#file.groups), [...path, 'groups'], report);
    match.emails?.forEach((email, i) => {
      if (email !== email.toLowerCase())
        report([...path, 'emails', i], 'can never match: e-mails are compared in lower case');
    });
  }

  #known(
    noun: string,
    used: readonly string[] | undefined,
    known: readonly string[],
    path: Path,
    report: Report,
  ): void {
    used?.forEach((name, i) => {
      if (known.some(candidate => matchesPattern(name, candidate))) return;
      const near = nearest(name, known);
      const list = known.length === 0 ? `this policy has none` : `known: ${[...new Set(known)].join(', ')}`;
      const hint = near === undefined ? list : `did you mean ${near}?`;
      const what = name.includes('*') ? `no ${noun} matches` : `there is no ${noun}`;
      report([...path, i], `${what} ${JSON.stringify(name)}; ${hint}`);
    });
  }
}
