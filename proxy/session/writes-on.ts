import type { StatementAnalysis } from '#schemas/analysis.ts';
import { DEFAULT_READ_ONLY } from './server-line.ts';

/** SQL that nobody has read may turn the setting off; what begins behind it, before the server has told, would be free to write. */
export function mayTurnWritesOn({ effects, ownTransaction }: StatementAnalysis, among: number): boolean {
  return effects.unknown.length > 0 && (ownTransaction || among > 1);
}

/** It says so itself. */
export function turnsWritesOn({ actions }: StatementAnalysis): boolean {
  return actions.some(
    a =>
      (a.kind === 'begin' && a.readOnly === false) ||
      (a.kind === 'set' && (a.setting === DEFAULT_READ_ONLY || a.setting === 'transaction_read_only')),
  );
}
