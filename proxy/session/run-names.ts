import type { StatementAnalysis } from '#schemas/analysis.ts';

/** What statements come to, to be compared with what others change. */
export interface RunNames {
  /** `schema.name` of relations. */
  readonly relations: ReadonlySet<string>;
  /** Of these, what they write. */
  readonly written: ReadonlySet<string>;
  /** Relations and functions by the last parts of their names: the same may lead elsewhere by then. */
  readonly bare: ReadonlySet<string>;
}

export function namesOf(statements: readonly StatementAnalysis[]): RunNames {
  const relations = new Set<string>();
  const written = new Set<string>();
  const bare = new Set<string>();
  for (const { callNames = [], effects, within } of statements) {
    for (const labels of [effects.writes, within?.writes ?? []])
      for (const label of labels) written.add(label);
    for (const labels of [effects.reads, within?.reads ?? []])
      for (const label of labels) relations.add(label);
    for (const label of effects.functions) bare.add(lastOf(label));
    for (const name of callNames) bare.add(name);
  }
  for (const label of written) relations.add(label);
  for (const label of relations) bare.add(lastOf(label));
  return { relations, written, bare };
}

/** One of `StatementAnalysis.about` and what a run comes to. `held`: what locks its transaction has, as `StatementAnalysis.takes` has them. */
export function meets(about: string, run: RunNames, held: ReadonlySet<string>): boolean {
  switch (about[0]) {
    case '*':
      return run.bare.size > 0;
    case '?':
    case '!':
      return about === '?*' ? run.bare.size > 0 : run.bare.has(about.slice(2));
    case '>':
    case '=': {
      const label = about.slice(1);
      return run.written.has(label) && !held.has(`>${label}`);
    }
    default:
      return run.relations.has(about) && !held.has(about) && !held.has(`>${about}`);
  }
}

/** Nobody is kept from anything by it before its transaction is committed. */
export function isLater(about: string): boolean {
  return about[0] === '?';
}

/** It changes nothing: others could not write meanwhile. */
export function isLock(about: string): boolean {
  return about[0] === '=';
}

/** Without the schema. Temporary ones are nobody else's, but the same name may stand behind them. */
function lastOf(label: string): string {
  return label.slice(label.indexOf('.') + 1);
}
