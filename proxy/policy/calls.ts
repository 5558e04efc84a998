import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { CatalogView } from './catalog-view.ts';

/** What is called: by OIDs, and by those of their names that the effects do not tell. */
export function calls(
  called: ReadonlySet<number>,
  view: CatalogView,
): Pick<StatementAnalysis, 'calls' | 'callNames'> {
  if (called.size === 0) return {};
  const names = new Set([...called].flatMap(oid => view.functionOf(oid)?.name ?? []));
  return { calls: [...called].sort((a, b) => a - b), callNames: [...names].sort() };
}
