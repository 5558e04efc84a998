import type { z } from 'zod';
import type { effectsMatch } from '#schemas/policy.ts';
import type { Report } from './report.ts';
import type { Path } from './yaml-source.ts';

type EffectsMatch = z.infer<typeof effectsMatch>;
const PATTERN_KEYS = ['reads', 'writes', 'onlyRelations', 'functions', 'onlyFunctions'] as const;

/** Patterns without a schema would match nothing, and a rule that holds or denies would be silently off. */
export function patternFaults(match: EffectsMatch, path: Path, report: Report): void {
  for (const key of PATTERN_KEYS)
    match[key]?.forEach((pattern, i) => {
      const at = [...path, key, i];
      if (/["\s]/.test(pattern))
        report(at, 'names are written as the catalog spells them, without quotes, spaces or arguments');
      else if (pattern.includes('('))
        report(at, 'a function is named without its arguments, and all of that name are meant');
      else if (!pattern.includes('.') && !pattern.startsWith('*'))
        report(at, `matches nothing without its schema; write public.${pattern} or *.${pattern}`);
    });
}

/** Why no statement can meet this match, or null. */
export function contradiction(match: EffectsMatch): string | null {
  const { readOnly, commands, anyCommand, maxRows, moreRowsThan, unknown } = match;
  if (readOnly === true) {
    if (match.writes !== undefined) return 'a read writes nothing';
    if (match.withoutWhere === true) return 'a read has no UPDATE or DELETE without WHERE';
    if (match.outside === true) return 'a provable read does not reach outside the database';
    if (unknown === true) return 'a provable read has nothing unknown';
  }
  if (unknown === true && match.onlyRelations !== undefined)
    return 'where something is unknown, the relations are not all known';
  if (unknown === true && match.onlyFunctions !== undefined)
    return 'where something is unknown, the functions are not all known';
  if (unknown === false && commands?.every(c => c === 'unknown')) return 'its commands are unknown';
  if (unknown === false && anyCommand?.every(c => c === 'unknown')) return 'its commands are unknown';
  if (maxRows !== undefined && moreRowsThan !== undefined && maxRows <= moreRowsThan)
    return `at most ${maxRows} rows are never more than ${moreRowsThan}`;
  if (commands !== undefined && anyCommand?.every(c => !commands.includes(c)))
    return 'none of anyCommand is among commands';
  return null;
}
