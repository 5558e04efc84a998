import type { StatementAnalysis, Strings } from '#schemas/analysis.ts';
import { plain } from './analyse.ts';
import type { CatalogView } from './catalog-view.ts';
import { Facts, HELD } from './effects/facts.ts';
import { judgeOf } from './effects/judge.ts';
import { AT_THE_END } from './effects/names.ts';

/** What making values of these types from text would run by the definitions of now; `casts`: or from values of other types. */
export function analyseTypes(
  types: readonly number[],
  casts: boolean,
  view: CatalogView,
  searchPath: readonly string[],
  strings: Strings,
): StatementAnalysis {
  const facts = new Facts();
  const judge = judgeOf(view);
  for (const oid of types) {
    for (const when of ['io', 'meets', 'checks'] as const)
      facts.absorb(judge.typeFacts(oid, when, searchPath));
    for (const { function: called } of casts ? (view.type(oid)?.casts ?? []) : [])
      facts.absorb(judge.hookFacts(called, searchPath, 'a cast'));
  }
  return concluded(facts, view, strings);
}

/**
 * What would run at the end of a transaction by the definitions of now: `left` is what an analysis has called `late`, `searchPath` where that
 * was made, `strings` how the session reads bodies.
 */
export function analyseLate(
  left: readonly number[],
  view: CatalogView,
  searchPath: readonly string[],
  strings: Strings,
): StatementAnalysis {
  const facts = new Facts();
  const judge = judgeOf(view);
  for (const oid of left) {
    const f = oid > HELD ? view.functionOf(oid) : undefined;
    if (f !== undefined) facts.absorb(judge.lateFacts(f, searchPath));
    else if (oid > HELD)
      facts.cannotTell('a function that the end of the transaction calls is not in the catalog');
    else if (oid < HELD)
      for (const when of ['io', 'meets', 'checks'] as const)
        facts.absorb(judge.typeFacts(-oid, when, AT_THE_END));
  }
  if (view.hasProtected && facts.protected && facts.carriers.size > 0)
    facts.refuse(
      `${[...facts.carriers][0]} could carry protected values out of what the end of the transaction reads`,
    );
  return concluded(facts, view, strings);
}

function concluded(facts: Facts, view: CatalogView, strings: Strings): StatementAnalysis {
  if (strings !== 'standard' || facts.otherStrings)
    for (const body of facts.ambiguous)
      facts.cannotRead(`${body} says something else with standard_conforming_strings off`);
  if (facts.commands.size === 0) facts.commands.add(facts.readOnly ? 'select' : 'call');
  const actions = [...facts.settings].map(setting => ({ kind: 'set', setting }) as const);
  return { ...plain(facts, view), actions };
}
