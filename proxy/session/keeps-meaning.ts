import { cannotTell, type StatementAnalysis } from '#schemas/analysis.ts';
import { STRINGS } from './strings.ts';

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

const UNPLANNED = new Set([...CONTROL, 'lock', 'listen', 'notify']);

/** Nothing in it is planned that may have been planned before. */
export function plansNothing(statement: StatementAnalysis): boolean {
  const { effects, ownTransaction } = statement;
  if (ownTransaction && !callsBodies(statement)) return true;
  return effects.functions.length === 0 && effects.commands.every(c => UNPLANNED.has(c));
}

/** It runs what the bodies of users' functions say by then. */
export function callsBodies({ effects }: StatementAnalysis): boolean {
  return effects.unknown.length > 0 || effects.functions.some(name => !name.startsWith('pg_catalog.'));
}

/** Settings by which names are looked up, or bodies are read; null for all of them. */
const MOVING: ReadonlySet<string | null> = new Set([
  null,
  'role',
  'search_path',
  'session_authorization',
  STRINGS,
]);

/** These take back what was set for a while. */
const RESETTING: ReadonlySet<string> = new Set(['commit', 'rollback', 'rollback-to', 'discard']);

/** A body that only the session knows has run: what names mean may be something else for whatever stands behind it in the same text. */
export function movesNames({ actions, effects, meaning, rewires }: StatementAnalysis): boolean {
  return (
    actions.some(action =>
      action.kind === 'set' ? MOVING.has(action.setting) : RESETTING.has(action.kind),
    ) ||
    effects.commands.some(command => DEFINES.has(command) || command === 'call') ||
    effects.unknown.length > 0 ||
    meaning === 'changes' ||
    rewires === true
  );
}

/** A statement behind such a one. */
export function afterMoved(statement: StatementAnalysis): StatementAnalysis {
  const { actions } = statement;
  const closes = actions.length > 0 && actions.every(a => a.kind === 'deallocate' || a.kind === 'close');
  return closes || keepsMeaning(statement) ? statement : cannotTell(statement, MOVED);
}

const MOVED = 'what an earlier statement of the same text executes changes what this one means';
