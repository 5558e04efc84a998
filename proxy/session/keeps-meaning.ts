import type { StatementAnalysis } from '#schemas/analysis.ts';

const CONTROL = new Set(['transaction', 'set', 'show', 'empty']);
const DEFINES = new Set(['ddl', 'privilege']);

/** The end of the transaction, settings, and DDL that moves no values. The catalog that judges it has not seen what was changed. */
export function harmlessAfterRewiring({ effects, rewires }: StatementAnalysis): boolean {
  if (effects.commands.every(c => CONTROL.has(c))) return effects.functions.length === 0;
  const defines = effects.commands.every(c => DEFINES.has(c));
  return defines && (rewires === true || effects.reads.length + effects.functions.length === 0);
}

/** Means the same whatever names mean: the end of the transaction, settings, a new table of Postgres's own types. */
export function keepsMeaning({ effects, meaning }: StatementAnalysis): boolean {
  if (effects.functions.length > 0) return false;
  return effects.commands.every(c => CONTROL.has(c)) || (meaning === 'adds' && effects.reads.length === 0);
}
