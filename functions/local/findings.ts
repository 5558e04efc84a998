import type { Finding } from '../ports.ts';

/** Findings of one fault that are told one by one. */
const MOST_TOLD = 100;

/** What verification has found, each with the session that it concerns (null: the whole log). */
export class Findings {
  #all: { readonly finding: Finding; readonly session: string | null }[] = [];

  add(fault: string, where: string, what: string, session: string | null = null): void {
    this.#all.push({ finding: { fault, where, what }, session });
  }

  /** These, and then those of `more`. */
  with(more: Findings): Findings {
    const both = new Findings();
    both.#all = [...this.#all, ...more.#all];
    return both;
  }

  /** Those of one session and of the whole log, or all: of each fault the first ones, and how many more there are. */
  told(session?: string): Finding[] {
    const counts = new Map<string, number>();
    const told: Finding[] = [];
    for (const { finding, session: whose } of this.#all) {
      if (session !== undefined && whose !== null && whose !== session) continue;
      const count = (counts.get(finding.fault) ?? 0) + 1;
      counts.set(finding.fault, count);
      if (count <= MOST_TOLD) told.push(finding);
    }
    for (const [fault, count] of counts)
      if (count > MOST_TOLD)
        told.push({ fault, where: 'log', what: `${count - MOST_TOLD} more findings of this kind` });
    return told;
  }
}
